from __future__ import annotations

import contextlib
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from garcom.errors import InputError, InvalidRows, MalformedBody
from garcom.model.signature import FieldType, Signature
from garcom.records import Batch
from garcom.serving.codec.arrow_body import ArrowBodies
from garcom.serving.codec.forms import Form
from garcom.serving.rows import microseconds
from tests.unit.serving.codec.examples import MIXED, one, refusal

NAN = float("nan")


def stream(table: Any, **options: Any) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema, options=pa.ipc.IpcWriteOptions(**options)) as writer:
        writer.write_table(table)
    return bytes(sink.getvalue())


def read(table: Any, model: Signature, max_rows: int = 1000) -> Batch:
    order = ArrowBodies(model, max_rows).read(stream(table))
    assert order.form is Form.ARROW
    assert isinstance(order.rows, Batch)
    return order.rows


def column(values: Any, kind: FieldType = FieldType.FLOAT, **options: Any) -> list[Any]:
    """A column of a model with one field, as the batch holds it."""
    batch = read(pa.table({"x": values}), one("x", kind, **options))
    if kind.is_text:
        return list(batch.texts[:, 0])
    assert batch.numbers.dtype == np.float64
    assert batch.numbers.flags.c_contiguous
    return list(batch.numbers[:, 0].tolist())


def faults(values: Any, kind: FieldType = FieldType.FLOAT, **options: Any) -> list[tuple[str, str]]:
    with pytest.raises(InvalidRows) as caught:
        column(values, kind, **options)
    return [(fault.where, fault.got) for fault in caught.value.faults]


INTEGERS = [pa.int8(), pa.int16(), pa.int32(), pa.int64(), pa.uint8(), pa.uint16(), pa.uint32(), pa.uint64()]
FLOATS = [pa.float16(), pa.float32(), pa.float64()]


@pytest.mark.parametrize("kind", INTEGERS + FLOATS, ids=str)
def test_every_type_of_number(kind: Any) -> None:
    values = [np.float16(3), np.float16(0)] if kind == pa.float16() else [3, 0]
    for field in (FieldType.FLOAT, FieldType.INTEGER):
        assert column(pa.array(values, kind), field) == [3.0, 0.0]
        missing = column(pa.array([None, values[0]], kind), field, nullable=True)
        assert np.isnan(missing[0])
        assert missing[1] == 3.0
        assert faults(pa.array([values[0], None], kind), field) == [("records[1].x", "null")]


def test_decimals_are_numbers() -> None:
    assert column(pa.array([Decimal("1.25"), Decimal("-3")])) == [1.25, -3.0]


def test_numbers_in_a_dictionary() -> None:
    encoded = pa.DictionaryArray.from_arrays(pa.array([1, 0, 1], pa.int8()), pa.array([0.5, 2.5]))
    assert column(encoded) == [2.5, 0.5, 2.5]


def test_nan_and_null_are_both_missing_where_missing_is_allowed() -> None:
    assert np.isnan(column(pa.array([NAN, None]), nullable=True)).all()
    assert faults(pa.array([NAN, None, 1.0])) == [("records[1].x", "null"), ("records[0].x", "NaN")]
    assert faults(pa.array([1.0, NAN]), FieldType.INTEGER) == [("records[1].x", "NaN")]
    for infinity in (np.inf, -np.inf):
        assert faults(pa.array([infinity]), nullable=True) == [("records[0].x", "Infinity")]


def test_integers_are_exact_or_refused() -> None:
    limit = 2**53
    assert column(pa.array([limit, -limit]), FieldType.INTEGER) == [limit, -limit]
    beyond = "an integer beyond ±9007199254740992 (2**53), which is not exact in a model"
    for kind, value in ((pa.int64(), limit + 1), (pa.int64(), -limit - 1), (pa.uint64(), 2**64 - 1)):
        assert faults(pa.array([0, value], kind), FieldType.INTEGER) == [("records[1].x", beyond)]
        assert faults(pa.array([0, value], kind), FieldType.CATEGORY, categories=(1, 2)) == [("records[1].x", beyond)]
    assert faults(pa.array([None, 2**60]), FieldType.INTEGER, nullable=True) == [("records[1].x", beyond)]
    assert faults(pa.array([1.5]), FieldType.INTEGER) == [("records[0].x", "a number with a fraction")]


@pytest.mark.parametrize("kind", [pa.string(), pa.large_string(), pa.string_view()], ids=str)
def test_every_type_of_text(kind: Any) -> None:
    assert column(pa.array(["", "ação 🍷", "x" * 100], kind), FieldType.STRING) == ["", "ação 🍷", "x" * 100]
    assert column(pa.array([None, "b"], kind), FieldType.CATEGORY, nullable=True) == [None, "b"]
    assert faults(pa.array(["a", None], kind), FieldType.STRING) == [("records[1].x", "null")]


def test_dictionaries_of_texts() -> None:
    encoded = pa.array(["b", None, "a", "b"]).dictionary_encode()
    assert column(encoded, FieldType.CATEGORY, nullable=True) == ["b", None, "a", "b"]
    assert faults(encoded, FieldType.CATEGORY) == [("records[1].x", "null")]
    inside = pa.DictionaryArray.from_arrays(pa.array([0, 1], pa.uint16()), pa.array(["a", None]))
    assert column(inside, FieldType.STRING, nullable=True) == ["a", None]
    assert faults(inside, FieldType.STRING) == [("records[1].x", "null")]
    nothing = pa.DictionaryArray.from_arrays(pa.array([None, None], pa.int8()), pa.array([], pa.string()))
    assert column(nothing, FieldType.STRING, nullable=True) == [None, None]


def test_a_dictionary_is_not_multiplied() -> None:
    encoded = pa.DictionaryArray.from_arrays(pa.array([0] * 1000, pa.int8()), pa.array(["x" * 1_000_000]))
    found = column(encoded, FieldType.STRING)
    assert len({id(text) for text in found}) == 1


def test_views_of_one_text_are_bounded() -> None:
    _, view, text = pa.array(["x" * 1_000_000], pa.string_view()).buffers()
    views = pa.Array.from_buffers(pa.string_view(), 300, [None, pa.py_buffer(view.to_pybytes()[:16] * 300), text])
    assert faults(views, FieldType.STRING) == [("x", "more")]
    assert column(views.slice(7, 5), FieldType.STRING) == ["x" * 1_000_000] * 5


def test_categories_of_integers() -> None:
    known = {"categories": (1, 2)}
    assert column(pa.array([1, 5]), FieldType.CATEGORY, **known) == [1, 5]
    found = column(pa.array([2.0, None]), FieldType.CATEGORY, nullable=True, **known)
    assert found == [2, None]
    assert type(found[0]) is int
    assert column(pa.array([2, 1, 2]).dictionary_encode(), FieldType.CATEGORY, **known) == [2, 1, 2]
    assert faults(pa.array(["1"]), FieldType.CATEGORY, **known) == [("x", "a column of string")]
    assert faults(pa.array([1.5]), FieldType.CATEGORY, **known) == [("records[0].x", "a number with a fraction")]


def test_booleans() -> None:
    assert column(pa.array([True, False]), FieldType.BOOLEAN) == [1.0, 0.0]
    assert np.isnan(column(pa.array([None, True]), FieldType.BOOLEAN, nullable=True)[0])
    assert faults(pa.array([1, 0]), FieldType.BOOLEAN) == [("x", "a column of int64")]


MOMENT = datetime(2026, 11, 21, 10, 0, 0, tzinfo=UTC)


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
@pytest.mark.parametrize("zone", [None, "UTC", "America/Sao_Paulo", "+03:00"])
def test_timestamps(unit: str, zone: str | None) -> None:
    moment = MOMENT.replace(tzinfo=None) if zone is None else MOMENT
    values = pa.array([moment, None], pa.timestamp(unit, zone))
    found = column(values, FieldType.DATETIME, nullable=True)
    assert found[0] == microseconds(MOMENT)
    assert np.isnan(found[1])
    assert faults(values, FieldType.DATETIME) == [("records[1].x", "null")]


def test_dates() -> None:
    midnight = microseconds(datetime(2026, 11, 21, tzinfo=UTC))
    for kind in (pa.date32(), pa.date64()):
        assert column(pa.array([date(2026, 11, 21)], kind), FieldType.DATETIME) == [midnight]


def test_times_out_of_reach() -> None:
    outside = "a date-time outside the years 1 to 9999"
    assert faults(pa.array([0, 2**40], pa.timestamp("s")), FieldType.DATETIME) == [("records[1].x", outside)]
    beyond = pa.array([2**62], pa.timestamp("s"))  # wraps around where it is cast without a check
    assert faults(beyond, FieldType.DATETIME) == [("x", "a date-time beyond the year 9999")]
    assert column(pa.array([1_500], pa.timestamp("ns")), FieldType.DATETIME) == [1.0]


def test_columns_of_nulls() -> None:
    nothing = pa.nulls(2)
    for kind in FieldType:
        expected = [None, None] if kind.is_text else [NAN, NAN]
        np.testing.assert_equal(column(nothing, kind, nullable=True), expected)
        assert faults(nothing, kind) == [("x", "a column of null")]


@pytest.mark.parametrize(
    ("kind", "values", "came"),
    [
        (FieldType.FLOAT, pa.array(["1"]), "string"),
        (FieldType.FLOAT, pa.array([True]), "bool"),
        (FieldType.FLOAT, pa.array([[1.0]]), "list<item: double>"),
        (FieldType.FLOAT, pa.array([{"a": 1}]), "struct<a: int64>"),
        (FieldType.FLOAT, pa.array([MOMENT]), "timestamp[us, tz=UTC]"),
        (FieldType.FLOAT, pa.array(["1"]).dictionary_encode(), "dictionary<values=string, indices=int32, ordered=0>"),
        (FieldType.STRING, pa.array([1]), "int64"),
        (FieldType.STRING, pa.array([b"a"]), "binary"),
        (FieldType.CATEGORY, pa.array([1]).dictionary_encode(), "dictionary<values=int64, indices=int32, ordered=0>"),
        (FieldType.DATETIME, pa.array(["2026-01-01"]), "string"),
        (FieldType.DATETIME, pa.array([1]), "int64"),
        (FieldType.DATETIME, pa.array([1], pa.time64("us")), "time64[us]"),
        (FieldType.FLOAT, pa.RunEndEncodedArray.from_arrays([1], [1.0]), "run_end_encoded"),
    ],
)
def test_columns_of_another_type(kind: FieldType, values: Any, came: str) -> None:
    where, got = faults(values, kind)[0]
    assert where == "x"
    assert got.startswith(f"a column of {came}")


def test_chunks_come_as_one() -> None:
    texts = pa.chunked_array([pa.array(["a"]).dictionary_encode(), pa.array(["b", "a"]).dictionary_encode()])
    numbers = pa.chunked_array([pa.array([1.0]), pa.array([2.0, 3.0])])
    batch = read(pa.table({"t": texts.cast(pa.string()), "a": numbers}), MIXED)
    assert batch.numbers[:, 0].tolist() == [1.0, 2.0, 3.0]
    assert batch.texts[:, 0].tolist() == ["a", "b", "a"]
    sink = pa.BufferOutputStream()
    schema = pa.schema({"x": pa.dictionary(pa.int32(), pa.string())})
    with pa.ipc.new_stream(sink, schema) as writer:
        for chunk in (["a"], ["b", "a"]):
            writer.write_batch(pa.record_batch({"x": pa.array(chunk).dictionary_encode()}))
    found = ArrowBodies(one("x", FieldType.CATEGORY), 10).read(bytes(sink.getvalue())).rows
    assert isinstance(found, Batch)
    assert found.texts[:, 0].tolist() == ["a", "b", "a"]


def test_columns_in_any_order_and_optional_ones_left_out() -> None:
    batch = read(pa.table({"t": ["x", "y"], "a": [1.0, 2.0]}), MIXED)
    assert batch.numbers.shape == (2, 5)
    assert batch.texts.shape == (2, 3)
    assert np.isnan(batch.numbers[:, 1:]).all()
    assert batch.texts[:, 1].tolist() == [None, None]


def test_names() -> None:
    reader = ArrowBodies(MIXED, 10).read
    fault = refusal(reader, stream(pa.table({"a": [1.0], "A": [2.0]})), InvalidRows)[0]
    assert (fault.where, fault.suggestion) == ("A", "Did you mean 'a'?")
    assert refusal(reader, stream(pa.table({"t": ["x"]})), InvalidRows)[0].got == "nothing: the field is missing"
    doubled = pa.Table.from_arrays([pa.array([1.0])] * 2, ["a", "a"])
    assert refusal(reader, stream(doubled), InvalidRows)[0].got == "the same column more than once"
    many = pa.table({f"x{i}": [1.0] for i in range(2000)})
    assert len(refusal(reader, stream(many), InvalidRows)) == 100


def test_number_of_rows() -> None:
    reader = ArrowBodies(MIXED, 3).read
    refusal(reader, stream(pa.table({"a": pa.array([], pa.float64())})), MalformedBody)
    assert refusal(reader, stream(pa.table({"a": [1.0] * 4})), InvalidRows)[0].got == "4"
    nulls = pa.table({"a": pa.nulls(2**24)})
    assert refusal(reader, stream(nulls), InvalidRows)[0].expected == "at most 3 rows"


@pytest.mark.parametrize("codec", ["lz4", "zstd"])
def test_compressed_streams_are_refused_before_they_are_unpacked(codec: str) -> None:
    table = pa.table({"a": [1.0] * 1000})
    fault = refusal(ArrowBodies(MIXED, 1000).read, stream(table, compression=codec), MalformedBody)[0]
    assert fault.got == "compressed buffers"
    encoded = pa.table({"x": pa.array(["a" * 1000]).dictionary_encode()})
    refusal(ArrowBodies(one("x", FieldType.STRING), 10).read, stream(encoded, compression=codec), MalformedBody)


def test_texts_that_are_not_utf_8() -> None:
    wrong = pa.array([b"\xff\xfe"])
    for kind in (wrong.view(pa.string()), wrong.cast(pa.binary_view()).view(pa.string_view())):
        refusal(ArrowBodies(one("x", FieldType.STRING), 10).read, stream(pa.table({"x": kind})), MalformedBody)


BODY = stream(pa.table({"a": [1.0, 2.0], "t": ["x", "y"]}))


def test_truncated_and_damaged_streams_raise_nothing_but_input_errors() -> None:
    read_body = ArrowBodies(MIXED, 1000).read
    for end in range(0, len(BODY), 3):
        try:
            order = read_body(BODY[:end])
        except InputError:
            continue
        assert order.n_rows == 2  # only the mark of the end is gone
    for position in range(0, len(BODY), 2):
        damaged = bytearray(BODY)
        damaged[position] ^= 0xFF
        with contextlib.suppress(InputError):
            assert read_body(bytes(damaged)).n_rows > 0


@pytest.mark.parametrize("body", [b"", b"\0" * 64, b"ARROW1\0\0", b'{"a":1}', b"\xff\xff\xff\xff" * 10])
def test_what_is_no_stream_is_malformed(body: bytes) -> None:
    refusal(ArrowBodies(MIXED, 10).read, body, MalformedBody)
