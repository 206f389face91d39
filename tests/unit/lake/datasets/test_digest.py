from __future__ import annotations

import hashlib
import struct

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from garcom.lake.datasets.columns import canonical
from garcom.lake.datasets.digest import content_digest
from tests.unit.lake.datasets.rows import wines


def test_the_digest_is_the_one_that_is_documented() -> None:
    frame = pl.DataFrame({"n": [7, None], "t": ["é", ""]})
    content = (
        b'garcom-dataset-1\n[[{"name":"n","type":"integer"},{"name":"t","type":"text"}],2]'
        + (b"\x01\x00" + struct.pack("<2q", 7, 0))
        + (b"\x01\x01" + struct.pack("<2q", 2, 0) + "é".encode())
    )
    assert content_digest(frame) == hashlib.sha256(content).hexdigest()


@pytest.mark.parametrize(
    "other",
    [
        wines().reverse(),
        wines().select(sorted(wines().columns)),
        wines().rename({"n": "m"}),
        wines().with_columns(pl.col("n").cast(pl.Float64)),
        wines().with_columns(pl.col("n").fill_null(0)),
        wines().with_columns(pl.col("região").fill_null("")),
        wines().with_columns(pl.col("organic").fill_null(False)),
        wines().head(3),
    ],
)
def test_another_content_has_another_digest(other: pl.DataFrame) -> None:
    assert content_digest(other) != content_digest(wines())


def test_how_the_table_is_held_does_not_matter() -> None:
    chunked = pl.concat([wines().head(1), wines().tail(3)], rechunk=False)
    sliced = pl.concat([wines(), wines()]).slice(4, 4)
    zeros = [pl.DataFrame({"x": [zero, float("nan")]}) for zero in (0.0, -0.0)]
    assert content_digest(chunked) == content_digest(sliced) == content_digest(wines())
    assert content_digest(canonical(zeros[0])) == content_digest(canonical(zeros[1]))


@settings(max_examples=50, deadline=None)
@given(st.lists(st.text(max_size=3), max_size=4), st.lists(st.text(max_size=3), max_size=4))
def test_texts_are_told_apart_wherever_they_are_cut(one: list[str], other: list[str]) -> None:
    digests = [content_digest(pl.DataFrame({"t": pl.Series(texts, dtype=pl.String)})) for texts in (one, other)]
    assert (digests[0] == digests[1]) == (one == other)


def test_more_rows_than_one_slice() -> None:
    many = pl.DataFrame({"x": pl.int_range(150_000, eager=True)})
    assert content_digest(many) != content_digest(many.with_columns(pl.col("x").replace(149_999, 0)))
