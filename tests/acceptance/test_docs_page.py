"""/docs in a real browser: the example is sent from the page, and nothing is fetched from another site."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression

from garcom import pack
from tests.served import garcom

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
#: Set it to a folder to keep pictures of what the tests saw.
PICTURES = os.environ.get("GARCOM_TEST_PICTURES", "")

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no chromium on this machine: apt-get install chromium")


@dataclass
class Visit:
    """A page of the browser, with everything that it asked for and complained about."""

    page: Page
    requests: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def picture(self, name: str) -> None:
        if PICTURES:
            self.page.wait_for_timeout(300)  # until what unfolds has unfolded
            self.page.screenshot(path=str(Path(PICTURES) / f"{name}.png"), full_page=True)

    def is_clean(self, origin: str) -> None:
        """Every request went to the server itself, and the console has no errors."""
        strangers = [url for url in self.requests if not url.startswith((f"{origin}/", "data:", "blob:"))]
        assert strangers == []
        assert self.complaints == []


@pytest.fixture(scope="module")
def origin(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("docs")
    iris = load_iris(as_frame=True)
    model = LogisticRegression(max_iter=500).fit(iris.data, iris.target)
    labels = {0: "setosa", 1: "versicolor", 2: "virginica"}
    packed = pack(model, iris.data, iris.target, name="iris", labels=labels, out=folder)
    with garcom("serve", packed.path, "--home", folder / "home", "--port", "0") as address:
        yield address


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(params=["light", "dark"])
def visit(request: pytest.FixtureRequest, browser: Browser) -> Iterator[Visit]:
    page = browser.new_page(color_scheme=request.param, viewport={"width": 1200, "height": 900})
    visit = Visit(page)
    page.on("request", lambda made: visit.requests.append(made.url))
    page.on("pageerror", lambda error: visit.complaints.append(str(error)))
    page.on("console", lambda said: visit.complaints.append(said.text) if said.type in ("error", "warning") else None)
    yield visit
    page.close()


def _scheme(visit: Visit) -> str:
    return "dark" if visit.page.evaluate("matchMedia('(prefers-color-scheme: dark)').matches") else "light"


def test_example_is_sent_from_the_page(origin: str, visit: Visit) -> None:
    page = visit.page
    page.goto(f"{origin}/docs")
    operation = page.locator("#operations-iris-predict_predict")
    visit.picture(f"docs-{_scheme(visit)}")
    operation.locator(".opblock-summary").click()
    visit.picture(f"docs-open-{_scheme(visit)}")
    operation.get_by_role("button", name="Execute").click()
    answer = operation.locator(".live-responses-table")
    answer.wait_for()
    assert answer.locator(".response-col_status").last.inner_text().strip().startswith("200")
    told: dict[str, Any] = json.loads(answer.locator(".highlight-code code").first.inner_text())
    assert told["model"] == "iris"
    assert told["prediction"] == "setosa"
    assert set(told["probabilities"]) == {"setosa", "versicolor", "virginica"}
    visit.picture(f"docs-answered-{_scheme(visit)}")
    visit.is_clean(origin)


def test_page_shows_the_models_own_fields(origin: str, visit: Visit) -> None:
    page = visit.page
    page.goto(f"{origin}/docs")
    page.locator("#operations-iris-predict_predict .opblock-summary").click()
    sent = json.loads(page.locator("#operations-iris-predict_predict textarea.body-param__text").input_value())
    assert sent == {
        "sepal length (cm)": 5.1,
        "sepal width (cm)": 3.5,
        "petal length (cm)": 1.4,
        "petal width (cm)": 0.2,
    }
    visit.is_clean(origin)


@pytest.mark.parametrize(
    ("path", "text"), [("/", "iris"), ("/docs/problems", "invalid-rows"), ("/docs/problems#overloaded", "overloaded")]
)
def test_other_pages(origin: str, visit: Visit, path: str, text: str) -> None:
    page = visit.page
    answer = page.goto(f"{origin}{path}")
    assert answer is not None
    assert "script-src 'self'" in answer.headers["content-security-policy"]  # and nothing complains of it
    page.get_by_text(text, exact=True).first.wait_for()
    visit.picture(f"page{path.replace('/', '-').replace('#', '-')}-{_scheme(visit)}")
    visit.is_clean(origin)


def test_start_page_leads_to_the_documentation(origin: str, visit: Visit) -> None:
    page = visit.page
    page.goto(f"{origin}/")
    page.get_by_role("link", name="Documentation of the API").click()
    page.locator("#operations-iris-predict_predict").wait_for()
    visit.is_clean(origin)
