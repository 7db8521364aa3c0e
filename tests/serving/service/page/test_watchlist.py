"""Movies to be seen one day: kept in the browser, taken off with undo, taken along as a file."""

import csv
import json
from pathlib import Path

from playwright.sync_api import Locator, Page, expect

from tests.serving.service.page.actions import card_at, click_stars, open_page, search, until
from tests.serving.service.page.fake_api import Api, by_id


def watch(page: Page, place: int) -> int:
    """Put the movie of a place on the watchlist; returns its id."""
    card = card_at(page, place)
    toggle = card.get_by_role("button", name="on your watchlist")
    toggle.click()
    expect(toggle).to_have_attribute("aria-pressed", "true")
    return int(card.get_attribute("data-key") or 0)


def open_watchlist(page: Page) -> Locator:
    page.get_by_role("button", name="Watchlist (").click()
    return page.get_by_role("dialog", name="Your watchlist")


def listed(page: Page) -> list[int]:
    return [int(row.get_attribute("data-key") or 0) for row in page.locator("#watchlist-list > li").all()]


def test_a_movie_is_kept_on_the_watchlist_and_nobody_is_told(page: Page, address: str, api: Api):
    open_page(page, address)
    first, second = watch(page, 3), watch(page, 1)
    page.reload()
    dialog = open_watchlist(page)
    expect(dialog.get_by_role("listitem")).to_have_count(2)
    assert listed(page) == [second, first]
    expect(dialog).to_contain_text(by_id()[first].title)
    assert api.bodies("feedback") == []
    assert len(api.bodies("recommend")) == 2  # one per visit: what is recommended stays as it was


def test_a_movie_taken_off_comes_back_to_its_place_with_the_focus(page: Page, address: str):
    open_page(page, address)
    movies = [watch(page, place) for place in (3, 2, 1)]
    dialog = open_watchlist(page)
    row = dialog.locator(f"li[data-key='{movies[1]}']")
    row.get_by_role("button", name="Remove").click()
    expect(row).to_have_count(0)
    expect(page.get_by_role("button", name="Watchlist (2)", include_hidden=True)).to_have_count(1)
    dialog.get_by_role("button", name="Undo").click()
    expect(row.get_by_role("button", name="Remove")).to_be_focused()
    assert listed(page) == movies[::-1]
    row.get_by_role("button", name="Remove").press("Enter")
    expect(row).to_have_count(0)
    page.keyboard.press("Escape")
    page.keyboard.press("Control+z")
    toggle = card_at(page, 2).get_by_role("button", name="on your watchlist")
    expect(toggle).to_be_focused()
    expect(toggle).to_have_attribute("aria-pressed", "true")


def test_what_was_taken_off_before_a_dialog_opened_is_not_undone_under_it(page: Page, address: str):
    open_page(page, address)
    movie = watch(page, 3)
    toggle = card_at(page, 3).get_by_role("button", name="on your watchlist")
    toggle.click()
    expect(page.get_by_role("button", name="Undo")).to_be_visible()
    page.get_by_role("button", name="Watchlist", exact=True).click()
    page.keyboard.press("Control+z")
    assert listed(page) == []
    page.keyboard.press("Escape")
    page.keyboard.press("Control+z")
    expect(toggle).to_have_attribute("aria-pressed", "true")
    assert listed(page) == [movie]


def test_the_last_movie_taken_off_leaves_the_focus_in_the_dialog(page: Page, address: str):
    open_page(page, address)
    watch(page, 0)
    dialog = open_watchlist(page)
    dialog.get_by_role("button", name="Remove").press("Enter")
    expect(dialog.get_by_text("Nothing on it yet")).to_be_visible()
    expect(dialog.get_by_role("heading")).to_be_focused()
    expect(dialog.get_by_role("button", name="Export")).to_be_hidden()


def test_a_movie_that_is_rated_leaves_the_watchlist_unless_it_is_undone(page: Page, address: str, api: Api):
    open_page(page, address)
    movie = watch(page, 1)
    dialog = open_watchlist(page)
    click_stars(dialog.get_by_role("listitem"), 4)
    expect(dialog.get_by_role("listitem")).to_have_count(0)
    assert until(api, "feedback", 1)["rating"] == 4
    dialog.get_by_role("button", name="Undo").click()
    expect(dialog.get_by_role("listitem")).to_have_count(1)
    assert listed(page) == [movie]
    expect(page.locator("#rated > li")).to_have_count(1)  # the rating stays


def test_the_watchlist_is_exported_as_csv_that_reads_back(page: Page, address: str, tmp_path: Path):
    open_page(page, address)
    movies = [by_id()[watch(page, place)] for place in (1, 0)]  # the latter's title has quotes to mind
    storage = json.loads(page.evaluate("localStorage.marquee"))
    storage["of"]["sample"]["watchlist"][0]["title"] = 'Crouching Tiger, "Hidden" Dragon'
    page.evaluate("text => { localStorage.marquee = text }", json.dumps(storage))
    page.reload()
    dialog = open_watchlist(page)
    with page.expect_download() as download:
        dialog.get_by_role("button", name="Export as CSV").click()
    assert download.value.suggested_filename == "watchlist.csv"
    download.value.save_as(tmp_path / "watchlist.csv")
    with (tmp_path / "watchlist.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    titles = ['Crouching Tiger, "Hidden" Dragon', movies[0].title]
    assert rows == [
        {
            "movie_id": str(movie.movie_id),
            "title": title,
            "year": str(movie.year),
            "genres": "|".join(movie.genres),
        }
        for movie, title in zip(reversed(movies), titles, strict=True)
    ]


def test_a_broken_stored_watchlist_heals_and_keeps_what_is_sound(page: Page, address: str):
    sound = {"movie_id": 2, "title": "Kept", "year": 1999, "genres": ["Drama"]}
    broken = [{**sound, "movie_id": "3"}, {**sound, "movie_id": 4, "year": "<b>"}, None, sound]
    kept = json.dumps(
        {"last": "sample", "of": {"sample": {"rated": [], "dismissed": [], "watchlist": [sound, *broken]}}}
    )
    page.add_init_script(f"localStorage.marquee ??= {json.dumps(kept)}")
    open_page(page, address)
    expect(open_watchlist(page).get_by_role("listitem")).to_contain_text(["Kept"])
    assert listed(page) == [2]
    assert json.loads(page.evaluate("localStorage.marquee"))["of"]["sample"]["watchlist"] == [sound]


def test_a_rating_of_a_visited_link_leaves_ones_own_watchlist_alone(page: Page, address: str):
    open_page(page, address)
    movie = watch(page, 1)
    click_stars(search(page, "Heat"), 4)
    expect(page.locator("#rated > li")).to_have_count(1)
    page.goto(f"{address}#of=sample&r=7:9")
    expect(page.get_by_text("These are the ratings of the link")).to_be_visible()
    click_stars(search(page, by_id()[movie].title), 3)
    expect(page.locator("#rated > li")).to_have_count(2)
    expect(page.get_by_role("button", name="Watchlist (1)")).to_be_visible()
    page.get_by_role("button", name="Back to my ratings").click()
    expect(page.get_by_role("heading", name="Your ratings (1)")).to_be_visible()
    expect(page.get_by_role("button", name="Watchlist (1)")).to_be_visible()
