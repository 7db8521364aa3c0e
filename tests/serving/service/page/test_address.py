"""Ratings, filters and seed are in the page's address, to be kept or passed on."""

import json

from playwright.sync_api import Page, expect

from tests.serving.service.page.actions import cards, open_filters, open_page, rate, until
from tests.serving.service.page.fake_api import Api, films

IDS = {film.title: film.movie_id for film in films()}
ALIEN, HEAT = IDS["Alien"], IDS["Heat"]


def rated(page: Page, movie: int) -> None:
    expect(page.locator(f"#rated > li[data-key='{movie}']")).to_have_count(1)


def test_the_address_follows_ratings_and_filters_and_has_nothing_else(page: Page, address: str):
    open_page(page, address)
    expect(page).to_have_url(address)
    rate(page, "Alien", 4.5)
    rate(page, "Heat", 1)
    expect(page).to_have_url(f"{address}#of=sample&r={HEAT}:2,{ALIEN}:9")
    open_filters(page)
    page.get_by_text("Sci-Fi", exact=True).click()
    page.get_by_text("Horror", exact=True).click()
    page.get_by_label("From year").fill("1970")
    page.get_by_label("Language").select_option("en")
    chosen = "genres=Horror,Sci-Fi&first=1970&language=en"
    expect(page).to_have_url(f"{address}#of=sample&r={HEAT}:2,{ALIEN}:9&{chosen}")
    page.get_by_role("button", name="Clear all").click()
    expect(page).to_have_url(f"{address}#{chosen}")


def test_an_address_opens_elsewhere_what_it_was_copied_from(page: Page, address: str, api: Api):
    page.goto(
        f"{address}#of=sample&r={HEAT}:2,{ALIEN}:9&genres=Horror&first=1970&last=1989&language=en&seed=7"
    )
    rated(page, HEAT)
    rated(page, ALIEN)
    expect(page.locator("#rated")).to_contain_text("Heat")
    asked = until(api, "recommend", 1)
    assert [(movie["movie_id"], movie["rating"]) for movie in asked["history"]] == [(HEAT, 1), (ALIEN, 4.5)]
    assert (asked["genres"], asked["languages"], asked["explore_seed"]) == (["Horror"], ["en"], 7)
    assert asked["years"] == {"first": 1970, "last": 1989}
    expect(page.locator("#filter-count")).to_have_text("(4)")
    page.reload()
    rated(page, ALIEN)
    again = until(api, "recommend", 2)
    assert (again["genres"], again["explore_seed"]) == (["Horror"], 7)


KEPT = {"movie_id": HEAT, "title": "Heat", "genres": [], "rating": 4, "timestamp": 1_600_000_000}


def open_with_ratings_kept(page: Page, address: str) -> None:
    """Open a link with a rating of Alien in a browser that keeps one of Heat."""
    storage = json.dumps({"last": "sample", "of": {"sample": {"rated": [KEPT], "dismissed": []}}})
    page.add_init_script(f"localStorage.marquee ??= {json.dumps(storage)}")
    page.goto(f"{address}#of=sample&r={ALIEN}:9")
    rated(page, ALIEN)


def kept_ratings(page: Page) -> dict[int, float]:
    kept = json.loads(page.evaluate("localStorage.marquee"))["of"]["sample"]["rated"]
    return {movie["movie_id"]: movie["rating"] for movie in kept}


def test_a_link_counts_more_than_what_is_kept_which_can_be_brought_back(page: Page, address: str, api: Api):
    open_with_ratings_kept(page, address)
    assert [movie["movie_id"] for movie in until(api, "recommend", 1)["history"]] == [ALIEN]
    expect(page.locator("#rated-title")).to_have_text("Ratings of the link (1)")
    page.get_by_role("button", name="Back to my ratings").click()
    rated(page, HEAT)
    expect(page.get_by_role("heading", name="Your ratings (1)")).to_be_focused()
    expect(page.locator("#visit")).to_be_hidden()
    assert until(api, "recommend", 2)["history"] == [
        {"movie_id": HEAT, "rating": 4, "timestamp": 1_600_000_000}
    ]
    expect(page).to_have_url(f"{address}#of=sample&r={HEAT}:8")


def test_what_is_rated_in_a_link_changes_the_link_and_not_what_is_kept(page: Page, address: str, api: Api):
    open_with_ratings_kept(page, address)
    slider = page.locator(f"#rated [data-key='{ALIEN}']").get_by_role("slider")
    slider.focus()
    slider.press("Home")
    expect(page).to_have_url(f"{address}#of=sample&r={ALIEN}:1")
    assert kept_ratings(page) == {HEAT: 4}
    page.reload()
    rated(page, ALIEN)
    assert kept_ratings(page) == {HEAT: 4}
    page.get_by_role("button", name="Back to my ratings").click()
    rated(page, HEAT)


def test_the_ratings_of_a_link_become_ones_own_when_asked_for(page: Page, address: str, api: Api):
    open_with_ratings_kept(page, address)
    page.get_by_role("button", name="Make these mine").click()
    expect(page.get_by_role("heading", name="Your ratings (1)")).to_be_focused()
    assert kept_ratings(page) == {ALIEN: 4.5}
    page.reload()
    rated(page, ALIEN)
    expect(page.locator("#visit")).to_be_hidden()


def test_what_is_malformed_in_an_address_is_left_out(page: Page, address: str, api: Api):
    odd = f"{ALIEN}:11,{ALIEN}:0,-1:5,x:5,99999999999:5,{HEAT}:8"
    page.goto(f"{address}#of=sample&r={odd}&genres=Nonsense&first=1&last=x&language=&seed=-1")
    rated(page, HEAT)
    expect(cards(page)).to_have_count(12)
    asked = until(api, "recommend", 1)
    assert [movie["movie_id"] for movie in asked["history"]] == [HEAT]
    assert {"genres", "languages", "years", "explore_seed"}.isdisjoint(asked)
    expect(page.locator("#years-problem")).to_contain_text("1 is outside")


def test_a_link_of_another_data_set_rates_nothing(page: Page, address: str, api: Api):
    open_page(page, f"{address}#of=ml-1m&r={ALIEN}:9")
    assert until(api, "recommend", 1)["history"] == []
    expect(page).to_have_url(address)
