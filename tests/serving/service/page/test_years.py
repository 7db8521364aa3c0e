"""Years are checked where they are typed: what cannot be asked is said there, and nobody is asked."""

import pytest
from playwright.sync_api import Page, expect

from tests.serving.service.page.actions import cards, open_filters, open_page, rate, until
from tests.serving.service.page.fake_api import Api

LISTEN = """() => {
  const status = document.getElementById("announcement");
  window.said = [];
  new MutationObserver(() => window.said.push(status.textContent)).observe(status, { childList: true });
}"""
"""Keeps whatever is announced from now on."""


def open_years(page: Page, address: str) -> None:
    open_page(page, address)
    open_filters(page)


@pytest.mark.parametrize(
    ("first", "last", "wrong", "message"),
    [
        ("2000", "1990", "to year", "The first year, 2000, is after the last, 1990."),
        ("1850", "", "From year", "The movies here are of 1902 to 2050; 1850 is outside."),
        ("", "12345", "to year", "The movies here are of 1902 to 2050; 12345 is outside."),
        ("1999.5", "", "From year", "A year is a whole number, such as 1994."),
        ("e", "", "From year", "A year is a whole number, such as 1994."),
        ("19", "", "From year", "The movies here are of 1902 to 2050; 19 is outside."),
    ],
)
def test_a_wrong_year_is_told_at_its_field(
    page: Page, address: str, first: str, last: str, wrong: str, message: str
):
    open_years(page, address)
    page.evaluate(LISTEN)
    for label, text in (("From year", first), ("to year", last)):
        page.get_by_label(label).press_sequentially(text)
        page.keyboard.press("Enter")
    expect(page.locator("#years-problem")).to_have_text(message)
    expect(page.get_by_label(wrong)).to_have_attribute("aria-invalid", "true")
    expect(page.get_by_label(wrong)).to_have_accessible_description(message)
    assert message in page.evaluate("window.said")  # an answer may be told after it


def test_no_request_has_a_wrong_year_and_the_right_ones_stay(page: Page, address: str, api: Api):
    open_years(page, address)
    page.get_by_label("From year").fill("1970")
    assert until(api, "recommend", 2)["years"] == {"first": 1970}
    page.get_by_label("to year").fill("1960")
    expect(page.locator("#years-problem")).to_be_visible()
    rate(page, "Alien", 4)
    assert until(api, "recommend", 3)["years"] == {"first": 1970}
    page.get_by_label("to year").fill("1989")
    expect(page.locator("#years-problem")).to_be_hidden()
    assert until(api, "recommend", 4)["years"] == {"first": 1970, "last": 1989}
    expect(page.get_by_label("to year")).to_have_attribute("aria-invalid", "false")
    expect(page.locator("#filter-count")).to_have_text("(2)")


def test_a_wrong_year_is_gone_with_the_other_filters(page: Page, address: str):
    open_years(page, address)
    page.get_by_label("From year").fill("1850")
    expect(page.locator("#years-problem")).to_be_visible()
    page.locator("#filter-form").get_by_role("button", name="Clear filters").click()
    expect(page.locator("#years-problem")).to_be_hidden()
    expect(cards(page)).to_have_count(12)
