"""The page in a real Chromium, against `fake_api`. Without a Chromium the tests are skipped."""

import shutil
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from tests.serving.service.page.fake_api import PREFIX, Api, served

CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
QUIET = (
    "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync"
)
expect.set_options(timeout=10_000)


@pytest.fixture(scope="module")  # not the session: while it lives, nothing else may run an event loop here
def browser() -> Iterator[Browser]:
    path = next(filter(None, map(shutil.which, CHROMIUM)), None)
    if path is None:
        pytest.skip("no Chromium is installed: apt-get install chromium")
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=path, args=QUIET.split())
        yield chromium
        chromium.close()


@pytest.fixture
def api() -> Api:
    return Api()


@pytest.fixture
def address(api: Api) -> Iterator[str]:
    """Where the page is, served by the fake API."""
    with served(api.app()) as host:
        yield f"{host}{PREFIX}/ui/"


@pytest.fixture
def context(browser: Browser, address: str) -> Iterator[BrowserContext]:
    """A fresh profile, closed before the server is; with motion, a click might miss what is on its way."""
    fresh = browser.new_context(viewport={"width": 1280, "height": 800}, reduced_motion="reduce")
    yield fresh
    fresh.close()


@pytest.fixture
def page(context: BrowserContext, address: str) -> Iterator[Page]:
    """A page that was not opened yet. In no test may it fail in itself, or talk to another host."""
    page, errors, asked = context.new_page(), [], []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("request", lambda request: asked.append(request.url))
    yield page
    assert errors == []
    here = urlsplit(address).netloc
    assert [url for url in asked if urlsplit(url).netloc != here and not url.startswith("data:")] == []
    assert not asked or any(url.endswith("/recommend") for url in asked)
