"""How long input is cut and put together again, against a transport that answers without a network."""

from __future__ import annotations

import json
from collections.abc import Callable

import httpx
import msgspec
import pandas as pd
import pyarrow as pa
import pytest

import garcom
from garcom.client import Client, Prediction, json_rows, tables
from garcom.client.connection import Connection
from garcom.errors import InputError, ModelNotFound, Rejected
from tests.unit.client.test_tables import answer_of, body_of, rows_of


def client_of(respond: Callable[[httpx.Request], httpx.Response]) -> Client:
    transport = httpx.MockTransport(respond)
    return Client.over(Connection("http://garcom.test", timeout_s=1, patience_s=0, headers={}, transport=transport))


def test_the_package_exports_the_client() -> None:
    assert garcom.Client is Client


def test_a_long_list_is_answered_by_one_version() -> None:
    paths: list[str] = []

    def respond(request: httpx.Request) -> httpx.Response:
        paths.append(request.url.path)
        rows = json.loads(request.content)
        found = [Prediction(id=str(row["x"]), model="wine", version=7, prediction=row["x"]) for row in rows]
        return httpx.Response(200, content=msgspec.json.encode(found))

    with client_of(respond) as client:
        found = client.predict([{"x": row} for row in range(2 * json_rows.MAX_ROWS + 5)])
    assert [one.prediction for one in found] == list(range(2 * json_rows.MAX_ROWS + 5))
    assert paths == ["/predict", *["/v1/models/wine/versions/7/predict"] * 2]


def test_a_long_table_is_answered_by_one_version() -> None:
    paths: list[str] = []
    n_rows = 2 * tables.MAX_ROWS + 5

    def respond(request: httpx.Request) -> httpx.Response:
        paths.append(request.url.path)
        ids = [str(row["x"]) for row in rows_of(request.content)]
        warned = {"warnings": ["high"] * len(ids)} if len(ids) == 5 else {}
        return httpx.Response(200, content=body_of(answer_of(ids, **warned)))

    frame = pd.DataFrame({"x": range(n_rows)}, index=range(n_rows, 0, -1))
    with client_of(respond) as client:
        found = client.predict(frame, "wine")
    assert found.index.equals(frame.index)
    assert found["id"].astype(int).tolist() == list(range(n_rows))
    assert found["warnings"].notna().sum() == 5
    assert paths == ["/v1/models/wine/predict", *["/v1/models/wine/versions/2/predict"] * 2]


def test_faults_are_counted_from_the_first_row_of_the_whole() -> None:

    late = json_rows.MAX_ROWS + 7

    def respond(request: httpx.Request) -> httpx.Response:
        rows = json.loads(request.content)
        wrong = [place for place, row in enumerate(rows) if row["x"] == "wrong"]
        if not wrong:
            found = [Prediction(id="1", model="wine", version=1, prediction=0) for _ in rows]
            return httpx.Response(200, content=msgspec.json.encode(found))
        where = f"records[{wrong[0]}].x"
        fault = {"where": where, "expected": "a number", "got": "text"}
        return httpx.Response(422, json={"detail": f"{where}: expected a number, got text.", "errors": [fault, "odd"]})

    with client_of(respond) as client, pytest.raises(Rejected) as caught:
        client.predict([{"x": "wrong" if row == late else row} for row in range(late + 2)])
    assert str(caught.value) == "records[10007].x: expected a number, got text."
    assert caught.value.faults[0].where == "records[10007].x"
    assert caught.value.problem["detail"] == "records[10007].x: expected a number, got text."
    assert caught.value.status == 422


def test_a_version_without_a_model_is_the_default_models() -> None:
    paths: list[str] = []

    def respond(request: httpx.Request) -> httpx.Response:
        paths.append(request.url.path)
        if request.url.path == "/readyz":
            return httpx.Response(200, json={"status": "ready", "default": "wine"})
        return httpx.Response(200, json={"id": "1", "model": "wine", "version": 3, "prediction": 1.5})

    with client_of(respond) as client:
        assert client.predict({"x": 1}, version=3).prediction == 1.5
    assert paths == ["/readyz", "/v1/models/wine/versions/3/predict"]


def test_a_reference_names_model_and_version() -> None:
    paths: list[str] = []

    def respond(request: httpx.Request) -> httpx.Response:
        paths.append(request.url.path)
        return httpx.Response(200, json={"id": "1", "model": "wine", "version": 3, "prediction": 1.5})

    with client_of(respond) as client:
        client.predict({"x": 1}, "wine:3")
        client.predict({"x": 1}, "wine:3", 3)
        with pytest.raises(InputError, match="Expected one version, as in wine:2, got 'wine:3' and version 4"):
            client.predict({"x": 1}, "wine:3", 4)
        with pytest.raises(InputError, match="Expected a version number after the colon, as in wine:2"):
            client.predict({"x": 1}, "wine:new")
    assert paths == ["/v1/models/wine/versions/3/predict"] * 2


def test_without_a_default_the_models_are_named() -> None:
    def respond(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/readyz":
            return httpx.Response(200, json={"status": "ready", "default": None})
        model = {"answers": 1, "default": False, "task": "regression", "versions": [1], "predict": "/"}
        return httpx.Response(200, json=[{"model": "iris"} | model, {"model": "wine"} | model])

    with client_of(respond) as client, pytest.raises(ModelNotFound, match=r"Name one of its models: iris, wine\."):
        client.model()


def test_a_name_cannot_lead_to_another_path() -> None:
    def respond(request: httpx.Request) -> httpx.Response:
        assert request.url.raw_path == b"/v1/models/..%2F..%2Fmetrics%3F/predict"
        return httpx.Response(404, json={"detail": "No such model."})

    with client_of(respond) as client, pytest.raises(Rejected, match="No such model"):
        client.predict({"x": 1}, "../../metrics?")


def test_a_row_of_a_frame_is_a_record() -> None:
    def respond(request: httpx.Request) -> httpx.Response:
        assert json.loads(request.content) == {"x": 1.5, "cor": "tinto", "gap": None}
        return httpx.Response(200, json={"id": "1", "model": "wine", "version": 3, "prediction": {"a": 1.0, "b": 2.0}})

    frame = pd.DataFrame({"x": [1.5], "cor": ["tinto"], "gap": [None]})
    with client_of(respond) as client:
        assert client.predict(frame.iloc[0]).prediction == {"a": 1.0, "b": 2.0}


@pytest.mark.parametrize("data", ["text", b"bytes", 3, {1, 2}, pa.array([1]).to_numpy()])
def test_other_kinds_of_data_are_refused(data: object) -> None:
    def respond(request: httpx.Request) -> httpx.Response:
        raise AssertionError("nothing should be sent")

    with (
        client_of(respond) as client,
        pytest.raises(InputError, match="Expected a dict, a list of dicts or a DataFrame"),
    ):
        client.predict(data)
