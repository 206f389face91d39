"""What is asked over HTTP reaches the controller as a window, and what no window can be is refused before."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from garcom.controller.asking import Controller
from garcom.controller.messages import AnyQuestion, Reply, ShowDrift, ShowPerformance, ShowQuality
from garcom.http.bodies import Bodies
from garcom.http.catalogue import Catalogue
from garcom.http.control import Parts, create_control
from garcom.http.edge import Edge
from garcom.http.metrics import Exposition
from garcom.rollout.plan import ModelPlan, TrafficPlan
from garcom.serving.predictor import Predictor
from garcom.serving.runtime import Runtime
from garcom.serving.telemetry import Telemetry
from tests.unit.http.admissions import OPEN, admission


class Asked(Controller):
    """A controller that keeps what it was asked."""

    def __init__(self) -> None:
        self.questions: list[AnyQuestion] = []

    async def ask(self, question: AnyQuestion, body: bytes = b"") -> tuple[Reply, bytes]:
        self.questions.append(question)
        return Reply(), b'{"rows": 3}'


def never(folder: Path, model: str, version: int) -> Predictor:
    raise AssertionError


def get(folder: Path, path: str) -> tuple[httpx.Response, list[AnyQuestion]]:
    runtime = Runtime(never, memory_budget_bytes=1, max_queued_rows=1)
    plans = {"wine": ModelPlan(answers=1, versions={1: "a", 2: "b"})}
    runtime.plan = TrafficPlan(revision=1, default="wine", models=plans, bundles=str(folder))
    asked = Asked()
    parts = Parts(
        runtime,
        Catalogue(runtime),
        Exposition(Telemetry().snapshot, runtime, folder),
        asked,
        Edge(Telemetry(), False, str.upper),
        Bodies(max_body_bytes=1, max_buffered_bytes=1, timeout_s=1.0),
        admission(folder, OPEN),
    )

    async def ask() -> httpx.Response:
        transport = httpx.ASGITransport(create_control(parts, "0"))
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            return await client.get(path)

    return asyncio.run(ask()), asked.questions


WINDOW: dict[str, Any] = {
    "model": "wine",
    "since": datetime(2026, 11, 1, tzinfo=UTC),
    "until": datetime(2026, 11, 3, tzinfo=UTC),
}
SPAN = "from=2026-11-01&to=2026-11-03"


@pytest.mark.parametrize(
    ("path", "question"),
    [
        pytest.param(f"drift?{SPAN}", ShowDrift(**WINDOW), id="drift"),
        pytest.param(f"drift?{SPAN}&reference=seasonal", ShowDrift(**WINDOW, reference="seasonal"), id="reference"),
        pytest.param(f"drift?{SPAN}&parts=true", ShowDrift(**WINDOW, parts=True), id="drift over time"),
        pytest.param(f"quality?{SPAN}&parts=true", ShowQuality(**WINDOW, parts=True), id="quality over time"),
        pytest.param(
            f"quality?{SPAN}&version=2&stage=external&segment=cor%3Da%3Db",
            ShowQuality(**WINDOW, version=2, stage="external", segment="cor=a=b"),
            id="scope",
        ),
        pytest.param(
            f"performance?{SPAN}&every=6h", ShowPerformance(**WINDOW, every=timedelta(hours=6)), id="performance"
        ),
        pytest.param(f"performance?{SPAN}", ShowPerformance(**WINDOW), id="parts of its own choice"),
    ],
)
def test_what_is_asked(path: str, question: AnyQuestion, tmp_path: Path) -> None:
    answer, questions = get(tmp_path, f"/v1/models/wine/{path}")
    assert (answer.status_code, answer.json()) == (200, {"rows": 3})
    assert questions == [question]


def test_the_last_week_is_meant_where_no_window_is_told(tmp_path: Path) -> None:
    _, (question,) = get(tmp_path, "/v1/models/wine/drift")
    assert isinstance(question, ShowDrift)
    assert question.since is not None
    assert question.until is not None
    assert question.until - question.since == timedelta(days=7)
    assert abs(datetime.now(UTC) - question.until) < timedelta(minutes=5)


@pytest.mark.parametrize(
    ("path", "status", "slug"),
    [
        pytest.param("wyne/drift", 404, "model-not-found", id="model"),
        pytest.param("wine/drift?since=1h", 400, "bad-request", id="a parameter that there is not"),
        pytest.param("wine/quality?reference=seasonal", 400, "bad-request", id="a parameter of another route"),
        pytest.param("wine/drift?from=1h&from=2h", 400, "bad-request", id="twice"),
        pytest.param("wine/drift?version=7", 404, "version-not-found", id="version"),
        pytest.param("wine/drift?version=x", 400, "bad-request", id="version that is none"),
        pytest.param("wine/drift?reference=none", 400, "bad-request", id="reference"),
        pytest.param("wine/quality?parts=6h", 400, "bad-request", id="parts"),
        pytest.param("wine/quality?stage=none", 400, "bad-request", id="stage"),
        pytest.param("wine/quality?segment=cor", 400, "bad-request", id="segment"),
        pytest.param("wine/quality?from=yesterday", 400, "bad-request", id="moment"),
        pytest.param("wine/quality?from=1d&to=2d", 400, "bad-request", id="window that ends before it begins"),
        pytest.param("wine/quality?to=0001-01-01", 400, "bad-request", id="before the calendar"),
        pytest.param("wine/performance?every=x", 400, "bad-request", id="no duration"),
        pytest.param("wine/performance?every=0h", 400, "bad-request", id="parts of nothing"),
        pytest.param("wine/performance?from=52w&every=1m", 400, "bad-request", id="too many parts"),
    ],
)
def test_what_cannot_be_asked(path: str, status: int, slug: str, tmp_path: Path) -> None:
    answer, questions = get(tmp_path, f"/v1/models/{path}")
    assert (answer.status_code, answer.json()["type"].rpartition("#")[2]) == (status, slug)
    assert questions == []
