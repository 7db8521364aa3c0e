"""What somebody does with the page, and what they get."""

import time

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.serving.service.page.actions import (
    card_at,
    cards,
    click_stars,
    open_filters,
    open_page,
    rate,
    until,
)
from tests.serving.service.page.fake_api import ANSWER, NASTY, Api, by_id, films
from tests.serving.service.page.fake_card import MODEL

ALIEN = next(film for film in films() if film.title == "Alien")


# ---- rate and receive -------------------------------------------------------------------------------------


def test_a_first_visit_shows_popular_movies_and_how_to_begin(page: Page, address: str, api: Api):
    open_page(page, address)
    expect(page.get_by_role("heading", name="Now showing")).to_be_visible()
    expect(page.get_by_text("Nothing rated yet")).to_be_visible()
    expect(cards(page).nth(1)).to_contain_text("many")
    (asked,) = api.bodies("recommend")
    assert asked.pop("visitor_id").startswith("page-")
    assert asked == {"history": [], "exclude": [], "k": 12, "explain": True}


def test_a_rating_changes_the_recommendations_at_once(page: Page, address: str, api: Api):
    open_page(page, address)
    before = time.time()
    rate(page, "Alien", 4.5)
    expect(cards(page).first).to_contain_text("because you liked Alien: ")
    expect(cards(page).first).to_contain_text("4.5 predicted")
    expect(page.get_by_role("heading", name="Tonight, for you")).to_be_visible()
    (rated,) = until(api, "recommend", 2)["history"]
    assert (rated["movie_id"], rated["rating"]) == (ALIEN.movie_id, 4.5)
    assert before - 1 <= rated["timestamp"] <= time.time()
    told = until(api, "feedback", 1)
    assert told == {
        "movie_id": ALIEN.movie_id,
        "event": "rated",
        "rating": 4.5,
        "visitor_id": told["visitor_id"],
    }


def test_what_the_service_spent_and_the_round_trip_are_shown(page: Page, address: str):
    open_page(page, address)
    expect(page.locator("#spent")).to_contain_text("2.3 ms in the service")
    expect(page.locator("#spent")).to_contain_text("ms round trip · model bba7ef61")


def test_a_recommendation_can_be_rated_where_it_stands(page: Page, address: str, api: Api):
    open_page(page, address)
    card = card_at(page, 2)
    click_stars(card, 3)
    expect(page.get_by_role("list", name="Your ratings").get_by_role("listitem")).to_have_count(1)
    expect(card).to_have_count(0)
    assert until(api, "recommend", 2)["history"][0]["rating"] == 3


def test_the_half_star_under_the_pointer_is_the_rating(page: Page, address: str, api: Api):
    open_page(page, address)
    rate(page, "Alien", 0.5)
    for number, stars in enumerate([1, 2.5, 3, 5], start=2):
        click_stars(page.locator("#rated > li"), stars)
        until(api, "feedback", number)
    assert [told["rating"] for told in api.bodies("feedback")] == [0.5, 1, 2.5, 3, 5]


def test_a_movie_that_is_rated_again_has_its_latest_rating_alone(page: Page, address: str, api: Api):
    open_page(page, address)
    rate(page, "Alien", 2)
    until(api, "recommend", 2)
    click_stars(page.locator("#rated > li"), 4)
    history = until(api, "recommend", 3)["history"]
    assert [(rated["movie_id"], rated["rating"]) for rated in history] == [(ALIEN.movie_id, 4)]


def test_ratings_are_removed_one_by_one_and_all_at_once(page: Page, address: str, api: Api):
    open_page(page, address)
    for title in ("Alien", "Casablanca", "Amélie"):
        rate(page, title, 4)
    expect(page.locator("#rated > li")).to_contain_text(["Amélie", "Casablanca", "Alien"])
    page.get_by_role("button", name="Remove your rating of Casablanca").click()
    expect(page.get_by_role("list", name="Your ratings").get_by_role("listitem")).to_have_count(2)
    page.get_by_role("button", name="Clear all").click()
    expect(page.get_by_text("Nothing rated yet")).to_be_visible()
    expect(cards(page).nth(1)).to_contain_text("many")


def test_details_tell_who_made_it_and_how_it_got_its_place(page: Page, address: str, api: Api):
    open_page(page, address)
    card = card_at(page, 1)
    film = by_id()[int(card.get_attribute("data-key") or 0)]
    card.get_by_role("button", name="Details of").click()
    expect(card).to_contain_text(film.directors[0])
    expect(card).to_contain_text("1,234 ratings")
    expect(card).to_contain_text("2 by retrieval, 2 by predicted rating")
    expect(card).to_contain_text("counting")
    told = until(api, "feedback", 1)
    assert (told["event"], told["answer_id"], told["place"]) == ("clicked", ANSWER, 2)


def test_details_leave_no_hole_in_the_grid(page: Page, address: str):
    open_page(page, address)
    opened, beside = card_at(page, 0), card_at(page, 1)
    closed = height_of(opened)
    opened.get_by_role("button", name="Details of").click()
    expect(opened).to_contain_text("1,234 ratings")
    assert height_of(opened) > closed
    assert height_of(beside) == height_of(opened)


def height_of(card: Locator) -> float:
    box = card.bounding_box()
    assert box is not None
    return box["height"]


def test_not_interested_takes_a_movie_away_until_it_is_undone(page: Page, address: str, api: Api):
    open_page(page, address)
    card = card_at(page, 3)
    movie = int(card.get_attribute("data-key") or 0)
    card.get_by_role("button", name="Not interested").click()
    expect(card).to_have_count(0)
    assert until(api, "recommend", 2)["exclude"] == [movie]
    assert until(api, "feedback", 1)["event"] == "dismissed"
    page.get_by_role("button", name="Undo").click()
    expect(card).to_have_count(1)


def test_similar_movies_open_in_a_dialog_and_can_be_rated_there(page: Page, address: str, api: Api):
    open_page(page, address)
    unwanted = card_at(page, 2)
    movie = int(unwanted.get_attribute("data-key") or 0)
    unwanted.get_by_role("button", name="Not interested").click()
    expect(unwanted).to_have_count(0)
    opener = card_at(page, 1).get_by_role("button", name="Movies similar to The Lighthouse")
    opener.click()
    assert until(api, "similar", 1)["exclude"] == [movie]
    dialog = page.get_by_role("dialog", name="Similar to The Lighthouse")
    expect(dialog.get_by_role("listitem")).to_have_count(12)
    click_stars(dialog.get_by_role("listitem").first, 4)
    expect(page.locator("#rated > li")).to_have_count(1)
    until(api, "recommend", 3)
    expect(cards(page).first).to_contain_text("because you liked")  # the card has moved meanwhile
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect(opener).to_be_focused()


def test_similar_movies_pass_the_filters_and_have_predicted_ratings(page: Page, address: str, api: Api):
    open_page(page, address)
    rate(page, "Alien", 4.5)
    open_filters(page)
    page.get_by_text("Horror", exact=True).click()
    until(api, "recommend", 3)
    card_at(page, 0).get_by_role("button", name="Movies similar to").click()
    first = page.get_by_role("dialog").get_by_role("listitem").first
    expect(first).to_contain_text("3.5 predicted")
    assert until(api, "similar", 1)["genres"] == ["Horror"]
    assert [row["rating"] for row in until(api, "predict_ratings", 1)["history"]] == [4.5]
    page.keyboard.press("Escape")
    api.failing["predict_ratings"] = (500, {})
    card_at(page, 0).get_by_role("button", name="Movies similar to").click()
    expect(first).to_be_visible()
    expect(first).not_to_contain_text("predicted")


def test_more_are_shown_on_demand(page: Page, address: str):
    open_page(page, address)
    page.get_by_role("button", name="Show more").click()
    expect(cards(page)).to_have_count(24)


# ---- filters ----------------------------------------------------------------------------------------------


def test_filters_by_genre_years_and_language_narrow_the_list(page: Page, address: str, api: Api):
    open_page(page, address)
    open_filters(page)
    page.get_by_text("Horror", exact=True).click()
    page.get_by_label("From year").fill("1970")
    page.get_by_label("to year").fill("1989")
    page.get_by_label("Language").select_option("ja")
    expect(page.locator("#filter-count")).to_have_text("(4)")
    expected = {film.title for film in films() if "Horror" in film.genres and film.language == "ja"}
    expect(cards(page)).to_have_count(
        sum(1970 <= film.year <= 1989 and film.title in expected for film in films())
    )
    expect(page.get_by_role("button", name="Show more")).to_be_hidden()
    last = api.bodies("recommend")[-1]
    assert (last["genres"], last["languages"]) == (["Horror"], ["ja"])
    assert last["years"] == {"first": 1970, "last": 1989}


def test_where_no_movie_passes_the_filters_they_can_be_cleared(page: Page, address: str):
    open_page(page, address)
    open_filters(page)
    page.get_by_label("From year").fill("2045")
    page.get_by_text("Horror", exact=True).click()
    expect(page.get_by_text("No movie passes these filters.")).to_be_visible()
    page.locator("#nothing").get_by_role("button", name="Clear filters").click()
    expect(cards(page)).to_have_count(12)
    expect(page.get_by_text("No movie passes these filters.")).to_be_hidden()


# ---- what it is told about ------------------------------------------------------------------------------


def test_a_title_is_text_whatever_it_holds(page: Page, address: str):
    open_page(page, address)
    expect(cards(page).first.get_by_role("heading")).to_contain_text(NASTY)
    rate(page, NASTY, 4)
    expect(page.locator("#rated")).to_contain_text(NASTY)
    assert page.locator("img, #rated b").count() == 0


def test_the_model_card_shows_data_numbers_with_intervals_and_the_hash(page: Page, address: str):
    open_page(page, address)
    page.get_by_role("button", name="Model card").click()
    dialog = page.get_by_role("dialog", name="Model card")
    expect(dialog).to_contain_text(MODEL)
    expect(dialog).to_contain_text("sample: real movies, simulated people")
    expect(dialog).to_contain_text("1,209 learned from, 1,210 in the catalogue")
    rows = dialog.get_by_role("region", name="Retrieval").get_by_role("row")
    expect(rows).to_have_text(
        [
            "Top-100 accuracy",
            "two-tower0.605 (0.588 to 0.621)",
            "popularity0.355 (0.344 to 0.367)",
            "two-tower minus popularity0.250 (0.237 to 0.264)",
        ]
    )
    expect(dialog.get_by_role("region", name="Requirement").get_by_role("row")).to_have_text(
        [
            "RequirementBoundMeasured",
            "99th percentile of a recommendation, ms, at most400not keptpassed",
            "lower end of retrieval's gain over popularity, above00.237passed",
            "RMSE, stars, at most1.20.866passed",
        ]
    )
    expect(dialog.get_by_role("region", name="Period").get_by_role("rowheader")).to_have_text(
        ["train", "validation", "test"]
    )
    dialog.get_by_role("button", name="Close").click()
    expect(dialog).to_be_hidden()


@pytest.mark.parametrize("simulated", [True, False])
def test_simulated_data_are_named_so(page: Page, address: str, api: Api, simulated: bool):
    data = api.card.data.model_copy(update={"simulated": simulated})
    api.card = api.card.model_copy(update={"data": data})
    open_page(page, address)
    expect(page.get_by_text("Real movies, simulated people")).to_have_count(1)
    expect(page.get_by_text("Real movies, simulated people")).to_be_visible(visible=simulated)
