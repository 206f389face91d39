"""/docs in a real browser: the example is sent from the page, and nothing is fetched from another site."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression

from garcom import pack
from tests.acceptance.visits import Visit, needs_chromium
from tests.served import garcom

pytestmark = needs_chromium


@pytest.fixture(scope="module")
def origin(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("docs")
    iris = load_iris(as_frame=True)
    model = LogisticRegression(max_iter=500).fit(iris.data, iris.target)
    labels = {0: "setosa", 1: "versicolor", 2: "virginica"}
    packed = pack(model, iris.data, iris.target, name="iris", labels=labels, out=folder, time_limit_s=0)
    with garcom("serve", packed.path, "--home", folder / "home", "--port", "0") as address:
        yield address


def test_example_is_sent_from_the_page(origin: str, visit: Visit) -> None:
    page = visit.page
    page.goto(f"{origin}/docs")
    operation = page.locator("#operations-iris-predict_predict")
    visit.picture(f"docs-{visit.scheme}")
    operation.locator(".opblock-summary").click()
    visit.picture(f"docs-open-{visit.scheme}")
    operation.get_by_role("button", name="Execute").click()
    answer = operation.locator(".live-responses-table")
    answer.wait_for()
    assert answer.locator(".response-col_status").last.inner_text().strip().startswith("200")
    told: dict[str, Any] = json.loads(answer.locator(".highlight-code code").first.inner_text())
    assert told["model"] == "iris"
    assert told["prediction"] == "setosa"
    assert set(told["probabilities"]) == {"setosa", "versicolor", "virginica"}
    visit.picture(f"docs-answered-{visit.scheme}")
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
    visit.picture(f"page{path.replace('/', '-').replace('#', '-')}-{visit.scheme}")
    visit.is_clean(origin)


def test_start_page_leads_to_the_documentation(origin: str, visit: Visit) -> None:
    page = visit.page
    page.goto(f"{origin}/")
    page.get_by_role("link", name="Documentation of the API").click()
    page.locator("#operations-iris-predict_predict").wait_for()
    visit.is_clean(origin)
