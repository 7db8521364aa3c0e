"""Similar movies say what they have in common with the one they are like, and can be sent away."""

from playwright.sync_api import Locator, Page, expect

from tests.serving.service.page.actions import card_at, open_page, until
from tests.serving.service.page.fake_api import Api

IN_COMMON = """([title, other, ...shared]) => import("./reasons.js").then(
  (reasons) => reasons.inCommon({ title, shared }, { title: other })?.textContent ?? null)"""
"""What the page says of a movie like another one."""


def open_similar(page: Page) -> Locator:
    """To the movie at the second place."""
    card_at(page, 1).get_by_role("button", name="Movies similar to").click()
    dialog = page.get_by_role("dialog", name="Similar to")
    expect(dialog.get_by_role("listitem")).to_have_count(12)
    return dialog


def test_a_similar_movie_says_what_it_has_in_common(page: Page, address: str):
    open_page(page, address)
    said = {
        ("Toy Story", "Toy Story 3", "Tom Hanks", "Comedy"): "in common: the series, Tom Hanks, Comedy",
        ("The Godfather Part II", "The Godfather", "Al Pacino"): "in common: the series, Al Pacino",
        ("The Evil Dead", "Evil Dead II", "Horror"): "in common: the series, Horror",
        ("Mission: Impossible III", "Mission: Impossible - Six", "War"): "in common: the series, War",
        ("King Kong", "King Kong", "Adventure"): "in common: Adventure",
        ("The Arrival", "Arrival", "Sci-Fi"): "in common: Sci-Fi",
        ("Henry V", "Henry: Portrait of a Serial Killer", "Drama"): "in common: Drama",
        ("Apollo 13", "Apollo 18", "Sci-Fi"): "in common: Sci-Fi",
        ("The Mission", "Mission: Impossible"): None,
    }
    assert {pair: page.evaluate(IN_COMMON, list(pair)) for pair in said} == said
    card = open_similar(page).get_by_role("listitem").first
    expect(card.locator(".reason")).to_contain_text("in common: ")


def test_a_similar_movie_can_be_sent_away_and_brought_back(page: Page, address: str, api: Api):
    open_page(page, address)
    dialog = open_similar(page)
    third = dialog.get_by_role("listitem").nth(2)
    movie = int(third.get_attribute("data-key") or 0)
    away = dialog.locator(f"li[data-key='{movie}']")
    third.get_by_role("button", name="Not interested").press("Enter")
    expect(away).to_have_count(0)
    expect(third.get_by_role("slider")).to_be_focused()  # of the next one, in its place
    assert until(api, "feedback", 2)["event"] == "dismissed"  # after the click that opened them
    assert until(api, "recommend", 2)["exclude"] == [movie]
    dialog.get_by_role("button", name="Undo").click()
    expect(away.get_by_role("button").first).to_be_focused()
    assert until(api, "recommend", 3)["exclude"] == []
    away.get_by_role("button", name="Not interested").click()
    expect(away).to_have_count(0)
    page.keyboard.press("Control+z")
    expect(away).to_have_count(1)


def test_whoever_sends_all_away_is_left_at_the_heading(page: Page, address: str):
    open_page(page, address)
    dialog = open_similar(page)
    buttons = dialog.get_by_role("button", name="Not interested")
    for left in range(11, -1, -1):
        buttons.first.press("Enter")
        expect(buttons).to_have_count(left)
    expect(dialog.get_by_role("heading", name="Similar to")).to_be_focused()
