"""What came before somebody's eyes is told, once per movie and answer."""

from playwright.sync_api import Page, expect

from tests.serving.service.page.actions import card_at, cards, eventually, open_page
from tests.serving.service.page.fake_api import ANSWER, Api


def places(api: Api) -> list[int]:
    return [told["place"] for told in api.bodies("shown")]


def test_movies_are_told_as_shown_once_they_are_in_sight(page: Page, address: str, api: Api):
    open_page(page, address)
    first, last = (int(card_at(page, place).get_attribute("data-key") or 0) for place in (0, 11))
    eventually(lambda: 1 in places(api))
    assert 12 not in places(api)  # below the window's edge
    cards(page).nth(11).scroll_into_view_if_needed()
    eventually(lambda: 12 in places(api))
    told = {told["place"]: told for told in api.bodies("shown")}
    for place, movie in ((1, first), (12, last)):
        assert told[place] == {
            "movie_id": movie,
            "event": "shown",
            "answer_id": ANSWER,
            "place": place,
            "visitor_id": api.bodies("recommend")[0]["visitor_id"],
        }


def test_a_movie_is_told_again_with_the_next_answer_only(page: Page, address: str, api: Api):
    page.set_viewport_size({"width": 1280, "height": 4000})
    open_page(page, address)
    eventually(lambda: len(places(api)) >= 12)
    gone = card_at(page, 11)
    page.get_by_role("button", name="Model card").click()
    page.get_by_role("button", name="Close").click()
    page.evaluate("window.dispatchEvent(new Event('storage'))")  # draws anew, and asks again
    eventually(lambda: len(places(api)) >= 24)
    assert sorted(places(api)) == sorted([*range(1, 13)] * 2)
    gone.get_by_role("button", name="Not interested").click()
    expect(gone).to_have_count(0)
    eventually(lambda: len(places(api)) >= 36)
    assert sorted(places(api)) == sorted([*range(1, 13)] * 3)
    assert len(api.bodies("recommend")) == 3


def test_a_service_that_does_not_take_it_is_nobodys_concern(page: Page, address: str, api: Api):
    api.failing["feedback"] = (503, {"detail": []})
    open_page(page, address)
    eventually(lambda: len(places(api)) >= 1)
    expect(page.get_by_role("alert")).to_be_hidden()
