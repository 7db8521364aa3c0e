"""docs/architecture.png is drawn from the imports as they are."""

import re
from pathlib import Path

import matplotlib as mpl
import numpy as np

from docs import draw_architecture
from tests.imports import graph
from tests.places import ROOT


def test_the_picture_of_the_rooms_is_up_to_date(tmp_path: Path):
    draw_architecture.draw(tmp_path / "architecture.png")
    drawn, committed = (
        mpl.image.imread(path) for path in (tmp_path / "architecture.png", ROOT / "docs" / "architecture.png")
    )
    assert drawn.shape == committed.shape, "run make architecture"
    assert np.abs(drawn - committed).mean() < 1e-3, "run make architecture"


def test_the_page_says_of_every_room_what_lives_there():
    table = [
        line for line in (ROOT / "docs/architecture.md").read_text().splitlines() if line.startswith("|")
    ]
    named = set(re.findall(r"`(?:\w+/)?(\w+)`", " ".join(line.split("|")[1] for line in table)))
    assert {room.rpartition(".")[2] for room in draw_architecture.rooms(graph())} == named


def test_an_arrow_that_follows_from_two_others_is_left_out():
    found = {"a": {"b", "c"}, "b": {"c"}, "c": set()}
    assert draw_architecture.without_shortcuts(found) == {("a", "b"), ("b", "c")}
