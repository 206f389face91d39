from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from river import drift

from garcom.stats.change.detector import changes
from garcom.stats.change.page_hinkley import PageHinkley
from tests.unit.stats.change.streams import goes_on_after_a_restart, seen, seen_by_river, streams


@pytest.mark.parametrize(
    "parameters",
    [
        {},
        {"threshold": 5.0, "delta": 0.1},
        {"threshold": 5.0, "mode": "up", "min_instances": 1},
        {"threshold": 5.0, "mode": "down", "alpha": 0.99},
    ],
    ids=["defaults", "eager", "up", "down"],
)
def test_it_sees_what_river_sees(parameters: dict[str, Any]) -> None:
    n = 0
    for values in streams(30, seed=2):
        found = seen(PageHinkley(**parameters), values)
        assert found == seen_by_river(drift.PageHinkley(**parameters), values)
        n += len(found)
    assert n >= 5


@pytest.mark.parametrize("shift", [1.0, -1.0], ids=["up", "down"])
def test_where_the_change_came(shift: float) -> None:
    rng = np.random.default_rng(3)
    values = rng.normal(5.0, 0.1, 1500) + np.repeat([0.0, shift], [1000, 500])
    at, change = changes(PageHinkley(threshold=10.0, delta=0.1), values)[0]
    assert 1000 < at < 1050
    assert at + 1 - change.n_after == pytest.approx(1000, abs=5)
    assert change.before == pytest.approx(values[: change.n_before].mean())
    assert change.after == pytest.approx(values[change.n_before : at + 1].mean())


def test_a_sum_that_only_falls_has_nothing_before_it() -> None:
    detector = PageHinkley(threshold=1.0, min_instances=2, mode="down")
    ((_, change),) = changes(detector, np.array([10.0, -10.0]))
    assert change.n_before + change.n_after == 2


def test_after_a_restart_it_goes_on_as_it_would_have() -> None:
    assert goes_on_after_a_restart(PageHinkley, np.repeat([0.1, 9.0, 0.2], 300))


def test_what_is_not_finite_is_left_out() -> None:
    detector = PageHinkley()
    assert not any(detector.update(x) for x in (math.nan, math.inf, -math.inf))
    assert detector == PageHinkley()
