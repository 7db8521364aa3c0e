"""What was removed comes back, where it was, and the focus with it."""

from playwright.sync_api import Locator, Page, expect

from tests.serving.service.page.actions import card_at, open_page, rate
from tests.serving.service.page.fake_api import films

IDS = {film.title: film.movie_id for film in films()}


def rated(page: Page, title: str) -> Locator:
    return page.locator(f"#rated > li[data-key='{IDS[title]}']")


def order(page: Page) -> list[str | None]:
    return [row.get_attribute("data-key") for row in page.locator("#rated > li").all()]


def open_with_three(page: Page, address: str) -> list[str | None]:
    open_page(page, address)
    for title in ("Alien", "Casablanca", "Amélie"):
        rate(page, title, 4)
    expect(rated(page, "Amélie")).to_have_count(1)
    return order(page)


def test_a_removed_rating_comes_back_to_its_place_with_the_focus(page: Page, address: str):
    before = open_with_three(page, address)
    remove = rated(page, "Casablanca").get_by_role("button")
    remove.click()
    expect(rated(page, "Casablanca")).to_have_count(0)
    page.get_by_role("button", name="Undo").click()
    expect(remove).to_be_focused()
    assert order(page) == before
    expect(page.get_by_role("slider", name="Your rating of Casablanca")).to_have_attribute(
        "aria-valuetext", "4 stars"
    )
    expect(page.get_by_role("button", name="Undo")).to_be_hidden()


def test_all_ratings_come_back_behind_those_given_meanwhile(page: Page, address: str):
    before = open_with_three(page, address)
    page.get_by_role("button", name="Clear all").click()
    expect(page.get_by_text("Nothing rated yet")).to_be_visible()
    rate(page, "Heat", 3)
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_role("button", name="Clear all")).to_be_focused()
    assert order(page) == [str(IDS["Heat"]), *before]
    page.reload()
    expect(page.locator("#rated > li")).to_have_count(4)


def test_what_was_rated_again_meanwhile_keeps_its_new_stars(page: Page, address: str):
    open_with_three(page, address)
    rated(page, "Alien").get_by_role("button").click()
    expect(rated(page, "Alien")).to_have_count(0)
    rate(page, "Alien", 1)
    page.get_by_role("button", name="Undo").click()
    expect(page.locator("#rated > li")).to_have_count(3)
    expect(rated(page, "Alien").get_by_role("slider")).to_have_attribute("aria-valuetext", "1 star")


def test_the_last_rating_is_removed_and_brought_back_by_keys_alone(page: Page, address: str):
    open_page(page, address)
    rate(page, "Alien", 4)
    remove = rated(page, "Alien").get_by_role("button")
    remove.press("Enter")
    expect(page.get_by_label("Search by title")).to_be_focused()
    page.keyboard.press("Control+z")
    expect(remove).to_be_focused()


def test_an_undone_dismissal_leaves_the_focus_in_the_programme(page: Page, address: str):
    open_page(page, address)
    card = card_at(page, 3)
    card.get_by_role("button", name="Not interested").click()
    expect(card).to_have_count(0)
    page.get_by_role("button", name="Undo").press("Enter")
    expect(card).to_have_count(1)
    expect(page.locator("#programme")).to_be_focused()
