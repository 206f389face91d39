"""Whatever the signature and the rows: encoded in any form, they are read as the same batch; noise is refused."""

from __future__ import annotations

import csv
import io
import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import numpy as np
import pyarrow as pa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from garcom.errors import InputError
from garcom.model.signature import INTEGER_LIMIT, Field, FieldType, Signature
from garcom.records import Batch
from garcom.serving.codec.arrow_body import ArrowBodies
from garcom.serving.codec.csv_body import CsvBodies
from garcom.serving.codec.forms import Form, Order
from garcom.serving.codec.json_body import JsonBodies
from garcom.serving.rows import BatchBuilder
from tests.unit.serving.codec.examples import MIXED, signature

QUICK = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
NAME = st.one_of(st.sampled_from(["a:b", 'q"', "b\\", "records", "columns", "data", "", "n\nl"]), TEXT)
CATEGORIES: dict[str, tuple[str | int, ...]] = {"text": ("x", "y"), "whole": (1, 2)}
MOMENT = st.datetimes(
    min_value=datetime(1800, 1, 1),
    max_value=datetime(2200, 1, 1),
    timezones=st.sampled_from([None, UTC, timezone(timedelta(hours=-3)), timezone(timedelta(hours=5, minutes=45))]),
)


def field_of(name: str, kind: FieldType, whole: bool, required: bool, nullable: bool) -> Field:
    categories = CATEGORIES["whole" if whole else "text"] if kind is FieldType.CATEGORY else ()
    return Field(name=name, type=kind, required=required, nullable=nullable, categories=categories)


SIGNATURES = st.lists(
    st.builds(field_of, NAME, st.sampled_from(FieldType), st.booleans(), st.booleans(), st.booleans()),
    min_size=1,
    max_size=5,
    unique_by=lambda field: field.name,
).map(lambda fields: signature(*fields))


def value_of(field: Field) -> st.SearchStrategy[Any]:
    whole = st.integers(-INTEGER_LIMIT, INTEGER_LIMIT)
    match field.type:
        case FieldType.FLOAT:
            found: st.SearchStrategy[Any] = st.floats(allow_nan=False, allow_infinity=False)
        case FieldType.INTEGER:
            found = whole
        case FieldType.BOOLEAN:
            found = st.booleans()
        case FieldType.DATETIME:
            found = MOMENT
        case FieldType.CATEGORY if field.categories == CATEGORIES["whole"]:
            found = whole
        case _:
            found = TEXT
    return st.none() | found if field.nullable else found


@st.composite
def models_and_rows(draw: st.DrawFn) -> tuple[Signature, list[tuple[Any, ...]]]:
    model = draw(SIGNATURES)
    rows = st.lists(st.tuples(*map(value_of, model.fields)), min_size=1, max_size=4)
    return model, draw(rows)


def batch(order: Order, model: Signature) -> Batch:
    return order.rows if isinstance(order.rows, Batch) else BatchBuilder(model)(order.rows)


def assert_same(found: Batch, expected: Batch) -> None:
    assert found.numbers.dtype == expected.numbers.dtype == np.float64
    np.testing.assert_array_equal(found.numbers, expected.numbers)
    assert found.texts.tolist() == expected.texts.tolist()
    assert list(map(type, found.texts.ravel())) == list(map(type, expected.texts.ravel()))


def jsonable(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else value


@QUICK
@given(models_and_rows(), st.booleans(), st.randoms(use_true_random=False))
def test_json(drawn: tuple[Signature, list[tuple[Any, ...]]], ascii_only: bool, random: Any) -> None:
    model, rows = drawn
    reader = JsonBodies(model, 1000)
    records = []
    for row in rows:
        pairs = [
            (field.name, jsonable(value))
            for field, value in zip(model.fields, row, strict=True)
            if value is not None or field.required or random.random() < 0.5
        ]
        random.shuffle(pairs)
        records.append(dict(pairs))
    names = list(model.names)
    split = {"columns": names, "data": [list(map(jsonable, row)) for row in rows]}
    documents: list[tuple[Any, Form]] = [
        (records, Form.LIST),
        ({"records": records}, Form.RECORDS),
        (split, Form.SPLIT),
        (records[0], Form.RECORD),
    ]
    for document, form in documents:
        body = json.dumps(document, ensure_ascii=ascii_only).encode()
        expected = BatchBuilder(model)(rows[:1] if form is Form.RECORD else rows)
        order = reader.read(body)
        assert order.form is form
        assert_same(batch(order, model), expected)
        careful = reader._read_carefully(body)
        assert careful.form is form
        assert_same(batch(careful, model), expected)


@QUICK
@given(models_and_rows(), st.sampled_from(["\n", "\r\n"]))
def test_csv(drawn: tuple[Signature, list[tuple[Any, ...]]], end: str) -> None:
    model, rows = drawn
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator=end, quoting=csv.QUOTE_ALL)
    writer.writerow(model.names)
    kept = []
    for row in rows:
        # An empty cell is a missing value where one is allowed, and a category is never empty.
        values = tuple(
            "." if value == "" and (field.nullable or field.type is FieldType.CATEGORY) else value
            for field, value in zip(model.fields, row, strict=True)
        )
        kept.append(values)
        writer.writerow([repr(value) if isinstance(value, float) else jsonable(value) for value in values])
    body = text.getvalue().encode()
    assert_same(batch(CsvBodies(model, 1000).read(body), model), BatchBuilder(model)(kept))


ARROW_TYPES = {
    FieldType.FLOAT: pa.float64(),
    FieldType.INTEGER: pa.int64(),
    FieldType.BOOLEAN: pa.bool_(),
    FieldType.DATETIME: pa.timestamp("us", "UTC"),
    FieldType.STRING: pa.string(),
    FieldType.CATEGORY: pa.string(),
}


@QUICK
@given(models_and_rows(), st.integers(1, 3))
def test_arrow(drawn: tuple[Signature, list[tuple[Any, ...]]], chunk: int) -> None:
    model, rows = drawn
    columns = {}
    for i, field in enumerate(model.fields):
        kind = pa.int64() if field.categories == CATEGORIES["whole"] else ARROW_TYPES[field.type]
        values = [row[i] for row in rows]
        if field.type is FieldType.DATETIME:
            values = [None if v is None else v.replace(tzinfo=v.tzinfo or UTC) for v in values]
        columns[field.name] = pa.array(values, kind)
    table = pa.table(columns)
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table, max_chunksize=chunk)
    order = ArrowBodies(model, 1000).read(bytes(sink.getvalue()))
    assert_same(batch(order, model), BatchBuilder(model)(rows))


FRAGMENTS = [*'{}[]:,"\\ \n', '"a"', '"t"', "1", "1e999", "NaN", "null", "true", '"\\ud800"', '"records"', "\xff", "é"]
NOISE = st.one_of(
    st.binary(max_size=200),
    st.lists(st.sampled_from(FRAGMENTS), max_size=20).map(lambda parts: "".join(parts).encode("latin-1")),
    st.text(max_size=100).map(lambda text: text.encode("utf-8", "surrogatepass")),
)


def outcome(read: Any, body: bytes) -> Any:
    """The rows of a body, or the faults for which it is refused."""
    try:
        rows = read(body).rows
    except InputError as error:
        return error.faults
    return rows.n_rows if isinstance(rows, Batch) else list(rows)


@settings(max_examples=400, deadline=None)
@given(NOISE)
def test_noise_raises_nothing_but_input_errors(body: bytes) -> None:
    for reader in (JsonBodies(MIXED, 100), CsvBodies(MIXED, 100), ArrowBodies(MIXED, 100)):
        found = outcome(reader.read, body)
        assert found
        assert repr(found).encode()


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(MIXED.names) | TEXT, inner, max_size=3),
    max_leaves=10,
)


@settings(max_examples=300, deadline=None)
@given(JSON_VALUES)
def test_any_json_is_read_alike_by_both_readers(document: Any) -> None:
    body = json.dumps(document).encode()
    reader = JsonBodies(MIXED, 100)
    assert outcome(reader.read, body) == outcome(reader._read_carefully, body)
