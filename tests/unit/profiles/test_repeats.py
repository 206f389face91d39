from __future__ import annotations

from math import comb

import numpy as np
import polars as pl
import pytest

from garcom.profiles.repeats import MOST, Repeats
from garcom.records import IntArray


def sample(values: IntArray, pieces: int = 1) -> Repeats:
    """That of rows that are told apart by one number."""
    found = [Repeats() for _ in range(pieces)]
    for each, part in zip(found, np.array_split(values, pieces), strict=True):
        each.add(pl.DataFrame({"a": part}))
    found[0].merge(found[1:])
    return found[0]


def share(values: IntArray) -> float:
    return 1 - len(np.unique(values)) / len(values)


def test_a_row_that_is_stuck_is_found_though_it_is_not_in_the_sample() -> None:
    n_sampled = n_inside = 0
    for seed in range(50):
        rows = np.append(np.arange(4000) + 10_000 * seed, np.full(6000, 7_000_000 + seed))
        repeats = sample(rows)
        found = repeats.among(len(rows))
        assert found is not None
        assert found.share == pytest.approx(0.6, abs=0.1)
        n_inside += int(found.low <= 0.5999 <= found.high)
        n_sampled += repeats.sampled[1] >= 6000
    assert n_inside >= 45
    assert n_sampled < 15  # 1 of 8 to 16 distinct rows is


def test_distinct_rows_and_rows_that_all_came_twice_are_told_well() -> None:
    for seed in range(50):
        rows = np.arange(5000) + 10_000 * seed
        once, twice = sample(rows).among(5000), sample(np.append(rows, rows)).among(10_000)
        assert once is not None
        assert twice is not None
        assert (once.share, once.seen, once.seen_within) == pytest.approx((0.0, 0.0, 0.0))
        assert (once.low, once.error) == pytest.approx((0.0, 0.0), abs=0.005)
        assert twice.share == pytest.approx(0.5, abs=0.02)
        assert once.high - once.low < 0.25
        assert twice.high - twice.low < 0.2


def test_the_interval_holds_what_is_true() -> None:
    random = np.random.default_rng(0)
    n_inside = 0
    for _ in range(200):
        rows = random.integers(0, 3000, 6000) + int(random.integers(1 << 40))
        found = sample(rows).among(6000)
        assert found is not None
        assert found.low <= found.share <= found.high
        n_inside += found.low <= share(rows) <= found.high
    assert n_inside >= 180


def test_few_distinct_rows_are_all_in_the_sample() -> None:
    rows = np.random.default_rng(0).integers(0, MOST, 30_000)
    found = sample(rows, 7).among(30_000)
    assert found is not None
    assert found.low == found.share == found.high == pytest.approx(share(rows))
    assert found.seen_within == 0.0


@pytest.mark.parametrize("n_texts", [0, 2, 5])
def test_every_row_is_as_likely_in_the_sample(n_texts: int) -> None:
    off = []
    for seed in range(40):
        numbers = np.random.default_rng(seed).normal(size=(2, 4000))
        frame = pl.DataFrame({"x": numbers[0], "y": numbers[1]})
        if n_texts:
            frame = frame.with_columns(k=pl.Series([f"k{at % n_texts}" for at in range(4000)]))
        repeats = Repeats()
        repeats.add(frame)
        chance = 0.5**repeats.level
        off.append((repeats.sampled[0] - 4000 * chance) / np.sqrt(4000 * chance * (1 - chance)))
    assert abs(np.mean(off)) < 4 / np.sqrt(40)


def test_fewer_rows_are_those_that_could_have_been_drawn() -> None:
    rows = np.random.default_rng(0).zipf(1.7, 400)
    counts = np.unique(rows, return_counts=True)[1]
    for m in (1, 20, 100, 390, 400):
        missed = np.array([comb(400 - int(count), m) / comb(400, m) for count in counts])
        single = np.array([int(count) * comb(400 - int(count), m - 1) / comb(400, m) for count in counts])
        found = sample(rows).among(400, m)
        assert found is not None
        assert found.rows == m
        assert found.share == pytest.approx(1 - (1 - missed).sum() / m, abs=1e-3 + 0.2 / m)
        assert found.once == pytest.approx(single.sum() / m, abs=1e-3 + 0.2 / m)
        assert found.low == found.share == found.high
    assert sample(rows).among(400) == sample(rows).among(400, 900)


def test_of_a_row_that_came_very_often_little_is_seen() -> None:
    found = sample(np.append(np.arange(100), np.full(900, 7_000))).among(1000)
    assert found is not None
    assert found.share == pytest.approx(0.899)
    assert found.seen == pytest.approx(0.004)


def test_samples_of_many_parts_are_merged_into_that_of_the_whole() -> None:
    rows = np.random.default_rng(1).zipf(1.4, 50_000)
    whole, parts = sample(rows), sample(rows, 100)
    assert whole == parts
    assert whole.level > 0
    assert whole.among(50_000) == parts.among(50_000)


def test_rows_by_the_billion() -> None:
    counts = np.full(MOST, 2, "<u1")
    repeats = Repeats(level=21, hashes=np.arange(MOST, dtype="<u8").tobytes(), counts=counts.tobytes())
    rows = 2 * MOST << 21
    found = repeats.among(rows, 10_000)
    assert found is not None
    assert found.share == pytest.approx(0.0, abs=1e-3)
    whole = repeats.among(rows)
    assert whole is not None
    assert whole.share == pytest.approx(0.5, abs=1e-3)


@pytest.mark.parametrize("rows", [0, 5])
def test_without_rows_nothing_is_told(rows: int) -> None:
    repeats = Repeats()
    repeats.add(pl.DataFrame())
    assert repeats.among(rows) is None
    assert sample(np.arange(3)).among(3, 0) is None
