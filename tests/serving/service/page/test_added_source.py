"""A source that is added to the registry is named on the page, which knows none by itself."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from marquee.pipeline.arrays import Float32
from marquee.serving.recommender.sources import registry
from marquee.serving.recommender.sources.source import Asked, Source
from tests.serving import small
from tests.serving.service.page.actions import card_at, open_page
from tests.serving.service.page.fake_api import served


def from_the_end(asked: Asked) -> Float32:
    return np.arange(len(asked.index), dtype=np.float32)


LAST = Source(
    name="from_the_end",
    quota=lambda params: 5,
    scores=from_the_end,
    weight=lambda params: 100.0,
    shown="stands last",
    shown_at_first="stands last, to begin with",
    found_by="reading the catalogue from its end",
)


@pytest.fixture
def address(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The page of the whole service, with one more source behind the first three."""
    monkeypatch.setattr(registry, "SOURCES", (*registry.SOURCES[:3], LAST))
    with small.application(tmp_path) as app, served(app) as host:
        yield f"{host}/ui/"


def test_the_page_shows_the_words_of_a_source_it_never_heard_of(page: Page, address: str):
    open_page(page, address)
    first = page.locator("[data-source=from_the_end]").first
    expect(first).to_have_text("stands last, to begin with")
    card = card_at(page, 0)
    card.get_by_role("button", name="Details of").click()
    expect(card).to_contain_text("reading the catalogue from its end")
