"""What somebody does with the page, by mouse."""

import time
from typing import Any

from playwright.sync_api import Locator, Page, expect

from tests.serving.service.page.fake_api import Api


def cards(page: Page) -> Locator:
    return page.locator("#recommendations > li")


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
    """The last of so many requests, once they have come."""
    end = time.monotonic() + 10
    while len(api.bodies(path)) < number and time.monotonic() < end:
        time.sleep(0.02)
    return api.bodies(path)[number - 1]
