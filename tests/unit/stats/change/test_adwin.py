from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from river import drift

from garcom.stats.change.adwin import Adwin
from garcom.stats.change.detector import changes
from tests.unit.stats.change.streams import goes_on_after_a_restart, seen, seen_by_river, streams


@pytest.mark.parametrize(
    "parameters",
    [{}, {"delta": 0.3, "clock": 1}, {"max_buckets": 2, "clock": 7}, {"min_window_length": 1, "grace_period": 60}],
    ids=["defaults", "eager", "few-buckets", "short"],
)
@pytest.mark.parametrize("binary", [False, True], ids=["numbers", "errors"])
def test_it_sees_what_river_sees(parameters: dict[str, Any], binary: bool) -> None:
    n = 0
    for values in streams(25, seed=1, binary=binary):
        ours, theirs = Adwin(**parameters), drift.ADWIN(**parameters)  # type: ignore[no-untyped-call]
        found = seen(ours, values)
        assert found == seen_by_river(theirs, values)
        assert ours.width == theirs.width
        assert ours.total == pytest.approx(theirs.total, abs=1e-9)
        assert ours.squares == pytest.approx(theirs.variance, abs=1e-9)  # river's is not divided by the width
        n += len(found)
    assert n >= 5


def test_the_means_on_both_sides_of_a_change() -> None:
    rng = np.random.default_rng(3)
    values = np.concatenate([rng.normal(1.0, 0.1, 1000), rng.normal(2.0, 0.1, 500)])
    ((at, change),) = changes(Adwin(), values)
    assert 1000 < at < 1100
    assert change.n_before + change.n_after == at + 1
    assert change.before == pytest.approx(values[: change.n_before].mean())
    assert change.after == pytest.approx(values[change.n_before : at + 1].mean())


def test_false_alarms_stay_below_delta() -> None:
    rng = np.random.default_rng(5)
    assert sum(bool(seen(Adwin(), rng.random(2000))) for _ in range(100)) <= 2


def test_after_a_restart_it_goes_on_as_it_would_have() -> None:
    assert goes_on_after_a_restart(Adwin, np.repeat([0.1, 0.9, 0.2], 300))


def test_memory_grows_with_the_logarithm() -> None:
    detector = Adwin()
    seen(detector, np.tile([0.0, 1.0], 10_000))
    assert detector.width == detector.n == 20_000
    assert sum(map(len, detector.sizes)) < 80


def test_what_is_not_finite_is_left_out() -> None:
    detector = Adwin()
    assert not any(detector.update(x) for x in (math.nan, math.inf, -math.inf))
    assert detector == Adwin()
    assert detector.mean is None
