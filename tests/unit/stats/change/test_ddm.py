from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from river.drift.binary import DDM

from garcom.errors import InputError
from garcom.stats.change.ddm import Ddm
from garcom.stats.change.detector import changes
from tests.unit.stats.change.streams import goes_on_after_a_restart, seen, seen_by_river, streams


@pytest.mark.parametrize(
    "parameters",
    [{}, {"warm_start": 1}, {"warm_start": 100, "drift_threshold": 2.5}],
    ids=["defaults", "at-once", "eager"],
)
def test_it_sees_what_river_sees(parameters: dict[str, Any]) -> None:
    n = 0
    for values in streams(40, seed=4, binary=True):
        found = seen(Ddm(**parameters), values)
        assert found == seen_by_river(DDM(**parameters), values)
        n += len(found)
    assert n >= 10


def test_it_warns_when_river_does() -> None:
    for values in streams(10, seed=6, binary=True):
        ours, theirs = Ddm(), DDM()
        for x in values.tolist():
            ours.update(x)
            theirs.update(int(x))  # type: ignore[no-untyped-call]
            assert ours.warning == theirs.warning_detected


def test_the_rates_on_both_sides_of_a_change() -> None:
    rng = np.random.default_rng(7)
    values = (rng.random(3000) < np.repeat([0.1, 0.5], [2000, 1000])).astype(float)
    at, change = next(each for each in changes(Ddm(warm_start=200), values) if each[0] >= 2000)
    assert at < 2300
    assert change.before == pytest.approx(values[: change.n_before].mean(), abs=1e-9)
    assert change.after == pytest.approx(values[change.n_before : at + 1].mean(), abs=1e-9)


def test_one_error_of_a_perfect_model_is_no_change_when_more_are_asked_for() -> None:
    values = np.repeat([0.0, 1.0, 0.0], [500, 1, 500])
    assert seen(Ddm(), values) == [500]
    assert seen(Ddm(min_errors=20), values) == []
    assert seen(Ddm(min_errors=20), np.repeat([0.0, 1.0], [500, 30])) == [519]


def test_after_a_restart_it_goes_on_as_it_would_have() -> None:
    assert goes_on_after_a_restart(Ddm, np.repeat([0.0, 1.0], 300))


def test_other_numbers_are_refused_and_what_is_not_finite_is_left_out() -> None:
    detector = Ddm()
    assert not detector.update(math.nan)
    with pytest.raises(InputError, match=r"Expected 1 for an error or 0 for none, got 0\.5"):
        detector.update(0.5)
    assert detector == Ddm()
