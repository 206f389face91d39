from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from garcom.errors import InvalidRows, MalformedBody, UnsupportedMediaType, VersionNotFound
from garcom.model.signature import Field, FieldType, Output, Signature
from garcom.serving.codec.logged_body import MAX_ROWS, MadeElsewhere, read_logged
from garcom.serving.rows import microseconds

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
FIELDS = (
    Field(name="pH", type=FieldType.FLOAT, nullable=True),
    Field(name="cor", type=FieldType.CATEGORY, categories=("tinto", "branco")),
)
EXAMPLE = {"pH": 3.2, "cor": "tinto"}
CLASSES = Output(task="classification", classes=(0, 1), labels=("bom", "ruim"), probabilities=True)
OUTPUTS = {
    1: CLASSES,
    2: Output(task="regression", names=("preço",)),
    3: Output(task="regression", names=("a", "b")),
    4: Output(task="outlier", classes=(-1, 1)),
    5: Output(task="classification", classes=(False, True)),
}
ROW: dict[str, Any] = {"input": EXAMPLE, "prediction": "bom"}


def versions(number: int | None) -> tuple[int, Signature]:
    number = 1 if number is None else number
    if number not in OUTPUTS:
        raise VersionNotFound(f"no {number}")
    return number, Signature(fields=FIELDS, output=OUTPUTS[number], example=EXAMPLE)


def read(*rows: Any, now: datetime = NOW) -> list[MadeElsewhere]:
    return read_logged(json.dumps(rows).encode(), b"application/json", versions, now)


def test_a_row_of_the_least() -> None:
    assert read(ROW) == [MadeElsewhere(1, (3.2, "tinto"), "bom", None, None, None, None, microseconds(NOW), None)]
    body = json.dumps({"predictions": [ROW]}).encode()
    assert read_logged(body, b"application/json", versions, NOW) == read(ROW)


def test_a_row_with_everything() -> None:
    row = ROW | {
        "probabilities": {"ruim": 0.25, "bom": 0.75},
        "key": 4711,
        "subject": " ana ",
        "time": "2026-11-20T09:00:00-03:00",
        "version": 1,
        "latency_ms": 1.5,
    }
    at = microseconds(datetime(2026, 11, 20, 12, tzinfo=UTC))
    assert read(row) == [MadeElsewhere(1, (3.2, "tinto"), "bom", [0.75, 0.25], None, "4711", "ana", at, 1500)]


@pytest.mark.parametrize(
    ("version", "prediction"),
    [
        pytest.param(1, "ruim", id="label"),
        pytest.param(2, 9.5, id="number"),
        pytest.param(3, {"a": 1.0, "b": 2.0}, id="targets"),
        pytest.param(4, -1, id="outlier"),
        pytest.param(5, True, id="truth value"),
    ],
)
def test_each_task_has_its_answers(version: int, prediction: Any) -> None:
    found = read(ROW | {"version": version, "prediction": prediction})[0]
    assert (found.version, found.prediction) == (version, prediction)


def test_an_outlier_has_a_score() -> None:
    assert read(ROW | {"version": 4, "prediction": 1, "score": 0.5})[0].score == 0.5


def test_rows_of_several_versions_in_one_call() -> None:
    found = read(ROW, ROW | {"version": 2, "prediction": 1}, ROW)
    assert [row.version for row in found] == [1, 2, 1]


@pytest.mark.parametrize(
    ("change", "where", "expected"),
    [
        pytest.param({"input": {"pH": "x", "cor": "tinto"}}, "input.pH", "a number", id="a field's type"),
        pytest.param({"input": {"pH": 1.0}}, "input.cor", "text", id="a field is missing"),
        pytest.param({"input": EXAMPLE | {"acidez": 1}}, "input.acidez", "only the model's fields", id="a field more"),
        pytest.param({"input": [1, 2]}, "input", "a record", id="a list as input"),
        pytest.param({"input": EXAMPLE | {"cor": None}}, "input.cor", "text", id="null where none may be"),
        pytest.param({"prediction": "médio"}, "prediction", "a label of the model (bom, ruim)", id="another label"),
        pytest.param({"prediction": 1}, "prediction", "a label of the model", id="a label of another type"),
        pytest.param({"prediction": None}, "prediction", "a label of the model", id="no label"),
        pytest.param({"version": 2}, "prediction", "a number", id="no number"),
        pytest.param({"version": 3, "prediction": {"a": 1}}, "prediction", "an object of numbers: a, b", id="a target"),
        pytest.param({"version": 3, "prediction": 1}, "prediction", "an object of numbers", id="no object"),
        pytest.param(
            {"version": 5, "prediction": 1}, "prediction", "a label of the model (False, True)", id="no truth"
        ),
        pytest.param({"probabilities": {"bom": 1}}, "probabilities", "an object of numbers: bom, ruim", id="a share"),
        pytest.param({"probabilities": {"bom": 0.9, "ruim": 0.9}}, "probabilities", "add up to 1", id="a sum"),
        pytest.param({"probabilities": {"bom": 1.5, "ruim": -0.5}}, "probabilities", "from 0 to 1", id="no share"),
        pytest.param({"probabilities": {"bom": "1", "ruim": 0}}, "probabilities.bom", "a number", id="text as share"),
        pytest.param({"version": 2, "prediction": 1, "probabilities": {}}, "probabilities", "no prob", id="of numbers"),
        pytest.param({"score": 1}, "score", "no score", id="a score of labels"),
        pytest.param({"key": "k" * 256}, "key", "at most 255", id="a long key"),
        pytest.param({"subject": ["ana"]}, "subject", "text or null", id="several subjects"),
        pytest.param({"time": "yesterday"}, "time", "a date-time", id="no time"),
        pytest.param({"time": "2026-11-21T12:02:00Z"}, "time", "not in the future", id="in the future"),
        pytest.param({"time": "1999-12-31T23:59:59Z"}, "time", "from 2000 on", id="long ago"),
        pytest.param({"version": "1"}, "version", "an integer", id="version as text"),
        pytest.param({"latency_ms": -1}, "latency_ms", "0 or more", id="negative latency"),
        pytest.param({"predicton": 1}, "predicton", "only input", id="another name"),
    ],
)
def test_what_does_not_fit_is_told_with_its_place(change: dict[str, Any], where: str, expected: str) -> None:
    with pytest.raises(InvalidRows) as caught:
        read(ROW, ROW | change)
    fault = caught.value.faults[0]
    assert fault.where == f"predictions[1].{where}"
    assert expected in fault.expected


def test_a_clock_a_little_ahead_is_no_future() -> None:
    assert read(ROW | {"time": (NOW + timedelta(seconds=59)).isoformat()})


@pytest.mark.parametrize("row", [pytest.param(7, id="number"), pytest.param({"input": EXAMPLE}, id="no prediction")])
def test_what_is_no_row(row: Any) -> None:
    with pytest.raises(InvalidRows, match=r"predictions\[0\]"):
        read(row)


def test_names_that_come_twice_are_refused() -> None:
    body = b'[{"input": {"pH": 1, "cor": "tinto"}, "prediction": "bom", "prediction": "ruim"}]'
    with pytest.raises(InvalidRows, match="each name once"):
        read_logged(body, b"application/json", versions, NOW)


@pytest.mark.parametrize("body", [b"", b"{}", b"[]", b'{"predictions": {}}', b"[1", b'"x"'])
def test_what_is_no_list_of_rows(body: bytes) -> None:
    with pytest.raises(MalformedBody):
        read_logged(body, b"application/json", versions, NOW)


def test_what_is_refused_as_a_whole() -> None:
    with pytest.raises(UnsupportedMediaType):
        read_logged(b"a,b", b"text/csv", versions, NOW)
    with pytest.raises(InvalidRows, match="at most 10,000"):
        read_logged(b"[" + b",".join([b"{}"] * (MAX_ROWS + 1)) + b"]", b"application/json", versions, NOW)
    with pytest.raises(VersionNotFound):
        read(ROW | {"version": 9})


def test_faults_end_at_a_hundred() -> None:
    with pytest.raises(InvalidRows) as caught:
        read(*[ROW | {"prediction": "?"}] * 300)
    assert len(caught.value.faults) == 100


VALUES = st.one_of(st.floats(allow_nan=False, allow_infinity=False), st.none(), st.text(max_size=3))
INPUTS = st.fixed_dictionaries(
    {"cor": st.sampled_from(["tinto", 'a"b:c', "\\"])}, optional={"pH": VALUES, "x:": VALUES}
)
SHARES = st.sampled_from([None, {"bom": 1, "ruim": 0.0}, {"bom": 0.5}])
TEXTS = st.none() | st.text(max_size=4)
OPTIONAL = {"probabilities": SHARES, "key": TEXTS, "subject": TEXTS, "latency_ms": VALUES}
SENT = st.fixed_dictionaries({"input": INPUTS, "prediction": st.sampled_from(["bom", "ruim", 1])}, optional=OPTIONAL)


@given(st.lists(SENT, min_size=1, max_size=4), st.booleans())
@settings(max_examples=150, deadline=None)
def test_the_typed_and_the_careful_reader_agree(rows: list[dict[str, Any]], wrapped: bool) -> None:
    def told(version: str) -> Any:
        body = json.dumps([row | {"version": 1} for row in rows], ensure_ascii=False).replace(
            '"version": 1}', f'"version": {version}}}'
        )
        sent = f'{{"predictions": {body}}}' if wrapped else body
        try:
            return read_logged(sent.encode(), b"application/json", versions, NOW)
        except InvalidRows as error:
            return error.faults

    assert told("1") == told("1.0")  # only the careful reader takes the latter


@pytest.mark.parametrize(
    "row",
    [
        pytest.param('{"input": {"pH": 1, "cor": "a", "cor": "b"}, "prediction": "bom"}', id="in the input"),
        pytest.param('{"input": {"pH": 1, "cor": "a"}, "prediction": "bom", "key": "1", "key": "2"}', id="of a part"),
        pytest.param(
            '{"input": {"pH": 1, "cor": "a"}, "prediction": "bom", "probabilities": {"bom": 1, "ruim": 0, "bom": 1}}',
            id="of a label",
        ),
    ],
)
def test_no_name_comes_twice(row: str) -> None:
    with pytest.raises(InvalidRows):
        read_logged(f"[{row}]".encode(), b"application/json", versions, NOW)
