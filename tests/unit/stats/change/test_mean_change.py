from __future__ import annotations

import math
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from garcom.stats.change.mean_change import two_proportions, welch

numbers = st.lists(st.floats(-1e6, 1e6).map(lambda x: round(x, 3)), min_size=2, max_size=40)


@given(numbers, numbers)
@settings(max_examples=60, deadline=None)
def test_welch_is_that_of_scipy(x: list[float], y: list[float]) -> None:
    found = welch(np.array(x), np.array(y))
    if len({*x}) == len({*y}) == 1:
        assert (found.p_value, found.low) == (float(x[0] == y[0]), found.high)
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # scipy tells when values are nearly the same
        expected = stats.ttest_ind(y, x, equal_var=False)
    low, high = expected.confidence_interval()
    assert found.p_value == pytest.approx(expected.pvalue, rel=1e-6, abs=1e-12)
    assert [found.low, found.high] == pytest.approx([low, high], rel=1e-6, abs=1e-6)
    assert found.difference == pytest.approx(np.mean(y) - np.mean(x), abs=1e-9)


@pytest.mark.parametrize(("n", "m"), [(3, 2), (7, 1_000)])
def test_windows_of_one_value_have_not_changed(n: int, m: int) -> None:
    # Their sums are rounded: the mean of three times 0.1 is none of them.
    found = welch(np.full(n, 0.1), np.full(m, 0.1))
    assert (found.difference, found.p_value, found.effect) == (0.0, 1.0, 0.0)
    other = welch(np.full(n, 0.1), np.full(m, 0.3))
    assert (other.p_value, other.low, other.effect) == (0.0, other.high, None)


def test_the_effect_is_in_standard_deviations() -> None:
    rng = np.random.default_rng(0)
    found = welch(rng.normal(0, 2, 50_000), rng.normal(1, 2, 50_000))
    assert found.effect == pytest.approx(0.5, abs=0.02)


@given(st.integers(1, 300), st.integers(1, 300), st.floats(0, 1), st.floats(0, 1))
@settings(max_examples=60, deadline=None)
def test_proportions_are_those_of_scipy(n: int, m: int, p: float, q: float) -> None:
    x, y = round(n * p), round(m * q)
    before, after = np.repeat([1.0, 0.0], [x, n - x]), np.repeat([0.0, 1.0], [m - y, y])
    found = two_proportions(before, after)
    table = np.array([[x, n - x], [y, m - y]])
    if 0 in table.sum(axis=0):
        assert found.p_value == 1.0
    elif stats.contingency.expected_freq(table).min() < 5:
        assert found.p_value == pytest.approx(stats.fisher_exact(table).pvalue, abs=1e-9)
    else:
        assert found.p_value == pytest.approx(stats.chi2_contingency(table, correction=False).pvalue, abs=1e-12)
    assert found.difference is not None
    assert found.low is not None
    assert found.high is not None
    assert -1 - 1e-12 <= found.low <= found.difference <= found.high <= 1 + 1e-12


@pytest.mark.parametrize(
    ("x", "n", "y", "m", "low", "high"),
    # Newcombe 1998, table II, method 10.
    [(48, 80, 56, 70, 0.0524, 0.3339), (3, 10, 9, 10, 0.1705, 0.8090)],
    ids=["a", "b"],
)
def test_the_interval_is_that_of_newcombe(x: int, n: int, y: int, m: int, low: float, high: float) -> None:
    found = two_proportions(np.repeat([1.0, 0.0], [x, n - x]), np.repeat([1.0, 0.0], [y, m - y]))
    assert [found.low, found.high] == pytest.approx([low, high], abs=2e-4)


def test_the_effect_of_rates() -> None:
    found = two_proportions(np.repeat([1.0, 0.0], [0, 10]), np.repeat([1.0, 0.0], [5, 5]))
    assert found.effect == pytest.approx(math.pi / 2)


def test_too_few_rows_are_told() -> None:
    few, many = np.array([1.0, math.nan]), np.ones(50)
    assert welch(few, many).why == "not enough rows: 1 of 2"
    assert welch(many, few, min_rows=30).why == "not enough rows: 1 of 30"
    assert two_proportions(np.array([]), many).why == "not enough rows: 0 of 1"
    assert welch(few, many).p_value is None


def test_windows_that_do_not_vary() -> None:
    same, other = welch(np.ones(5), np.ones(5)), welch(np.ones(5), np.zeros(5))
    assert (same.p_value, same.effect, same.why) == (1.0, 0.0, None)
    assert (other.p_value, other.effect, other.difference) == (0.0, None, -1.0)
