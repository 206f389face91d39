from __future__ import annotations

import numpy as np
import pytest
from scipy.signal import lfilter

from garcom.monitoring.performance.concept import concept_changes
from garcom.monitoring.performance.spans import micros, moment
from garcom.monitoring.records import ConceptChange
from garcom.records import FloatArray
from tests.unit.lake.rows import BEGAN

SECOND = 1_000_000


def told(errors: FloatArray, *, labels: bool) -> dict[str, ConceptChange]:
    times = micros(BEGAN) + np.arange(len(errors)) * SECOND
    return {each.method: each for each in concept_changes(errors, times, times, labels=labels)}


def test_all_of_them_see_a_model_that_fails() -> None:
    rng = np.random.default_rng(0)
    found = told((rng.random(1500) < np.repeat([0.1, 0.6], [1100, 400])).astype(float), labels=True)
    assert {name: change.changed for name, change in found.items()} == dict.fromkeys(
        ("adwin", "page_hinkley", "ddm", "kswin", "window_test"), True
    )
    for name in ("adwin", "page_hinkley", "ddm", "kswin"):
        assert moment(micros(BEGAN) + 1100 * SECOND) <= found[name].at[0] <= moment(micros(BEGAN) + 1250 * SECOND)
        assert [found[name].before, found[name].after] == pytest.approx([0.1, 0.6], abs=0.05)
    assert found["window_test"].p_value is not None
    assert found["window_test"].p_value < 1e-10


@pytest.mark.parametrize("unit", [1e-6, 1.0, 1e6])
def test_the_unit_of_numbers_does_not_matter(unit: float) -> None:
    rng = np.random.default_rng(1)
    errors = np.abs(rng.normal(size=1500)) * np.repeat([1.0, 3.0], [1000, 500])
    found = told(errors * unit, labels=False)
    assert [name for name, change in found.items() if change.changed] == [
        "adwin",
        "page_hinkley",
        "kswin",
        "window_test",
    ]
    window = found["window_test"]
    assert window.before == pytest.approx(errors[:1125].mean() * unit)
    assert window.after == pytest.approx(errors[1125:].mean() * unit)


def test_false_alarms_are_rare() -> None:
    rng = np.random.default_rng(2)
    alarms = 0
    for _ in range(12):
        alarms += sum(bool(change.changed) for change in told(np.abs(rng.normal(size=1000)), labels=False).values())
        errors = (rng.random(1000) < rng.choice([0.01, 0.1, 0.4])).astype(float)
        alarms += sum(bool(change.changed) for change in told(errors, labels=True).values())
    assert alarms <= 4  # of 108


def test_a_large_window_does_not_alarm_over_nothing() -> None:
    rng = np.random.default_rng(3)
    found = told((rng.random(12_000) < np.repeat([0.10, 0.135], [9000, 3000])).astype(float), labels=True)
    window = found["window_test"]
    assert window.p_value is not None
    assert window.p_value < 0.001
    assert window.changed is False


def test_actuals_count_in_the_order_in_which_they_came() -> None:
    errors = np.repeat([0.0, 1.0], [400, 200])
    times = micros(BEGAN) + np.arange(600) * SECOND
    came = np.concatenate([times[:400] + 10_000 * SECOND, times[400:]])
    found = {each.method: each for each in concept_changes(errors, times, came, labels=True)}
    assert found["adwin"].changed
    assert [found["adwin"].before, found["adwin"].after] == [1.0, 0.0]
    assert found["ddm"].changed is False


def test_constant_errors_and_none() -> None:
    for constant in (0.0, 1.0):
        assert {change.changed for change in told(np.full(300, constant), labels=True).values()} == {False}
    for errors in (np.array([]), np.full(500, np.nan)):
        assert {change.why for change in told(errors, labels=True).values()} == {"not enough rows: 0 of 100"}


def test_an_error_beyond_all_others_hides_nothing() -> None:
    rng = np.random.default_rng(4)
    errors = np.abs(rng.normal(size=1500)) * np.repeat([1.0, 3.0], [1000, 500])
    errors[10] = 1e12
    assert told(errors, labels=False)["adwin"].changed


def persistent(n: int, seed: int) -> FloatArray:
    """Sizes of errors that hang together as those of a sensor do."""
    found: FloatArray = np.abs(lfilter([1.0], [1.0, -0.9], np.random.default_rng(seed).normal(size=n + 200))[200:])
    return found


def test_errors_that_hang_together_are_no_change() -> None:
    worse = [[each.is_worse for each in told(persistent(3000, seed), labels=False).values()] for seed in range(20)]
    assert max(each.count(True) for each in worse) <= 1
    assert sum(any(each) for each in worse) <= 3


def test_a_change_of_errors_that_hang_together_is_found() -> None:
    errors = persistent(6000, 3)
    errors[3000:] *= 2.5
    found = told(errors, labels=False)
    assert [found[name].is_worse for name in ("adwin", "page_hinkley", "window_test")] == [True, True, True]
    assert found["ddm"].why is not None


def test_few_errors_that_hang_together_are_worth_too_few() -> None:
    found = told(persistent(600, 4), labels=False)
    assert all(each.changed is None for each in found.values())
    assert "600 errors hang together" in (found["adwin"].why or "")
