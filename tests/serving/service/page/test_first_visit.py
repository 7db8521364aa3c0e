"""Whoever has rated nothing yet is asked about well-known movies."""

import json

from playwright.sync_api import Locator, Page, expect

from tests.serving.service.page.actions import click_stars, open_page, rate, until
from tests.serving.service.page.fake_api import Api
from tests.serving.service.page.fake_card import CARD


def offered(page: Page) -> Locator:
    return page.get_by_role("list", name="Seen any of these?").get_by_role("listitem")


def test_well_known_movies_are_offered_until_three_are_rated(page: Page, address: str, api: Api):
    open_page(page, address)
    expect(offered(page)).to_have_text([f"First {place} 1990" for place in range(1, 7)])
    for number in range(1, 4):
        click_stars(offered(page).first, 4)
        expect(page.locator("#rated > li")).to_have_count(number)
        asked = until(api, "recommend", number + 1)["history"]
        if number == 1:  # the one that is rated makes room
            expect(offered(page)).to_have_text([f"First {place} 1990" for place in range(2, 8)])
    expect(page.locator("#first-visit")).to_be_hidden()
    assert sorted(rated["movie_id"] for rated in asked) == [1, 2, 3]
    page.get_by_role("button", name="Clear all").click()
    expect(offered(page)).to_have_count(6)


def test_others_are_shown_on_demand_but_for_those_dismissed_then_the_first_again(page: Page, address: str):
    dismissed = [{"movie_id": 7, "title": "First 7", "year": 1990, "genres": []}]
    kept = json.dumps({"last": "sample", "of": {"sample": {"rated": [], "dismissed": dismissed}}})
    page.add_init_script(f"localStorage.marquee ??= {json.dumps(kept)}")
    open_page(page, address)
    others = page.get_by_role("button", name="Show others")
    others.click()
    expect(offered(page)).to_have_text(["First 8 1990"])
    expect(others).to_be_focused()
    others.click()
    expect(offered(page)).to_have_count(6)


def test_the_third_rating_by_keys_leaves_the_focus_at_the_ratings(page: Page, address: str):
    open_page(page, address)
    rate(page, "Alien", 4)
    rate(page, "Heat", 4)
    offered(page).nth(1).get_by_role("slider").focus()
    page.keyboard.press("5")
    page.keyboard.press("Enter")
    expect(page.locator("#first-visit")).to_be_hidden()
    expect(page.get_by_role("heading", name="Your ratings (3)")).to_be_focused()


def test_a_visited_link_and_a_catalogue_without_ratings_have_nothing_to_offer(
    page: Page, address: str, api: Api
):
    open_page(page, address)
    rate(page, "Alien", 4)
    page.goto(f"{address}#of=sample&r=7:9")
    expect(page.get_by_text("These are the ratings of the link")).to_be_visible()
    expect(page.locator("#first-visit")).to_be_hidden()
    page.evaluate("localStorage.clear()")
    api.card = CARD.model_copy(update={"first_titles": []})
    page.goto(f"{address}?again")
    expect(page.get_by_text("Nothing rated yet")).to_be_visible()
    expect(page.locator("#recommendations > li")).to_have_count(12)
    expect(page.locator("#first-visit")).to_be_hidden()
