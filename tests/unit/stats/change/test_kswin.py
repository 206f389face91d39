from __future__ import annotations

import math
import warnings

import numpy as np
import pytest
from river import drift
from scipy.stats import ks_2samp

from garcom.stats.change.detector import changes
from garcom.stats.change.kswin import Kswin, p_value
from tests.unit.stats.change.streams import goes_on_after_a_restart, seen, seen_by_river


@pytest.mark.parametrize("n", [1, 2, 7, 30, 101])
def test_p_values_are_those_of_scipy(n: int) -> None:
    for distance in range(n + 1):
        values = np.arange(n, dtype=float)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)
            expected = ks_2samp(values, values + distance - 0.5 if distance else values, method="exact")
        assert expected.statistic == pytest.approx(distance / n)
        # Near 1 scipy's own sum can fail, and it falls back on the asymptotic distribution.
        assert p_value(n, distance) == pytest.approx(expected.pvalue, abs=1e-9 if expected.pvalue < 0.99 else 1e-3)


@pytest.mark.parametrize("kind", ["mean", "spread", "errors"])
def test_it_sees_a_change_when_river_does(kind: str) -> None:
    rng = np.random.default_rng(8)
    late = np.repeat([0.0, 1.0], 500)
    values = {
        "mean": rng.normal(2 * late, 1.0),
        "spread": rng.normal(0.0, 1 + 5 * late),
        "errors": (rng.random(1000) < 0.1 + 0.8 * late).astype(float),
    }[kind]
    ours = [at for at, _ in Kswin(alpha=1e-4).update_many(values)]
    theirs = seen_by_river(drift.KSWIN(alpha=1e-4, seed=1), values)
    assert len(ours) == len(theirs) == 1
    assert 500 < ours[0] < 540
    assert ours[0] == pytest.approx(theirs[0], abs=15)


def test_without_a_change_it_is_wrong_as_often_as_river() -> None:
    values = np.random.default_rng(9).random(1500)
    theirs = len(seen_by_river(drift.KSWIN(alpha=0.05, seed=1), values))
    assert theirs / 2 <= len(seen(Kswin(alpha=0.05), values)) <= 2 * theirs
    assert theirs > 4
    assert not seen(Kswin(alpha=1e-6), values)


def test_many_at_once_are_as_one_after_the_other() -> None:
    values = np.random.default_rng(10).normal(0, np.tile([1.0, 4.0], 6).repeat(60))
    values[[3, 200, 333]] = math.nan
    one, other, third = Kswin(alpha=0.05), Kswin(alpha=0.05), Kswin(alpha=0.05)
    found = one.update_many(values)
    assert found == changes(other, values)
    assert len(found) > 3
    pieces = [third.update_many(piece) for piece in np.array_split(values, 11)]
    assert [change for piece in pieces for _, change in piece] == [change for _, change in found]
    assert one == other == third
    assert one.n == 717


def test_the_means_on_both_sides() -> None:
    values = np.random.default_rng(11).normal(np.repeat([0.0, 9.0], [200, 100]), 1.0)
    ((at, change),) = Kswin(alpha=1e-4).update_many(values)
    assert (change.n_before, change.n_after) == (70, 30)
    assert change.before == pytest.approx(values[at - 99 : at - 29].mean())
    assert change.after == pytest.approx(values[at - 29 : at + 1].mean())


def test_after_a_restart_it_goes_on_as_it_would_have() -> None:
    values = np.random.default_rng(12).normal(np.repeat([0.0, 5.0, 0.0], 200), 1.0)
    assert goes_on_after_a_restart(Kswin, values)


def test_the_seed_decides_the_choice() -> None:
    values = np.random.default_rng(13).random(5000)
    found = {tuple(at for at, _ in Kswin(seed=seed).update_many(values)) for seed in (0, 0, 1)}
    assert len(found) == 2
