from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from garcom.errors import InputError
from garcom.lake.datasets.columns import canonical, describe_columns, schema_of
from tests.unit.lake.datasets.rows import wines


def test_a_canonical_table_stays_as_it_is() -> None:
    assert_frame_equal(canonical(wines()), wines())
    assert schema_of(describe_columns(wines())) == wines().schema


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        (pl.Series([1, None, -3], dtype=pl.Int8), pl.Series([1, None, -3], dtype=pl.Int64)),
        (pl.Series([2**63 - 1], dtype=pl.UInt64), pl.Series([2**63 - 1], dtype=pl.Int64)),
        (pl.Series([0.5, float("nan")], dtype=pl.Float32), pl.Series([0.5, None], dtype=pl.Float64)),
        (pl.Series([Decimal("1.25")]), pl.Series([1.25])),
        (pl.Series(["a", None, "a"], dtype=pl.Categorical), pl.Series(["a", None, "a"])),
        (pl.Series(["a"], dtype=pl.Enum(["a", "b"])), pl.Series(["a"])),
        (pl.Series([None, None]), pl.Series([None, None], dtype=pl.Float64)),
        (
            pl.Series([datetime(2026, 1, 1)], dtype=pl.Datetime("ns")),
            pl.Series([datetime(2026, 1, 1, tzinfo=UTC)], dtype=pl.Datetime("us", "UTC")),
        ),
        (
            pl.Series([datetime(2026, 1, 1, tzinfo=timezone(timedelta(hours=-3)))]),
            pl.Series([datetime(2026, 1, 1, 3, tzinfo=UTC)], dtype=pl.Datetime("us", "UTC")),
        ),
    ],
)
def test_other_types_become_one_of_those_there_are(column: pl.Series, expected: pl.Series) -> None:
    assert_frame_equal(canonical(pl.DataFrame({"x": column})), pl.DataFrame({"x": expected}))


@pytest.mark.parametrize(
    ("frame", "told"),
    [
        ({"a": [[1, 2]]}, r"a: expected booleans, numbers, texts, dates or instants, got List\(Int64\)"),
        ({"a": [{"b": 1}]}, r"got Struct"),
        ({"a": [b"\x00"]}, r"got Binary"),
        ({"a": [timedelta(1)]}, r"got Duration"),
        ({"pH": [1], "ph": [2]}, r"pH: expected a name that no other column has"),
        ({" ": [1]}, r"' ': expected a name, got none"),
        ({"_garcom_x": [1]}, r"_garcom_x: expected a name that does not begin with '_garcom_'"),
        ({"_garcom_id": [1]}, r"_garcom_id: expected texts, as `garcom dataset export` writes them, got Int64"),
        ({"a": pl.Series([2**64 - 1], dtype=pl.UInt64)}, r"whole numbers and instants that fit into 64 bits"),
    ],
)
def test_what_cannot_stand_in_a_dataset_is_told_by_column(frame: dict[str, Any], told: str) -> None:
    with pytest.raises(InputError, match=told):
        canonical(pl.DataFrame(frame))


def test_all_that_is_wrong_is_told_at_once() -> None:
    with pytest.raises(InputError) as caught:
        canonical(pl.DataFrame({"a": [[1]], "b": [1], "c": [b"x"]}))
    assert [fault.where for fault in caught.value.faults] == ["a", "c"]
