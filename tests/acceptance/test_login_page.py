"""Logging in with a real browser: without scripts, light and dark, narrow; the documentation works in a session."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from garcom.access.accounts import Accounts
from garcom.access.roles import Grant, Role
from garcom.registry.registry import Registry
from garcom.rollout.use import use
from tests.acceptance.visits import Visit, needs_chromium
from tests.integration.server import models
from tests.served import garcom

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = needs_chromium

PASSWORD = "correct horse battery"


@pytest.fixture(scope="module")
def origin(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("login")
    registry = Registry.open(folder / "home")
    registry.register(models.line(folder / "line", 2.0))
    use(registry.database, "line:1")
    registry.set_default("line")
    Accounts(registry.database).create_user("ana", [Grant(Role.ADMIN)], PASSWORD)
    with garcom("serve", "--home", folder / "home", "--port", "0") as address:
        yield address


def log_in(page: Page, password: str) -> None:
    page.get_by_label("Name").fill("ana")
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Log in").click()


def test_a_person_logs_in_uses_the_documentation_and_logs_out(origin: str, visit: Visit) -> None:
    page = visit.page
    page.goto(f"{origin}/docs")
    assert page.url == f"{origin}/login?next=%2Fdocs"
    visit.picture(f"login-{visit.scheme}")
    log_in(page, PASSWORD)
    operation = page.locator("#operations-line-predict_predict")
    operation.locator(".opblock-summary").click()
    operation.get_by_role("button", name="Execute").click()
    answer = operation.locator(".live-responses-table")
    answer.wait_for()
    # The session's token against forgery went along.
    assert answer.locator(".response-col_status").last.inner_text().strip().startswith("200")
    assert "prediction" in json.loads(answer.locator(".highlight-code code").first.inner_text())
    visit.picture(f"docs-in-a-session-{visit.scheme}")
    page.get_by_role("button", name="Log out").click()
    page.wait_for_url(f"{origin}/login")
    page.goto(f"{origin}/")
    assert page.url.startswith(f"{origin}/login")
    visit.is_clean(origin)


def test_it_needs_no_script_and_little_room(origin: str, browser: Browser) -> None:
    page = browser.new_page(java_script_enabled=False, viewport={"width": 320, "height": 640}, locale="en-GB")
    visit = Visit(page)
    page.goto(origin)
    log_in(page, "wrong")
    page.get_by_role("alert").wait_for()
    visit.picture("login-narrow-refused")
    width = page.locator("body").bounding_box()
    assert width is not None
    assert width["width"] <= 320
    log_in(page, PASSWORD)
    page.get_by_role("heading", name="Models").wait_for()
    visit.picture("models-narrow-in-a-session")
    page.close()


def test_it_speaks_portuguese(origin: str, browser: Browser) -> None:
    page = browser.new_page(locale="pt-BR")
    visit = Visit(page)
    page.goto(f"{origin}/login")
    page.get_by_role("button", name="Entrar").wait_for()
    visit.picture("login-pt")
    page.close()
