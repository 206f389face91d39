from __future__ import annotations

import contextlib
import io
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from garcom.errors import ActualsRefused, GarcomError, InvalidRows, MalformedBody, UnsupportedMediaType
from garcom.ids import uuid7s
from garcom.model.signature import Output
from garcom.observations import Observations, Observed
from garcom.serving.codec.actuals_body import read_actuals
from garcom.serving.codec.media import ARROW, CSV, JSON

NOW = datetime(2026, 11, 21, 16, 0, tzinfo=UTC)
EARLIER = NOW - timedelta(hours=1)
WINE = Output(task="classification", classes=(0, 1), labels=("bom", "ruim"))
PRICE = Output(task="regression", names=("price",))
PAIR = Output(task="regression", names=("height", "width"))
A, B = uuid7s(2)


def from_json(rows: Any, output: Output = WINE) -> Observations:
    return read_actuals(json.dumps(rows).encode(), JSON, output, NOW)


def arrow(table: pa.Table) -> bytes:
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, table.schema) as stream:
        stream.write_table(table)
    return sink.getvalue()


def from_arrow(columns: dict[str, Any], output: Output = WINE) -> Observations:
    return read_actuals(arrow(pa.table(columns)), ARROW, output, NOW)


def refused(read: Callable[[], Observations]) -> ActualsRefused:
    with pytest.raises(ActualsRefused) as caught:
        read()
    return caught.value


def sentences(error: InvalidRows | MalformedBody) -> list[str]:
    return [fault.sentence() for fault in error.faults]


EXPECTED = [Observed(A, None, '"bom"', "bom", None, EARLIER), Observed(None, "order-7", '"ruim"', "ruim", None, None)]
ROWS = [{"id": A, "actual": "bom", "observed_at": "2026-11-21T12:00:00-03:00"}, {"key": "order-7", "actual": "ruim"}]


@pytest.mark.parametrize("document", [ROWS, {"actuals": ROWS}])
def test_json(document: Any) -> None:
    assert from_json(document) == Observations(EXPECTED)


def test_csv() -> None:
    body = f"\ufeffobserved_at,key,id,actual\r\n2026-11-21T15:00:00Z,,{A},bom\r\n,order-7,,ruim\r\n\r\n"
    assert read_actuals(body.encode(), b"text/csv; charset=utf-8", WINE, NOW) == Observations(EXPECTED)


@pytest.mark.parametrize(
    "moment", [pa.timestamp("us", "America/Sao_Paulo"), pa.timestamp("ns"), pa.timestamp("s", "UTC")]
)
@pytest.mark.parametrize(
    "text", [pa.string(), pa.large_string(), pa.string_view(), pa.dictionary(pa.int8(), pa.string())]
)
def test_arrow(moment: pa.DataType, text: pa.DataType) -> None:
    columns = {
        "id": pa.array([A, None]),
        "key": pa.array([None, "order-7"], text),
        "actual": pa.array(["bom", "ruim"], text),
        "observed_at": pa.array([EARLIER.replace(tzinfo=None), None], pa.timestamp("us")).cast(moment),
    }
    assert from_arrow(columns) == Observations(EXPECTED)


def test_what_polars_writes() -> None:
    frame = pl.DataFrame({"id": [A], "actual": ["bom"], "observed_at": [EARLIER]})
    body = io.BytesIO()
    frame.write_ipc_stream(body)
    assert read_actuals(body.getvalue(), ARROW, WINE, NOW).rows == EXPECTED[:1]


@pytest.mark.parametrize(
    ("output", "actual", "expected"),
    [
        (PRICE, 12, Observed(A, None, "12.0", value=12.0)),
        (PRICE, 12.5, Observed(A, None, "12.5", value=12.5)),
        (PAIR, {"width": 1, "height": 2.5}, Observed(A, None, '{"height":2.5,"width":1.0}')),
        (Output(task="classification", classes=(0, 1)), 1, Observed(A, None, "1", "1")),
        (Output(task="classification", classes=(0, 1)), 1.0, Observed(A, None, "1", "1")),
        (Output(task="classification", classes=(1.0, 2.5)), 1, Observed(A, None, "1.0", "1.0")),
        (Output(task="classification", classes=(False, True)), True, Observed(A, None, "true", "True")),
        (Output(task="outlier", classes=(-1, 1)), -1, Observed(A, None, "-1", "-1")),
    ],
)
def test_actuals_are_of_the_models_own_type_in_every_form(output: Output, actual: Any, expected: Observed) -> None:
    assert from_json([{"id": A, "actual": actual}], output).rows == [expected]
    assert from_arrow({"id": [A], "actual": [actual]}, output).rows == [expected]
    cell = json.dumps(actual).replace('"', '""')
    assert read_actuals(f'id,actual\n{A},"{cell}"'.encode(), CSV, output, NOW).rows == [expected]


def test_unseen_labels_are_truth_and_counted() -> None:
    found = from_json([{"id": A, "actual": "péssimo"}, {"id": B, "actual": "bom"}])
    assert [row.label for row in found.rows] == ["péssimo", "bom"]
    assert found.unseen_labels == 1


@pytest.mark.parametrize(
    ("row", "output", "sentence"),
    [
        ({"actual": "bom"}, WINE, "actuals[0]: expected either id or key, got neither."),
        ({"id": A, "key": "k", "actual": "bom"}, WINE, "actuals[0]: expected either id or key, got both."),
        (
            {"id": "7", "actual": "bom"},
            WINE,
            "actuals[0].id: expected the id of a prediction, a UUID, got text that is no",
        ),
        ({"id": 7, "actual": "bom"}, WINE, "actuals[0].id: expected the id of a prediction, a UUID, got a number."),
        ({"key": 7, "actual": "bom"}, WINE, "actuals[0].key: expected the client's own key as text, got a number."),
        (
            {"key": "k" * 513, "actual": "bom"},
            WINE,
            "actuals[0].key: expected the client's own key as text, got text of mo",
        ),
        ({"id": A, "actual": 1}, WINE, "actuals[0].actual: expected text (a label such as bom, ruim), got a number."),
        (
            {"id": A, "actual": ""},
            WINE,
            "actuals[0].actual: expected text (a label such as bom, ruim), got empty text.",
        ),
        (
            {"id": A, "actual": "x" * 1001},
            WINE,
            "actuals[0].actual: expected text (a label such as bom, ruim), got text of",
        ),
        (
            {"id": A, "actual": "\ud800"},
            WINE,
            "actuals[0].actual: expected text (a label such as bom, ruim), got text with",
        ),
        ({"id": A}, WINE, "actuals[0].actual: expected text (a label such as bom, ruim), got null."),
        ({"id": A, "actual": float("nan")}, PRICE, "actuals[0].actual: expected a number, got NaN."),
        ({"id": A, "actual": True}, PRICE, "actuals[0].actual: expected a number, got a boolean."),
        (
            {"id": A, "actual": 10**400},
            PRICE,
            "actuals[0].actual: expected a number, got a number too large for float64.",
        ),
        (
            {"id": A, "actual": {"height": 1}},
            PAIR,
            "actuals[0].actual: expected an object of numbers: height, width, got an",
        ),
        (
            {"id": A, "actual": {"height": 1, "width": "2"}},
            PAIR,
            "actuals[0].actual: expected an object of numbers: heigh",
        ),
        (
            {"id": A, "actual": "bom", "observed_at": "2026-11-21T16:06:00Z"},
            WINE,
            "actuals[0].observed_at: expected a date-time such as 2026-11-21T10:00:00Z, not in the future, got one",
        ),
        (
            {"id": A, "actual": "bom", "observed_at": "0001-01-01T00:00:00+10:00"},
            WINE,
            "actuals[0].observed_at: expected a date-time such as 2026-11-21T10:00:00Z, not in the future, got a",
        ),
        (
            {"id": A, "actual": "bom", "observed_at": "soon"},
            WINE,
            "actuals[0].observed_at: expected a date-time such as 2",
        ),
        (
            {"id": A, "atual": "bom"},
            WINE,
            "actuals[0].atual: expected only id, key, actual, observed_at, got another name.",
        ),
        (7, WINE, "actuals[0]: expected an object with id or key, and actual, got a number."),
    ],
)
def test_rows_that_are_refused(row: Any, output: Output, sentence: str) -> None:
    error = refused(lambda: from_json([row], output))
    assert sentences(error)[0].startswith(sentence)
    assert (error.rows, error.accepted, error.refused) == (1, 0, 1)


def test_clocks_may_differ_by_five_minutes() -> None:
    assert from_json([{"id": A, "actual": "bom", "observed_at": "2026-11-21T16:05:00Z"}]).rows


def test_one_wrong_row_refuses_all_and_every_one_is_counted() -> None:
    rows = [{"id": each, "actual": "bom"} for each in uuid7s(10)] + [{"id": each, "actual": 1} for each in uuid7s(150)]
    error = refused(lambda: from_json(rows))
    assert (error.rows, error.accepted, error.refused, len(error.faults)) == (160, 0, 150, 100)
    assert str(error).startswith("150 of 160 rows are wrong, so none was taken: actuals[10].actual: expected text")


def test_duplicates_in_one_call_name_both_rows() -> None:
    rows = [
        {"id": A, "actual": "bom", "observed_at": "2026-11-21T15:00:00Z"},
        {"id": A, "actual": "ruim", "observed_at": "2026-11-21T15:30:00Z"},
        {"id": A.upper(), "actual": "bom", "observed_at": "2026-11-21T12:00:00-03:00"},
        {"key": A, "actual": "bom"},
        {"key": A, "actual": "bom"},
    ]
    assert sentences(refused(lambda: from_json(rows))) == [
        "actuals[2]: expected each id once for a moment of observation, got the same as in actuals[0].",
        "actuals[4]: expected each key once for a moment of observation, got the same as in actuals[3].",
    ]


def test_a_name_given_twice() -> None:
    body = b'[{"id":"%s","actual":"bom","actual":"ruim"}]' % A.encode()
    error = refused(lambda: read_actuals(body, JSON, WINE, NOW))
    assert sentences(error) == ["actuals[0].actual: expected each name once, got the same name more than once."]


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        (JSON, b""),
        (JSON, b"[]"),
        (JSON, b"7"),
        (JSON, b"{}"),
        (JSON, b'{"actuals": 7}'),
        (JSON, b'{"actuals": [], "more": 1}'),
        (JSON, b'[{"id":'),
        (JSON, b"\xff[]"),
        (JSON, b"[" * 100_000),
        (JSON, b'[{"id":' * 50_000),
        (CSV, b""),
        (CSV, b"id,actual\n"),
        (CSV, b"id,actual\n\xff,1\n"),
        (CSV, b'id,actual\n"a'),
        (CSV, b"id,actual,actual\na,b,c\n"),
        (CSV, b"id,actual,colour\na,b,c\n"),
        (CSV, b"id,key\na,b\n"),
        (CSV, b"actual\nbom\n"),
        (ARROW, b""),
        (ARROW, b"ARROW1"),
        (ARROW, arrow(pa.table({"id": [A], "actual": ["bom"]}))[:-200]),
        (ARROW, arrow(pa.table({"id": [A], "actual": ["bom"]}).slice(0, 0))),
        (ARROW, arrow(pa.table([[A], ["bom"], ["ruim"]], names=["id", "actual", "actual"]))),
        (ARROW, arrow(pa.table({"id": [A], "actual": [[1, 2]]}))),
        (ARROW, arrow(pa.table({"id": [7], "actual": ["bom"]}))),
        (ARROW, arrow(pa.table({"id": [A], "actual": ["bom"], "observed_at": pa.array([2**62], pa.timestamp("s"))}))),
    ],
)
def test_bodies_that_cannot_be_read(kind: bytes, body: bytes) -> None:
    with pytest.raises(MalformedBody) as caught:
        read_actuals(body, kind, WINE, NOW)
    assert caught.value.faults


def test_a_moment_that_no_calendar_holds_in_arrow() -> None:
    beyond = pa.array([2**62], pa.timestamp("us"))
    error = refused(lambda: from_arrow({"id": [A], "actual": ["bom"], "observed_at": beyond}))
    assert error.faults[0].where == "actuals[0].observed_at"


def test_nan_in_arrow_is_no_number() -> None:
    error = refused(lambda: from_arrow({"id": [A, B], "actual": [1.0, float("nan")]}, PRICE))
    assert sentences(error) == ["actuals[1].actual: expected a number, got NaN."]


def test_more_rows_than_a_call_takes() -> None:
    body = json.dumps([{"key": str(i), "actual": 1.0} for i in range(4)]).encode()
    error = refused(lambda: read_actuals(body, JSON, PRICE, NOW, max_rows=3))
    assert (error.rows, error.refused) == (4, 4)
    with pytest.raises(InvalidRows, match="at most 3 rows"):
        read_actuals(arrow(pa.table({"key": list("abcd"), "actual": [1.0] * 4})), ARROW, PRICE, NOW, max_rows=3)


def test_other_kinds_of_body() -> None:
    with pytest.raises(UnsupportedMediaType):
        read_actuals(b"<xml/>", b"application/xml", WINE, NOW)


@given(st.binary(max_size=300), st.sampled_from([JSON, CSV, ARROW]))
def test_any_bytes_are_read_or_refused(body: bytes, kind: bytes) -> None:
    with contextlib.suppress(GarcomError):
        read_actuals(body, kind, WINE, NOW)
