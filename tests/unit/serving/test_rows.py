from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import numpy as np
import pytest

from garcom.model.signature import Field, FieldType, Output, Signature
from garcom.records import Batch
from garcom.serving.rows import BatchBuilder, microseconds
from garcom.serving.rows import moment as from_microseconds


def builder(*kinds: FieldType) -> BatchBuilder:
    fields = tuple(Field(name=f"f{i}", type=kind, nullable=True) for i, kind in enumerate(kinds))
    return BatchBuilder(Signature(fields=fields, output=Output(task="regression"), example={}))


FLOAT, INTEGER, BOOLEAN = FieldType.FLOAT, FieldType.INTEGER, FieldType.BOOLEAN
STRING, CATEGORY, DATETIME = FieldType.STRING, FieldType.CATEGORY, FieldType.DATETIME
MOMENT = datetime(2026, 11, 21, 7, 0, 0, 1, timezone(timedelta(hours=-3)))


def test_fields_are_split_by_how_the_machine_holds_them_in_the_signature_s_order() -> None:
    build = builder(STRING, FLOAT, CATEGORY, DATETIME, BOOLEAN, INTEGER)
    batch = build([("a", 1.5, 7, MOMENT, True, 2**53), (None, None, None, None, None, None)])
    assert batch.numbers.dtype == np.float64
    assert batch.numbers[0].tolist() == [1.5, microseconds(MOMENT), 1.0, 2.0**53]
    assert np.isnan(batch.numbers[1]).all()
    assert batch.texts.tolist() == [["a", 7], [None, None]]


@pytest.mark.parametrize(
    ("kinds", "row", "numbers", "texts"),
    [
        ([FLOAT], (1.5,), [1.5], []),
        ([STRING], ("a",), [], ["a"]),
        ([STRING, CATEGORY], ("a", "b"), [], ["a", "b"]),
        ([FLOAT, STRING], (1.5, "a"), [1.5], ["a"]),
        ([STRING, FLOAT, INTEGER], ("a", 1.5, 2), [1.5, 2.0], ["a"]),
        ([DATETIME], (datetime(1970, 1, 1, 0, 0, 1),), [1e6], []),
    ],
)
@pytest.mark.parametrize("n_rows", [1, 2, 100])
def test_shapes(
    kinds: list[FieldType], row: tuple[Any, ...], numbers: list[float], texts: list[str], n_rows: int
) -> None:
    batch = builder(*kinds)([row] * n_rows)
    assert batch.numbers.shape == (n_rows, len(numbers))
    assert batch.texts.shape == (n_rows, len(texts))
    assert batch.texts.dtype == object
    assert batch.n_rows == n_rows
    assert batch.numbers.tolist() == [numbers] * n_rows
    assert batch.texts.tolist() == [texts] * n_rows


def test_texts_stay_whole_whatever_they_look_like() -> None:
    found = builder(STRING, STRING)([("", "\0\0"), ("a" * 1000, "🍷")]).texts
    assert found.tolist() == [["", "\0\0"], ["a" * 1000, "🍷"]]


@pytest.mark.parametrize(
    ("moment", "expected"),
    [
        (datetime(1970, 1, 1, tzinfo=UTC), 0),
        (datetime(1970, 1, 1), 0),  # without a zone: UTC
        (datetime(1969, 12, 31, 23, 59, 59, 999_999, UTC), -1),
        (datetime(1970, 1, 1, 0, 0, 0, 1, timezone(timedelta(hours=-3))), 3 * 3_600_000_000 + 1),
        (datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=23, minutes=59))), -62_135_683_140_000_000),
        (datetime(9999, 12, 31, 23, 59, 59, 999_999, UTC), 253_402_300_799_999_999),
    ],
)
def test_microseconds_are_exact(moment: datetime, expected: int) -> None:
    assert microseconds(moment) == expected


def test_microseconds_as_moments() -> None:
    for exact in (0, -1, 1, 253_402_300_799_999_999, -62_135_596_800_000_000):
        assert microseconds(from_microseconds(exact)) == exact
    rounded_up = float(253_402_300_799_999_999)  # to the year 10000, as float64 has it
    assert from_microseconds(rounded_up) == datetime.max.replace(tzinfo=UTC)
    assert from_microseconds(-1e18) == datetime.min.replace(tzinfo=UTC)


def test_rows_of_a_batch_are_those_it_was_built_of() -> None:
    signature = Signature(
        fields=tuple(Field(name=kind.value, type=kind, categories=("a",)) for kind in FieldType),
        output=Output(task="regression", names=("y",)),
        example={},
    )
    build = BatchBuilder(signature)
    moments = (datetime(2026, 11, 21, 1, 2, 3, 4, UTC), datetime(1969, 1, 1, tzinfo=UTC))
    rows = [(1.5, 2**53, True, moments[0], "á", "a"), (0.1, -1, False, moments[1], "", "b"), (None,) * 6]
    again = build.rows(build(rows))
    assert again == rows
    assert [[type(value) for value in row] for row in again] == [[type(value) for value in row] for row in rows]
    assert build.rows(build([(1.0, 1, True, moments[0], "x", "y")])) == [(1.0, 1, True, moments[0], "x", "y")]
    assert build.rows(Batch(np.empty((0, 4)), np.empty((0, 2), object))) == []
