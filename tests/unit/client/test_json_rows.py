from __future__ import annotations

import enum
import json
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from garcom.client.json_rows import one_record, parts
from garcom.errors import Fault, InvalidRows


class Colour(enum.StrEnum):
    RED = "tinto"


class Level(enum.IntEnum):
    HIGH = 3


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (1.5, 1.5),
        (7, 7),
        (True, True),
        ("ação", "ação"),
        (None, None),
        (float("nan"), None),
        (np.nan, None),
        (pd.NA, None),
        (pd.NaT, None),
        (np.datetime64("NaT"), None),
        (Decimal("NaN"), None),
        (np.float32("nan"), None),
        (np.float64(1.5), 1.5),
        (np.float32(0.5), 0.5),
        (np.int64(-3), -3),
        (np.uint8(200), 200),
        (np.bool_(True), True),
        (np.str_("x"), "x"),
        (Decimal("2.5"), 2.5),
        (Colour.RED, "tinto"),
        (Level.HIGH, 3),
        (2**70, 2**70),
        (date(2026, 11, 21), "2026-11-21"),
        (datetime(2026, 11, 21, 10, tzinfo=UTC), "2026-11-21T10:00:00+00:00"),
        (pd.Timestamp("2026-11-21 10:00"), "2026-11-21T10:00:00"),
        (np.datetime64("2026-11-21T10:00:00.000000001"), "2026-11-21T10:00:00.000000"),
    ],
)
def test_values_of_every_library(value: Any, shown: Any) -> None:
    found = json.loads(one_record({"x": value}))["x"]
    assert found == shown
    assert type(found) is type(shown)


@pytest.mark.parametrize("value", [float("inf"), -np.inf, np.float32("inf"), Decimal("Infinity")])
def test_infinity_is_refused_and_not_sent_as_a_missing_value(value: Any) -> None:
    with pytest.raises(InvalidRows) as caught:
        list(parts([{"pH": 1.0}, {"pH": value}]))
    assert caught.value.faults == (Fault("records[1].pH", "a finite number", "Infinity"),)


@pytest.mark.parametrize(
    ("record", "message"),
    [
        ({"x": [1]}, r"x: expected a number, text, true or false, a date-time or null, got a list\."),
        ({"x": np.zeros(2)}, "got a ndarray"),
        ({0: 1.0}, "expected field names as text, got 0, of type int"),
        ({"x": "\ud800"}, "half a surrogate pair"),
    ],
)
def test_what_json_cannot_hold_is_refused(record: dict[Any, Any], message: str) -> None:
    with pytest.raises(InvalidRows, match=message):
        one_record(record)


def test_a_list_of_anything_but_records_is_refused() -> None:
    with pytest.raises(
        InvalidRows, match=r"records\[1\]: expected a record \(a dict of the model's fields\), got list"
    ):
        list(parts([{"x": 1}, [1]]))


def test_an_empty_list_is_left_to_the_server() -> None:
    assert [*parts([])] == [(0, b"[]")]


def test_long_lists_go_in_parts() -> None:
    found = list(parts([{"x": row} for row in range(10)], max_rows=4))
    assert [part.first_row for part in found] == [0, 4, 8]
    assert [len(json.loads(part.body)) for part in found] == [4, 4, 2]


@given(lengths=st.lists(st.integers(0, 60), min_size=1, max_size=40))
def test_parts_hold_every_row_once_and_no_more_bytes_than_they_may(lengths: list[int]) -> None:
    records = [{"x": "a" * length, "row": row} for row, length in enumerate(lengths)]
    found = list(parts(records, max_bytes=150))
    rows = [
        (part.first_row + place, record["row"]) for part in found for place, record in enumerate(json.loads(part.body))
    ]
    assert rows == [(row, row) for row in range(len(records))]
    assert all(len(part.body) <= 152 for part in found)
