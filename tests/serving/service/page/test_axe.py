"""axe-core finds nothing to mend, whatever the page shows."""

from importlib import resources

import pytest
from playwright.sync_api import Page, expect

from tests.serving.service.page.actions import card_at, cards, open_filters, open_page, rate, search
from tests.serving.service.page.fake_api import Api

PACKAGE = "axe_playwright_python"
"""Brings axe-core's source; running it ourselves keeps the messages short."""


def findings(page: Page) -> list[str]:
    """What axe-core holds against the page as it is now, each with the first element it is about."""
    page.evaluate(resources.files(PACKAGE).joinpath("axe.min.js").read_text(encoding="utf-8"))
    violations = page.evaluate("axe.run().then((results) => results.violations)")
    return [f"{found['id']}: {found['help']}: {found['nodes'][0]['html']}" for found in violations]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_in_any_state(page: Page, address: str, api: Api, scheme: str):
    pytest.importorskip(PACKAGE, reason="axe-playwright-python is not installed")
    page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    open_page(page, address)
    seen = {"empty": findings(page)}
    search(page, "Godfather")
    seen["search"] = findings(page)
    rate(page, "Alien", 4.5)
    expect(cards(page).first).to_contain_text("because you liked Alien")
    card_at(page, 0).get_by_role("button", name="Details of").click()
    expect(card_at(page, 0)).to_contain_text("Directed by")
    open_filters(page)
    page.get_by_label("From year").fill("2000")
    page.get_by_label("to year").fill("1990")
    expect(page.get_by_label("to year")).to_have_attribute("aria-invalid", "true")
    seen["details, years at odds"] = findings(page)
    page.get_by_role("button", name="Clear filters").click()
    card_at(page, 1).get_by_role("button", name="Not interested").click()
    expect(page.get_by_role("button", name="Undo")).to_be_visible()
    seen["dismissed"] = findings(page)
    card_at(page, 0).get_by_role("button", name="Movies similar to").click()
    expect(page.locator("#similar-list > li").first).to_be_visible()
    page.locator("#similar-list .watch").first.click()
    page.get_by_role("dialog").get_by_role("button", name="Not interested").last.click()
    expect(page.get_by_role("dialog").get_by_role("button", name="Undo")).to_be_visible()
    seen["similar, one dismissed"] = findings(page)
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Watchlist (1)").click()
    seen["watchlist"] = findings(page)
    page.get_by_role("button", name="from your watchlist").click()
    expect(page.get_by_text("Nothing on it yet")).to_be_visible()
    seen["empty watchlist, undo"] = findings(page)
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Model card").click()
    expect(page.get_by_role("dialog")).to_contain_text("two-tower minus popularity")
    seen["model card"] = findings(page)
    page.keyboard.press("Escape")
    api.failing["recommend"] = (500, {})
    rate(page, "Heat", 3)
    expect(page.get_by_role("alert")).to_be_visible()
    seen["failed"] = findings(page)
    assert {state: found for state, found in seen.items() if found} == {}
