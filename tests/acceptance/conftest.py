"""A real browser, and a page of it in light and in dark."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from tests.acceptance.shortened import shortened
from tests.acceptance.visits import CHROMIUM, FLAGS, Visit

if TYPE_CHECKING:
    from playwright.sync_api import Browser


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(params=["light", pytest.param("dark", marks=shortened)])
def visit(request: pytest.FixtureRequest, browser: Browser) -> Iterator[Visit]:
    page = browser.new_page(color_scheme=request.param, viewport={"width": 1200, "height": 900})
    visit = Visit(page)
    page.on("request", lambda made: visit.requests.append(made.url))
    page.on("pageerror", lambda error: visit.complaints.append(str(error)))
    page.on("console", lambda said: visit.complaints.append(said.text) if said.type in ("error", "warning") else None)
    yield visit
    page.close()
