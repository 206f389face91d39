"""What was predicted elsewhere, as it goes to a server."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import httpx
import numpy as np
import pandas as pd
import polars
import pyarrow as pa
import pytest

from garcom.client import json_rows
from garcom.errors import InputError, InvalidRows, Rejected
from tests.unit.client.test_client import client_of

ROWS = [{"pH": 3.2, "cor": "tinto"}, {"pH": None, "cor": "branco"}]
FRAME = pd.DataFrame(ROWS)
OUTPUT = {"task": "classification", "classes": [0, 1], "labels": ["bom", "ruim"], "probabilities": True}


def model_of(output: dict[str, Any]) -> dict[str, Any]:
    signature = {"fields": [{"name": "pH", "type": "float"}], "output": output, "example": {"pH": 1}}
    task = output["task"]
    version = {"model": "wine", "version": 1, "answers": True, "digest": "d", "task": task, "signature": signature}
    told = {"model": "wine", "answers": 1, "default": True, "task": task, "predict": "/predict"}
    return told | {"versions": [version]}


class Server:
    """Keeps the rows that come, and gives each its number as an id."""

    def __init__(self, output: dict[str, Any] = OUTPUT) -> None:
        self.output = output
        self.rows: list[Any] = []
        self.paths: list[str] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if request.method == "GET":
            ready = {"status": "ready", "default": "wine"}
            return httpx.Response(200, json=ready if request.url.path == "/readyz" else model_of(self.output))
        rows = json.loads(request.content)
        ids = [str(len(self.rows) + at) for at in range(len(rows))]
        self.rows += rows
        self.paths.append(request.url.path)
        return httpx.Response(200, json={"model": "wine", "rows": len(rows), "ids": ids})


@pytest.mark.parametrize(
    "X",
    [
        pytest.param(ROWS, id="list"),
        pytest.param(FRAME, id="pandas"),
        pytest.param(polars.DataFrame(ROWS), id="polars"),
        pytest.param(pa.Table.from_pylist(ROWS), id="arrow"),
    ],
)
@pytest.mark.parametrize(
    "y_pred",
    [
        pytest.param(["bom", "ruim"], id="list"),
        pytest.param(np.array(["bom", "ruim"]), id="numpy"),
        pytest.param(pd.Series(["bom", "ruim"], index=[7, 8]), id="series"),
        pytest.param(polars.Series(["bom", "ruim"]), id="polars"),
    ],
)
def test_rows_and_answers_of_every_kind(X: Any, y_pred: Any) -> None:
    server = Server()
    with client_of(server) as client:
        assert client.log(X, y_pred, "wine") == ["0", "1"]
    assert server.paths == ["/v1/models/wine/log"]
    assert server.rows == [
        {"input": ROWS[0], "prediction": "bom"},
        {"input": ROWS[1], "prediction": "ruim"},
    ]


@pytest.mark.parametrize(
    "probabilities",
    [
        pytest.param(pd.DataFrame({"ruim": [0.25, 1.0], "bom": [0.75, 0.0]}), id="table"),
        pytest.param([{"bom": 0.75, "ruim": 0.25}, {"bom": 0.0, "ruim": 1.0}], id="dicts"),
    ],
)
def test_everything_that_belongs_to_a_row(probabilities: Any) -> None:
    server = Server()
    times = pd.Series(pd.to_datetime(["2026-11-20T10:00:00Z", "2026-11-20T11:00:00Z"]))
    with client_of(server) as client:
        client.log(
            FRAME,
            np.array([1, 2]),
            "wine:3",
            probabilities=probabilities,
            keys=["a", "b"],
            subjects="ana",
            times=times,
            latencies_ms=np.array([1.5, 2.5]),
        )
    assert server.rows[0] == {
        "input": ROWS[0],
        "prediction": 1,
        "probabilities": {"bom": 0.75, "ruim": 0.25},
        "key": "a",
        "subject": "ana",
        "time": "2026-11-20T10:00:00+00:00",
        "version": 3,
        "latency_ms": 1.5,
    }
    assert [row["key"] for row in server.rows] == ["a", "b"]


def test_a_matrix_of_probabilities_has_the_labels_of_the_version_that_answers() -> None:
    server = Server()
    with client_of(server) as client:
        client.log(FRAME, ["bom", "ruim"], probabilities=np.array([[0.75, 0.25], [0.0, 1.0]]))
        with pytest.raises(InputError, match="bom, ruim"):
            client.log(FRAME, ["bom", "ruim"], "wine", probabilities=np.eye(3)[:2])
    assert [row["probabilities"] for row in server.rows] == [{"bom": 0.75, "ruim": 0.25}, {"bom": 0.0, "ruim": 1.0}]


def test_a_matrix_of_answers_has_the_targets_of_the_version_that_answers() -> None:
    server = Server({"task": "regression", "names": ["a", "b"]})
    with client_of(server) as client:
        client.log(FRAME, np.array([[1.0, 3.0], [2.0, 4.0]]))
        client.log(FRAME, np.array([[1.0], [2.0]]))
        with pytest.raises(InputError, match=r"y_pred with a column for each target \(a, b\)"):
            client.log(FRAME, np.eye(3)[:2], "wine")
    assert [row["prediction"] for row in server.rows[:2]] == [{"a": 1.0, "b": 3.0}, {"a": 2.0, "b": 4.0}]
    assert [row["prediction"] for row in server.rows[2:]] == [1.0, 2.0]


def test_one_row_and_several_targets() -> None:
    server = Server()
    with client_of(server) as client:
        client.log(ROWS[0], 3.5, "wine", times=datetime(2026, 1, 2, tzinfo=UTC))
        client.log(FRAME, pd.DataFrame({"a": [1.0, 2.0], "b": [3.0, 4.0]}), "wine")
    assert server.rows[0] == {"input": ROWS[0], "prediction": 3.5, "time": "2026-01-02T00:00:00+00:00"}
    assert [row["prediction"] for row in server.rows[1:]] == [{"a": 1.0, "b": 3.0}, {"a": 2.0, "b": 4.0}]


def test_long_input_goes_in_parts_and_errors_count_from_the_first_row() -> None:
    n = json_rows.MAX_ROWS + 5
    server = Server()
    with client_of(server) as client:
        assert client.log([{"x": at} for at in range(n)], list(range(n)), "wine") == [str(at) for at in range(n)]
    assert len(server.paths) == 2

    def refuse(request: httpx.Request) -> httpx.Response:
        if len(json.loads(request.content)) > 5:
            return server(request)
        where = "predictions[2].input.x"
        told = {"detail": f"{where}: no", "errors": [{"where": where, "expected": "a", "got": "b"}]}
        return httpx.Response(422, json=told)

    with client_of(refuse) as client, pytest.raises(Rejected) as caught:
        client.log([{"x": at} for at in range(n)], list(range(n)), "wine")
    assert caught.value.faults[0].where == f"predictions[{json_rows.MAX_ROWS + 2}].input.x"


@pytest.mark.parametrize(
    ("X", "y_pred", "more", "kind", "message"),
    [
        pytest.param(FRAME, ["bom"], {}, InputError, "y_pred for each of the 2 rows, got 1", id="too few answers"),
        pytest.param(FRAME, ["a", "b"], {"keys": ["k"]}, InputError, "key for each", id="too few keys"),
        pytest.param(np.eye(2), [1, 2], {}, InputError, "no field names", id="a matrix"),
        pytest.param([[1], [2]], [1, 2], {}, InvalidRows, "a record", id="lists"),
        pytest.param(FRAME, [1.0, float("inf")], {}, InvalidRows, r"predictions\[1\].prediction", id="infinity"),
        pytest.param(FRAME, [object(), 1], {}, InvalidRows, r"predictions\[0\].prediction", id="no value"),
    ],
)
def test_what_cannot_be_sent(X: Any, y_pred: Any, more: dict[str, Any], kind: type[Exception], message: str) -> None:
    server = Server()
    with client_of(server) as client, pytest.raises(kind, match=message):
        client.log(X, y_pred, "wine", **more)
    assert server.rows == []


def test_reports_are_asked_for_a_scope() -> None:
    asked: list[httpx.URL] = []
    scope = {"scope": {"model": "wine"}, "rows": 3}

    def respond(request: httpx.Request) -> httpx.Response:
        asked.append(request.url)
        more = {
            "drift": {"reference": "training", "rows_reference": 0, "rows_current": 0},
            "quality": {},
            "performance": {"task": "regression", "actuals": 0, "maturity": None},
        }
        return httpx.Response(200, json=scope | more[request.url.path.rpartition("/")[2]])

    with client_of(respond) as client:
        assert client.drift("wine", since="2026-11-01", stage="stable", reference="previous").scope.model == "wine"
        assert client.quality("wine", segment="cor=tinto").rows == 3
        assert client.performance("wine", version=2, every="1d").maturity is None
    assert [dict(url.params) for url in asked] == [
        {"from": "2026-11-01T00:00:00+00:00", "stage": "stable", "reference": "previous"},
        {"segment": "cor=tinto"},
        {"version": "2", "every": "1d"},
    ]
