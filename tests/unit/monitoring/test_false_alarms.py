"""Nothing is told of rows that come from where the reference came from, however small, rare or wide that is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from garcom.monitoring.compare import compare_frames
from garcom.monitoring.records import Report

WINDOWS = 8
Random = np.random.Generator


def told(made: Callable[[Random, int], dict[str, Any]], n: int, m: int) -> list[Report]:
    found = []
    for seed in range(WINDOWS):
        random = np.random.default_rng(seed)
        found.append(compare_frames(made(random, n), made(random, m)))
    return found


def findings(reports: list[Report]) -> list[str]:
    return [each.text for report in reports if report.quality is not None for each in report.quality.findings]


def zipf(random: Random, n: int) -> dict[str, Any]:
    return {"city": [f"c{i}" for i in random.zipf(1.5, n)]}


def geometric(random: Random, n: int) -> dict[str, Any]:
    return {"city": [f"c{i}" for i in random.geometric(0.05, n)]}


@pytest.mark.parametrize(
    ("made", "n", "m"), [(zipf, 500, 500), (zipf, 2000, 8000), (zipf, 8000, 1000), (geometric, 500, 500)]
)
def test_categories_of_which_many_are_rare(made: Callable[[Random, int], dict[str, Any]], n: int, m: int) -> None:
    reports = told(made, n, m)
    assert [each.drift.drifted for each in reports if each.drift is not None] == [False] * WINDOWS
    assert findings(reports) == []


def test_a_category_that_is_really_new_is_found_among_rare_ones() -> None:
    random = np.random.default_rng(0)
    before, now = zipf(random, 2000), zipf(random, 2000)
    now["city"] = ["nova" if random.random() < 0.15 else city for city in now["city"]]
    report = compare_frames(before, now)
    assert report.drift is not None
    assert report.drift.drifted is True
    assert any("nova" in text for text in findings([report]))


@pytest.mark.parametrize(("n", "m", "n_columns"), [(120, 2000, 20), (200, 1000, 60), (500, 3000, 60)])
def test_columns_that_hang_together_in_a_small_reference(n: int, m: int, n_columns: int) -> None:
    mix = np.random.default_rng(7).normal(size=(8, n_columns))

    def made(random: Random, n_rows: int) -> dict[str, Any]:
        rows = random.normal(size=(n_rows, 8)) @ mix + random.normal(size=(n_rows, n_columns))
        return {f"x{at}": rows[:, at] for at in range(n_columns)}

    reports = told(made, n, m)
    joint = [each.drifted for report in reports if report.drift is not None for each in report.drift.joint]
    assert not any(joint)
    assert findings(reports) == []


@pytest.mark.parametrize(("n", "n_columns"), [(120, 13), (300, 13), (300, 40)])
@pytest.mark.parametrize("share", [0.5, 1.0], ids=["half-of-them", "all-of-them"])
def test_the_rows_of_a_small_reference_come_again(n: int, n_columns: int, share: float) -> None:
    random = np.random.default_rng(5)
    mix = random.normal(size=(4, n_columns))
    rows = random.normal(size=(2 * n, 4)) @ mix + random.standard_t(4, size=(2 * n, n_columns))
    before, others = rows[:n], rows[n:]
    n_same = int(share * n)
    for current in (np.concatenate([before[:n_same], others[n_same:]]), before[random.integers(0, n_same, 2 * n)]):
        tables = ({f"x{at}": side[:, at] for at in range(n_columns)} for side in (before, current))
        report = compare_frames(*tables)
        assert report.drift is not None
        assert not any(each.drifted for each in report.drift.joint)
        assert all(0.0 <= each.effect <= 1.0 for each in report.drift.joint if each.effect is not None)


def joint(reports: list[Report]) -> list[bool | None]:
    return [each.drifted for report in reports if report.drift is not None for each in report.drift.joint]


def ids(random: Random, n: int) -> dict[str, Any]:
    return {"age": random.normal(size=n), "income": random.normal(size=n), "id": random.integers(0, 150, n).astype(str)}


def shops(random: Random, n: int) -> dict[str, Any]:
    weights = 1 / np.arange(1, 1001)
    shop = random.choice(1000, n, p=weights / weights.sum()).astype(str)
    return {"age": random.normal(size=n), "income": random.normal(size=n), "shop": shop}


def flags(random: Random, n: int) -> dict[str, Any]:
    return {f"flag{at}": random.random(n) < 0.02 for at in range(30)}


def heavy_tails(random: Random, n: int) -> dict[str, Any]:
    return {f"x{at}": random.standard_t(2, n) for at in range(30)}


def stations(random: Random, n: int) -> dict[str, Any]:
    """Four of them take turns."""
    turn = np.arange(n) % 4
    return {"temperature": random.normal(size=n) + 3 * turn, "humidity": random.normal(size=n) - 3 * turn}


@pytest.mark.parametrize(
    ("made", "n", "m"),
    [(ids, 300, 1000), (shops, 500, 500), (flags, 150, 1000), (heavy_tails, 150, 1000), (stations, 4000, 3000)],
)
def test_columns_together(made: Callable[[Random, int], dict[str, Any]], n: int, m: int) -> None:
    found = joint(told(made, n, m))
    assert found
    assert not any(found)


def test_moments_as_texts_and_as_moments_are_the_same() -> None:
    random = np.random.default_rng(0)
    moments = np.datetime64("2026-01-01") + random.integers(0, 10**6, 600).astype("timedelta64[s]").astype(
        "timedelta64[us]"
    )
    numbers = random.normal(size=600)
    as_moments: dict[str, Any] = {"x": numbers, "when": moments}
    as_texts = {"x": numbers, "when": moments.astype(str).tolist()}
    for before, now in ((as_moments, as_texts), (as_texts, as_moments)):
        report = compare_frames(before, now)
        assert report.drift is not None
        assert report.drift.drifted is False
        assert [each.effect for each in report.drift.columns] == [0.0, 0.0]
        assert [each.drifted for each in report.drift.joint] == [False, False]


def test_a_column_that_vanished_is_told_once() -> None:
    random = np.random.default_rng(0)
    before, now = heavy_tails(random, 500), heavy_tails(random, 500)
    del now["x7"]
    report = compare_frames(before, now)
    assert report.drift is not None
    assert [each.column for each in report.drift.columns if each.why] == ["x7"]
    assert [each.drifted for each in report.drift.joint] == [None, None]
    assert all("x7 has vanished" in (each.why or "") for each in report.drift.joint)
