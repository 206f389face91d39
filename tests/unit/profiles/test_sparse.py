from __future__ import annotations

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from garcom.profiles.sparse import SparseCounts, sum_of

CELLS = st.dictionaries(
    st.one_of(st.integers(0, 1999), st.sampled_from([0, 254, 255, 256, 510, 511, 1999])),
    st.one_of(st.integers(1, 3), st.sampled_from([254, 255, 256, 2**32 - 1, 2**32, 2**50])),
    max_size=40,
)


def cells_of(told: dict[int, int], n: int = 2000) -> np.ndarray:
    cells = np.zeros(n, np.int64)
    cells[list(told)] = list(told.values())
    return cells


def stored(cells: np.ndarray) -> SparseCounts:
    return msgspec.msgpack.decode(msgspec.msgpack.encode(SparseCounts.of(cells)), type=SparseCounts)


@settings(max_examples=30, deadline=None)
@given(st.lists(CELLS, max_size=4))
def test_counts_are_added_up_exactly(told: list[dict[int, int]]) -> None:
    some = [cells_of(each) for each in told]
    found = sum_of([stored(each) for each in some], 2000)
    assert found.dtype == np.int64
    np.testing.assert_array_equal(found, np.sum(some, axis=0, dtype=np.int64) if some else np.zeros(2000))


def test_more_than_are_added_up_at_a_time() -> None:
    some = [cells_of({at: 1, 1000 + 7 * at: 300, 1999: 1}) for at in range(70)]
    np.testing.assert_array_equal(sum_of([stored(each) for each in some], 2000), np.sum(some, axis=0))


def test_of_cells_that_are_filled_each_takes_two_bytes() -> None:
    assert len(msgspec.msgpack.encode(SparseCounts.of(np.full(10_000, 7, np.int64)))) < 20_020


def test_other_cells_are_refused() -> None:
    with pytest.raises(ValueError, match="broadcast"):
        sum_of([SparseCounts.of(cells_of({1999: 1}))], 1999)
    with pytest.raises(msgspec.ValidationError):
        msgspec.msgpack.decode(msgspec.msgpack.encode(["", "", "", 3]), type=SparseCounts)
