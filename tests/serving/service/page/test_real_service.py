"""The page of the service itself: over a bundle made by hand, and over the one of the pipeline."""

import json
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from marquee.pipeline import paths
from marquee.serving.recommender.bundle import open_packaged
from marquee.serving.service.service import EVENTS
from tests.places import ROOT
from tests.serving import live, small
from tests.serving.service.page.actions import card_at, cards, click_stars, eventually, open_filters
from tests.serving.service.page.fake_api import served


@pytest.fixture(params=["by hand", pytest.param("pipeline", marks=pytest.mark.slow)])
def host(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Where the service is; it records events in the test's folder."""
    if request.param == "by hand":
        with small.application(tmp_path) as app, served(app) as address:
            yield address
        return
    try:
        open_packaged(ROOT / paths.BUNDLE)
    except (ValueError, OSError) as error:  # ParamsError: of before a knob was added
        pytest.skip(f"no bundle to serve: {error}")
    with live.served(ROOT, tmp_path, **{EVENTS: str(tmp_path)}) as service:
        yield service.address


@pytest.fixture
def address(host: str) -> str:
    return f"{host}/ui/"


def test_the_service_answers_the_page(page: Page, host: str, address: str, tmp_path: Path):
    with urllib.request.urlopen(f"{host}/model", timeout=20) as answer:
        described = json.load(answer)
    model = described["model"]
    page.goto(host)  # the root leads to the page
    expect(page).to_have_url(address)
    expect(cards(page)).to_have_count(12)
    first_visit = cards(page).all_inner_texts()
    expect(page.locator("#first-titles > li")).to_have_count(6)
    page.get_by_label("Search by title").fill("ma")
    with page.expect_response("**/recommend"):
        click_stars(page.locator("#found > li").first, 5)
    expect(page.get_by_role("heading", name="Tonight, for you")).to_be_visible()
    expect(page.locator("#recommendations[aria-busy=true]")).to_have_count(0)
    expect(cards(page)).to_have_count(12)
    assert cards(page).all_inner_texts() != first_visit
    expect(page.locator("#spent")).to_contain_text(f"model {model[:8]}")
    card = card_at(page, 0)
    card.get_by_role("button", name="Details of").click()
    expect(card).to_contain_text("by retrieval")
    card.get_by_role("button", name="Movies similar to").click()
    expect(page.get_by_role("dialog").get_by_role("listitem")).to_have_count(12)
    page.keyboard.press("Escape")
    open_filters(page)
    years = described["years"]
    page.get_by_label("From year").fill(str(years["last"] + 1))
    expect(page.locator("#years-problem")).to_contain_text(f"are of {years['first']} to {years['last']}")
    page.get_by_label("From year").fill(str(years["last"]))
    expect(page.locator("#years-problem")).to_be_hidden()
    page.get_by_role("button", name="Model card").click()
    expect(page.get_by_role("dialog")).to_contain_text(model)
    eventually(lambda: any(record.event == "rated" for record in small.recorded(tmp_path, "feedback", 0)))
