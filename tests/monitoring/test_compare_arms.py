"""From the log to the table."""

import re
import shutil
import time
from pathlib import Path

import numpy as np
import pytest

from marquee.events import records
from marquee.pipeline import paths
from monitoring import compare_arms
from tests.events import examples
from tests.places import ROOT


def write(folder: Path, clicks: dict[str, float]) -> None:
    """400 visitors a day ago, one list each; the arm's share of them clicked. The first came too early."""
    rng = np.random.default_rng(0)
    lines = []
    for visitor in range(400):
        arm = ("champion", "challenger")[visitor % 2]
        begun = time.time() - 100_000 + visitor
        answer = examples.answer(f"v{visitor}", arm=arm, bundle=("ab", "cd")[visitor % 2] * 32, time=begun)
        lines.append(records.to_line(answer))
        if rng.random() < clicks[arm]:
            click = examples.feedback(f"v{visitor}", answer["request_id"], time=begun + 5)
            lines.append(records.to_line(click))
    folder.mkdir(parents=True)
    (folder / "1-1-0.jsonl").write_bytes(b"".join(lines))


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    shutil.copy(ROOT / paths.PARAMS, tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_table_shows_both_arms_the_difference_and_the_verdict(
    root: Path, capsys: pytest.CaptureFixture[str]
):
    write(paths.EVENTS.segments, {"champion": 0.1, "challenger": 0.6})
    assert compare_arms.main([]) == 0
    printed = capsys.readouterr().out
    assert "champion abababababab: 199 visitors; challenger cdcdcdcdcdcd: 200 visitors" in printed
    (row,) = [line for line in printed.splitlines() if line.startswith("click_share  ")]
    champion, challenger = (float(cell.split()[0]) for cell in re.split("  +", row)[1:3])
    assert (champion, challenger) == (pytest.approx(0.1, abs=0.06), pytest.approx(0.6, abs=0.1))
    assert "click_share: the challenger is better, known after 2" in printed
    assert "mean_rating: too early" in printed
    assert re.search("^mean_rating +- +- +- +- +-$", printed, re.MULTILINE)
    assert max(map(len, printed.splitlines())) <= 160


def test_visitors_whose_hours_are_not_over_wait(root: Path, capsys: pytest.CaptureFixture[str]):
    write(paths.EVENTS.segments, {"champion": 0.1, "challenger": 0.6})
    assert compare_arms.main(["--hours", "72"]) == 0
    assert "left out: 399 visitors whose hours are not over" in capsys.readouterr().out


def test_without_an_experiment_the_reason_is_said(root: Path, caplog: pytest.LogCaptureFixture):
    assert compare_arms.main([]) == 2
    assert "serving.challenger.mode: split" in caplog.text
