"""The page of a report in a real browser: what it shows, and that nothing is asked of anyone."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from garcom.monitoring.report.page import page as page_of
from tests.acceptance.visits import Visit, needs_chromium
from tests.unit.monitoring.report.reports import RICH, large

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = needs_chromium


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("report")
    for name, report, language in (("en", RICH, "en"), ("pt", RICH, "pt"), ("large", large(), "en")):
        (folder / f"{name}.html").write_text(page_of(report, language), encoding="utf-8")
    return folder


def test_it_shows_the_verdict_and_the_drawings_and_asks_nobody(folder: Path, visit: Visit) -> None:
    page = visit.page
    page.goto((folder / "en.html").as_uri())
    page.get_by_role("heading", name="Look at this").wait_for()
    assert page.get_by_text("2 of 4 features drifted: pH, taste.").is_visible()
    drawing = page.get_by_role("img", name="Shares of pH, reference and current")
    box = drawing.bounding_box()
    assert box is not None
    assert box["width"] > 200
    assert not page.get_by_role("img", name="Shares of prediction, reference and current").is_visible()
    visit.picture(f"report-{visit.scheme}")
    visit.is_clean(f"file://{folder}")


def test_tables_are_sorted_and_filtered_with_the_keyboard(folder: Path, browser: Browser) -> None:
    page = browser.new_page()
    page.goto((folder / "large.html").as_uri())
    rows = page.locator("section:has(#drift) table.sorts tbody tr")
    names = rows.locator("td:first-child")
    heading = page.get_by_role("columnheader", name="Effect").first
    heading.get_by_role("button").focus()
    page.keyboard.press("Enter")
    assert heading.get_attribute("aria-sort") == "descending"
    assert names.first.inner_text() == "feature_000"
    page.keyboard.press("Enter")
    assert heading.get_attribute("aria-sort") == "ascending"
    assert names.first.inner_text() == "feature_199"
    page.get_by_label("Filter columns").fill("FEATURE_02")
    assert rows.locator("visible=true").count() == 10
    page.get_by_label("Only what drifted").check()
    page.get_by_label("Filter columns").fill("")
    assert rows.locator("visible=true").count() == 30
    page.close()


def test_it_needs_no_script_and_little_room(folder: Path, browser: Browser) -> None:
    page = browser.new_page(java_script_enabled=False, viewport={"width": 320, "height": 640})
    visit = Visit(page)
    page.goto((folder / "pt.html").as_uri())
    page.get_by_role("heading", name="Requer atenção").wait_for()
    assert not page.get_by_label("Filtrar colunas").is_visible()
    assert page.get_by_role("cell", name="pH").first.is_visible()
    visit.picture("report-narrow-pt")
    width = page.locator("body").bounding_box()
    assert width is not None
    assert width["width"] <= 320
    page.close()


def test_it_prints_without_what_is_clicked_on(folder: Path, browser: Browser) -> None:
    page = browser.new_page()
    page.goto((folder / "en.html").as_uri())
    page.emulate_media(media="print")
    assert not page.get_by_role("navigation").is_visible()
    assert not page.get_by_label("Filter columns").is_visible()
    assert page.get_by_role("img", name="Shares of pH, reference and current").is_visible()
    page.close()
