"""What somebody does with the page, by mouse."""

import time
from collections.abc import Callable
from typing import Any

from playwright.sync_api import Locator, Page, expect

from tests.serving.service.page.fake_api import Api

PATIENCE_SECONDS = 10


def cards(page: Page) -> Locator:
    return page.locator("#recommendations > li")


def card_at(page: Page, place: int) -> Locator:
    """The card that stands in a place now, by its movie: it stays the same card wherever it moves."""
    key = cards(page).nth(place).get_attribute("data-key")
    return page.locator(f"#recommendations > li[data-key='{key}']")


def open_page(page: Page, address: str) -> None:
    page.goto(address)
    expect(cards(page)).to_have_count(12)


def search(page: Page, title: str) -> Locator:
    """The first movie found."""
    page.get_by_label("Search by title").fill(title)
    found = page.get_by_role("list", name="Movies found").get_by_role("listitem")
    expect(found.first).to_contain_text(title)
    return found.first


def click_stars(row: Locator, stars: float) -> None:
    """Click in the middle of the half star that ends there."""
    control = row.locator(".stars")
    box = control.bounding_box()
    assert box is not None
    control.click(position={"x": box["width"] * (stars - 0.25) / 5, "y": box["height"] / 2})


def rate(page: Page, title: str, stars: float) -> None:
    click_stars(search(page, title), stars)
    expect(page.get_by_role("list", name="Your ratings")).to_contain_text(title)


def open_filters(page: Page) -> None:
    page.get_by_text("Filter by genre").click()


def until(api: Api, path: str, number: int) -> dict[str, Any]:
    """The body of the request of this number, once it has come."""
    eventually(lambda: len(api.bodies(path)) >= number)
    return api.bodies(path)[number - 1]


def eventually(happened: Callable[[], bool]) -> None:
    """Wait for what the page does without anybody seeing it."""
    end = time.monotonic() + PATIENCE_SECONDS
    while not happened() and time.monotonic() < end:
        time.sleep(0.02)
    assert happened()
