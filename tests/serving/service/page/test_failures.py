"""The page when the service is slow, busy, down or of another opinion, and when its own memory is."""

import json
import threading
from typing import Any

import pytest
from playwright.sync_api import Page, Route, expect

from tests.serving.service.page.actions import cards, open_filters, open_page, rate, until
from tests.serving.service.page.fake_api import Api


def test_a_refusal_is_shown_with_its_rule_and_the_old_list_stays(page: Page, address: str, api: Api):
    open_page(page, address)
    api.failing["recommend"] = (400, {"detail": [{"loc": ["genres", 0], "msg": "must be one of Drama"}]})
    open_filters(page)
    page.get_by_text("Horror", exact=True).click()
    expect(page.get_by_role("alert")).to_contain_text("genres.0: must be one of Drama")
    expect(cards(page)).to_have_count(12)
    del api.failing["recommend"]
    page.get_by_text("Horror", exact=True).click()
    expect(page.get_by_role("alert")).to_be_hidden()


def test_a_busy_service_is_asked_again_by_itself(page: Page, address: str, api: Api):
    open_page(page, address)
    api.failing["recommend"] = (503, {"detail": [{"loc": [], "msg": "64 requests are in flight"}]})
    rate(page, "Alien", 5)
    expect(page.get_by_role("alert")).to_contain_text("busy (503): 64 requests are in flight")
    del api.failing["recommend"]
    expect(cards(page).first).to_contain_text("because you liked Alien")
    expect(page.get_by_role("alert")).to_be_hidden()


def test_a_service_that_is_down_is_said_so_and_the_rating_is_kept(page: Page, address: str):
    open_page(page, address)
    page.route("**/recommend", lambda route: route.abort())
    rate(page, "Alien", 5)
    expect(page.get_by_role("alert")).to_contain_text("does not answer")
    page.unroute("**/recommend")
    page.get_by_role("button", name="Try again").click()
    expect(cards(page).first).to_contain_text("because you liked Alien")


def test_a_search_that_fails_or_finds_nothing_says_so(page: Page, address: str, api: Api):
    open_page(page, address)
    page.get_by_label("Search by title").fill("no such movie")
    expect(page.locator("#search-status")).to_contain_text("No movie is called anything like")
    api.failing["movies"] = (500, {"detail": [{"loc": [], "msg": "it broke"}]})
    page.get_by_label("Search by title").fill("alien")
    expect(page.locator("#search-status")).to_contain_text("failed (500): it broke")


def test_what_was_found_for_a_title_that_is_gone_is_not_shown(page: Page, address: str):
    open_page(page, address)
    waiting: list[Route] = []
    page.route("**/movies?*", lambda route: waiting.append(route))  # noqa: PLW0108  a builtin cannot be marked
    title = page.get_by_label("Search by title")
    with page.expect_request("**/movies?*"):
        title.fill("alien")
    title.fill("")
    with page.expect_response("**/movies?*"):
        waiting[0].continue_()
    page.wait_for_timeout(100)  # time to show the answer, were anybody waiting for it
    expect(page.get_by_role("list", name="Movies found")).to_be_hidden()


def test_the_page_does_without_feedback_and_model_card(page: Page, address: str, api: Api):
    api.failing = {name: (500, {"detail": []}) for name in ("feedback", "model")}
    open_page(page, address)
    expect(cards(page).nth(1)).to_contain_text("popular")  # the name of the source: its words are on the card
    rate(page, "Alien", 5)
    expect(cards(page).first).to_contain_text("because you liked Alien")
    expect(page.get_by_role("alert")).to_be_hidden()


def test_the_old_list_stays_while_waiting_and_a_late_answer_is_dropped(page: Page, address: str, api: Api):
    open_page(page, address)
    late = threading.Event()
    api.held = [late]
    rate(page, "Alien", 5)
    expect(page.locator("#recommendations[aria-busy=true]")).to_have_count(1)
    expect(cards(page)).to_have_count(12)
    expect(cards(page).nth(1)).to_contain_text("many")
    until(api, "recommend", 2)
    page.get_by_role("button", name="Remove your rating of Alien").click()
    until(api, "recommend", 3)
    expect(page.locator("#recommendations[aria-busy=true]")).to_have_count(0)
    late.set()
    page.wait_for_timeout(300)  # time for the answer to the rating to come, were anybody waiting for it
    expect(cards(page).nth(1)).to_contain_text("many")


def test_ratings_survive_a_reload_each_data_set_its_own(page: Page, address: str, api: Api):
    open_page(page, address)
    rate(page, "Alien", 4)
    expect(cards(page).first).to_contain_text("because you liked Alien")
    page.reload()
    expect(cards(page).first).to_contain_text("because you liked Alien")
    sample = api.card
    api.card = sample.model_copy(update={"data": sample.data.model_copy(update={"source": "ml-1m"})})
    page.reload()
    expect(page.get_by_text("Nothing rated yet")).to_be_visible()
    api.card = sample
    page.reload()
    expect(page.get_by_role("list", name="Your ratings")).to_contain_text("Alien")


@pytest.mark.parametrize(
    "sabotage",
    [
        "localStorage.setItem('marquee', '{not json')",
        """localStorage.setItem('marquee', '{"last": "sample", "of": {"sample": {"rated": [{}]}}}')""",
        "Object.defineProperty(window, 'localStorage', {get() { throw new Error('forbidden') }})",
    ],
)
def test_a_broken_or_forbidden_storage_is_no_obstacle(page: Page, address: str, sabotage: str):
    page.add_init_script(sabotage)
    open_page(page, address)
    rate(page, "Alien", 4)
    expect(cards(page).first).to_contain_text("because you liked Alien")


MALFORMED: list[dict[str, Any]] = [
    {"rating": 7.5},
    {"rating": 3.3},
    {"rating": "4"},
    {"rating": None},
    {"timestamp": -1},
    {"timestamp": 1_600_000_000_000},
    {"movie_id": -1},
    {"movie_id": 2**31},
    {"movie_id": "3"},
    {"movie_id": 2},
    {"genres": [1]},
    {"title": None},
]
"""Each would have the API refuse every request, or the page fail."""


def test_malformed_stored_ratings_are_dropped_and_the_rest_kept(page: Page, address: str, api: Api):
    sound = {"movie_id": 2, "title": "Kept", "genres": [], "rating": 4, "timestamp": 1_600_000_000}
    odd = [{**sound, "movie_id": 10 + place, **wrong} for place, wrong in enumerate(MALFORMED)]
    kept = json.dumps({"last": "sample", "of": {"sample": {"rated": [sound, *odd], "dismissed": [{}]}}})
    page.add_init_script(f"localStorage.setItem('marquee', {json.dumps(kept)})")
    open_page(page, address)
    expect(page.locator("#rated > li[data-key='2']")).to_have_count(1)
    expect(page.locator("#rated > li")).to_have_count(1)
    asked = until(api, "recommend", 1)
    assert [(movie["movie_id"], movie["rating"]) for movie in asked["history"]] == [(2, 4)]
    assert json.loads(page.evaluate("localStorage.marquee"))["of"]["sample"] == {
        "rated": [sound],
        "dismissed": [],
        "watchlist": [],
    }


def test_ratings_that_the_model_does_not_know_are_reported(page: Page, address: str):
    strange = '{"movie_id": 999999, "title": "Lost", "genres": [], "rating": 4, "timestamp": 1600000000}'
    kept = f'{{"last": "sample", "of": {{"sample": {{"rated": [{strange}]}}}}}}'
    page.add_init_script(f"localStorage.setItem('marquee', '{kept}')")
    open_page(page, address)
    expect(page.locator("#unknown")).to_have_text(
        "1 of your ratings left out: this model does not know the movie."
    )
