"""The page for those who use a keyboard, a phone, a dark screen or a reader."""

from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.serving.service.page.actions import card_at, cards, open_filters, open_page, rate, search, until
from tests.serving.service.page.fake_api import Api

CONTRAST = (Path(__file__).parent / "contrast.js").read_text(encoding="utf-8")


def test_everything_is_done_with_the_keyboard_alone(page: Page, address: str, api: Api):
    open_page(page, address)
    press = page.keyboard.press
    press("Tab")
    expect(page.get_by_role("link", name="Skip to the recommendations")).to_be_focused()
    press("Tab")  # the watchlist
    press("Tab")  # the model card
    press("Tab")
    expect(page.get_by_label("Search by title")).to_be_focused()
    page.keyboard.type("alien")
    expect(page.locator("#found li").first).to_contain_text("Alien")
    press("ArrowDown")
    press("ArrowRight")  # three stars, to begin with
    press("ArrowRight")
    expect(page.locator("#found input").first).to_have_attribute("aria-valuetext", "3.5 stars, Enter rates")
    assert api.bodies("feedback") == []
    press("Enter")
    expect(page.get_by_label("Search by title")).to_be_focused()
    assert until(api, "recommend", 2)["history"][0]["rating"] == 3.5
    press("Tab")
    press("Tab")
    press("ArrowRight")
    assert until(api, "recommend", 3)["history"][0]["rating"] == 4
    press("5")
    assert until(api, "recommend", 4)["history"][0]["rating"] == 5
    press("Tab")
    press("Enter")
    expect(page.get_by_text("Nothing rated yet")).to_be_visible()


def test_escape_closes_the_search_and_takes_back_stars(page: Page, address: str, api: Api):
    open_page(page, address)
    search(page, "Alien")
    page.keyboard.press("Escape")
    expect(page.get_by_role("list", name="Movies found")).to_be_hidden()
    stars = card_at(page, 1).get_by_role("slider")
    stars.focus()
    page.keyboard.press("ArrowRight")
    expect(stars).to_have_attribute("aria-valuetext", "4.5 stars, Enter rates")
    page.keyboard.press("Escape")
    expect(stars).to_have_attribute("aria-valuetext", "not rated, predicted 4.5 stars")
    assert api.bodies("feedback") == []


def test_focus_stays_in_the_list_when_its_movie_leaves(page: Page, address: str):
    open_page(page, address)
    rated = card_at(page, 2)
    rated.get_by_role("slider").focus()
    page.keyboard.press("4")
    page.keyboard.press("Enter")
    expect(page.locator("#rated > li")).to_have_count(1)
    expect(rated).to_have_count(0)
    expect(cards(page).nth(2).get_by_role("slider")).to_be_focused()


def test_changes_are_said_aloud(page: Page, address: str):
    open_page(page, address)
    rate(page, "Alien", 4.5)
    expect(page.get_by_role("status")).to_contain_text("Alien: 4.5 stars. 12 recommendations, first")


def test_every_control_has_a_name(page: Page, address: str):
    open_page(page, address)
    rate(page, "Alien", 4.5)
    nameless = page.evaluate(
        """[...document.querySelectorAll("button, input, select, summary")]
           .filter((e) => e.checkVisibility() && !(e.ariaLabel || e.textContent.trim() || e.labels?.length))
           .map((e) => e.outerHTML)"""
    )
    assert nameless == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(("width", "text"), [(320, "100%"), (320, "200%"), (1280, "100%")])
def test_nothing_overflows_and_text_is_readable(
    browser: Browser, address: str, scheme: str, width: int, text: str
):
    viewport = {"width": width, "height": 740}
    context = browser.new_context(viewport=viewport, color_scheme=scheme, reduced_motion="reduce")
    page = context.new_page()

    def check(state: str) -> None:
        assert page.evaluate("document.scrollingElement.scrollWidth") <= width, state
        assert page.evaluate(CONTRAST) == [], state

    open_page(page, address)
    page.evaluate("size => { document.documentElement.style.fontSize = size }", text)
    assert page.evaluate("matchMedia('(prefers-color-scheme: dark)').matches") == (scheme == "dark")
    check("empty")
    search(page, "Godfather")
    check("search")
    rate(page, "Alien", 4.5)
    expect(cards(page).first).to_contain_text("because you liked Alien")
    card_at(page, 0).get_by_role("button", name="Details of").click()
    open_filters(page)
    page.get_by_text("Horror", exact=True).click()
    check("rated, filtered, details")
    page.get_by_label("From year").fill("2000")
    page.get_by_label("to year").fill("1990")
    expect(page.get_by_label("to year")).to_have_attribute("aria-invalid", "true")
    check("years at odds")
    card_at(page, 0).get_by_role("button", name="Movies similar to").click()
    expect(page.locator("#similar-list .reason").first).to_be_visible()
    page.get_by_role("dialog").get_by_role("button", name="Not interested").first.click()
    check("similar, one dismissed")
    page.keyboard.press("Escape")
    card_at(page, 0).get_by_role("button", name="on your watchlist").click()
    page.get_by_role("button", name="Watchlist (1)").click()
    check("watchlist")
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Model card").click()
    expect(page.get_by_role("dialog")).to_contain_text("two-tower minus popularity")
    check("model card")
    context.close()


def test_a_finger_rates_and_a_scroll_does_not(browser: Browser, address: str, api: Api):
    phone = {"width": 360, "height": 740}
    context = browser.new_context(viewport=phone, has_touch=True, is_mobile=True, reduced_motion="reduce")
    page = context.new_page()
    open_page(page, address)
    stars = card_at(page, 1).locator(".stars")
    stars.scroll_into_view_if_needed()
    box = stars.bounding_box()
    assert box is not None
    for kind in ("pointerdown", "pointercancel"):  # what a browser sends when the finger begins to scroll
        stars.dispatch_event(kind, {"pointerId": 1, "clientX": box["x"] + 20, "clientY": box["y"] + 9})
    assert api.bodies("feedback") == []
    page.touchscreen.tap(box["x"] + box["width"] * 0.75, box["y"] + box["height"] / 2)
    assert until(api, "feedback", 1)["rating"] == 4
    context.close()
