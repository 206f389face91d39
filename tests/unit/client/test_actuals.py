"""What the client sends, as the server's own reader reads it."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import msgspec
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from garcom.client import Client
from garcom.client.actuals import Columns, bodies
from garcom.errors import InputError, PredictionFailed, Rejected
from garcom.ids import uuid7s
from garcom.lake.records import Actual, Added, LabelMaturity, LoggedPrediction, Maturity
from garcom.model.signature import Output
from garcom.observations import Observed
from garcom.serving.codec.actuals_body import read_actuals
from tests.unit.client.scripted_server import answer, scripted
from tests.unit.client.test_client import client_of

NOW = datetime(2026, 11, 21, 16, tzinfo=UTC)
EARLIER = datetime(2026, 11, 21, 15, tzinfo=UTC)
WINE = Output(task="classification", classes=("bom", "ruim"))
PRICE = Output(task="regression", names=("price",))
PAIR = Output(task="regression", names=("height", "width"))
A, B = uuid7s(2)
EXPECTED = [Observed(A, None, '"bom"', "bom", None, EARLIER), Observed(B, None, '"ruim"', "ruim", None, EARLIER)]


OWN = Columns()


def sent(rows: Any, output: Output = WINE, columns: Columns = OWN, max_rows: int = 100) -> list[Observed]:
    found: list[Observed] = []
    for body in bodies(rows, columns, max_rows):
        assert body.first_row == len(found)
        found += read_actuals(body.content, body.content_type.encode(), output, NOW).rows
    return found


def frame() -> pd.DataFrame:
    return pd.DataFrame({"id": [A, B], "actual": ["bom", "ruim"], "observed_at": [EARLIER] * 2, "other": [1, 2]})


def test_tables_of_every_kind() -> None:
    assert sent(frame()) == sent(pl.from_pandas(frame())) == sent(pl.from_pandas(frame()).to_arrow()) == EXPECTED
    assert sent(frame(), max_rows=1) == EXPECTED


def test_lists_of_dicts_with_values_of_every_library() -> None:
    rows = [
        {"id": A, "actual": "bom", "observed_at": EARLIER},
        {"id": B, "actual": "ruim", "observed_at": pd.Timestamp(EARLIER)},
    ]
    assert sent(rows) == sent(rows, max_rows=1) == EXPECTED
    assert sent([{"id": A, "actual": np.float64(1.5)}], PRICE)[0].value == 1.5
    assert (
        sent([{"id": A, "actual": {"height": 1, "width": np.float32(2)}}], PAIR)[0].actual
        == '{"height":1.0,"width":2.0}'
    )


@pytest.mark.parametrize("ending", [".csv", ".json", ".jsonl", ".arrow", ".parquet"])
def test_files_of_every_kind(ending: str, tmp_path: Path) -> None:
    path = tmp_path / f"truth{ending}"
    table = pl.from_pandas(frame()).drop("other").with_columns(pl.col("observed_at").dt.to_string("iso:strict"))
    write: dict[str, Callable[[], object]] = {
        ".csv": lambda: table.write_csv(path),
        ".json": lambda: path.write_text(json.dumps(table.to_dicts())),
        ".jsonl": lambda: table.write_ndjson(path),
        ".arrow": lambda: table.write_ipc(path),
        ".parquet": lambda: table.write_parquet(path),
    }
    write[ending]()
    assert sent(path) == sent(str(path), max_rows=1) == EXPECTED


def test_csv_as_spreadsheets_in_portuguese_write_it(tmp_path: Path) -> None:
    path = tmp_path / "truth.csv"
    path.write_text(f"pedido;preço;nota\n{A};12,5;x\n{B};7;y\n", encoding="utf-8-sig")
    assert [row.value for row in sent(path, PRICE, Columns(id="pedido", actual="preço"))] == [12.5, 7.0]


def test_columns_of_other_names() -> None:
    renamed = frame().rename(columns={"id": "order", "actual": "grape", "observed_at": "seen"})
    columns = Columns(key="order", actual="grape", observed_at="seen")
    assert [row.key for row in sent(renamed, columns=columns)] == [A, B]
    assert [row.key for row in sent(renamed.to_dict("records"), columns=columns)] == [A, B]


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (7, "Expected the path of a file"),
        ("truth.xlsx", "nothing is there"),
        (pd.DataFrame({"id": [A]}), "Expected a column 'actual'; the columns are 'id'."),
        (pd.DataFrame({"Id": [A], "actual": ["bom"]}), "Expected a column 'id'; .* Did you mean 'Id'?"),
        ([7], r"actuals\[0\]: expected a record"),
        ([{"id": A, "actual": float("inf")}], r"actuals\[0\].actual: expected a finite number"),
    ],
)
def test_what_cannot_be_sent(rows: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        sent(rows)


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("truth.xlsx", b"PK"),
        ("truth.csv", b"\xff"),
        ("truth.csv", b"id,actual\nx\n"),
        ("truth.csv", b'id,actual\n"x'),
        ("truth.json", b"{"),
        ("truth.json", b'{"id": 1}'),
        ("truth.jsonl", b"[\n"),
        ("truth.arrow", b"ARROW1"),
        ("truth.parquet", b"PAR1"),
    ],
)
def test_files_that_cannot_be_read(name: str, data: bytes, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_bytes(data)
    with pytest.raises(InputError, match="Expected"):
        sent(path)


def server(output: Output, max_rows: int) -> Callable[[httpx.Request], httpx.Response]:
    """Answers as a server that looks at the rows, but not at those of a part that is as long as it may be."""

    def respond(request: httpx.Request) -> httpx.Response:
        assert request.url.path == "/v1/models/wine/actuals"
        with pa.ipc.open_stream(request.content) as stream:
            n = stream.read_all().num_rows
        if n == 100_000:  # a whole part, which would only take long to check
            whole = Added(rows=n, accepted=n, corrected=0, unchanged=0, unknown=1, first_unknown=("whole",))
            return httpx.Response(200, content=msgspec.json.encode(whole))
        try:
            told = read_actuals(request.content, request.headers["content-type"].encode(), output, NOW, max_rows)
        except InputError as error:
            places = [fault._asdict() for fault in error.faults]
            return httpx.Response(422, json={"detail": str(error), "errors": places})
        added = Added(rows=n, accepted=n, corrected=0, unchanged=0, unknown=1, first_unknown=(str(told.rows[0].key),))
        return httpx.Response(200, content=msgspec.json.encode(added))

    return respond


def test_long_input_goes_in_several_requests_and_is_summed_up() -> None:
    table = pl.DataFrame({"key": [f"k{row}" for row in range(200_003)]}).with_columns(actual=pl.lit("bom"))
    with client_of(server(WINE, 100_000)) as client:
        added = client.actuals("wine", table)
    assert (added.rows, added.accepted, added.unknown) == (200_003, 200_003, 3)
    assert added.first_unknown == ("whole", "whole", "k200000")


def test_a_wrong_row_of_a_later_request_is_told_at_its_place_in_the_whole() -> None:
    table = pl.DataFrame({"key": [f"k{row}" for row in range(100_003)]}).with_columns(
        actual=pl.when(pl.col("key") == "k100001").then(pl.lit("")).otherwise(pl.lit("bom"))
    )
    with client_of(server(WINE, 100_000)) as client, pytest.raises(Rejected) as caught:
        client.actuals("wine", table)
    assert caught.value.faults[0].where == "actuals[100001].actual"


LOGGED = LoggedPrediction(
    id=A, model="wine", version=2, role="stable", time=EARLIER, input={"pH": 3.1}, prediction="bom",
    actual=Actual(value="ruim", observed_at=NOW, received_at=NOW),
)  # fmt: skip


def test_one_prediction_and_the_maturity_over_http() -> None:
    ages = (Maturity(age="< 1 h", predictions=4, with_actual=1, share=0.25),)
    steps = [msgspec.json.encode(LOGGED), msgspec.json.encode(LabelMaturity(model="wine", ages=ages))]
    with scripted(*(answer(200, step) for step in steps)) as script, Client(script.url) as client:
        assert client.prediction(A) == LOGGED
        assert client.maturity("wine", since=NOW - timedelta(days=1)) == ages
    heads = [head.split("\r\n")[0] for head, _ in script.requests]
    assert heads == [
        f"get /v1/predictions/{A} http/1.1",
        "get /v1/models/wine/actuals/maturity?from=2026-11-20t16%3a00%3a00%2b00%3a00 http/1.1",
    ]


def test_predictions_as_a_polars_frame_over_http() -> None:
    table = pl.DataFrame({"id": [A, B], "time": [EARLIER, NOW], "prediction": ["bom", "ruim"]})
    stream = table.write_ipc_stream(None).getvalue()
    with scripted(answer(200, stream)) as script, Client(script.url) as client:
        found = client.predictions("wine", until=datetime(2026, 11, 21), version=2, has_actual=True, limit=9)
    assert found.equals(table)
    head = script.requests[0][0]
    assert "/predictions?to=2026-11-21t00%3a00%3a00%2b00%3a00&version=2&has_actual=true&limit=9 " in head
    assert "accept: application/vnd.apache.arrow.stream" in head


def test_an_answer_that_is_no_arrow_stream_is_no_garcoms() -> None:
    with (
        scripted(answer(200, b"<html>")) as script,
        Client(script.url) as client,
        pytest.raises(PredictionFailed, match="Expected an answer of a Garçom"),
    ):
        client.predictions("wine", since="1h")


def test_a_broken_connection_is_asked_again_because_the_same_actuals_change_nothing() -> None:
    added = Added(rows=1, accepted=0, corrected=0, unchanged=1, unknown=0)
    with scripted(b"", answer(200, msgspec.json.encode(added))) as script, Client(script.url) as client:
        assert client.actuals("wine", [{"id": A, "actual": "bom"}]) == added
    assert len(script.requests) == 2
