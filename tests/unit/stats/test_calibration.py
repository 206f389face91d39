from __future__ import annotations

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.calibration import calibration_curve
from sklearn.isotonic import IsotonicRegression

from garcom.errors import InputError
from garcom.stats.calibration import Isotonic, bins_of, fit_isotonic


@settings(max_examples=80, deadline=None)
@given(st.integers(1, 80), st.integers(0, 2**32 - 1), st.booleans(), st.sampled_from([1, 4, 10_000]), st.booleans())
def test_the_curve_is_scikit_learns(n: int, seed: int, weighted: bool, distinct: int, binary: bool) -> None:
    rng = np.random.default_rng(seed)
    x = rng.integers(0, distinct, n) / distinct
    y = rng.integers(0, 2, n).astype(np.float64) if binary else x + rng.normal(size=n)
    weight = rng.choice([0.5, 1.0, 3.25], n) if weighted else None
    expected = IsotonicRegression(out_of_bounds="clip").fit(x, y, sample_weight=weight)
    found = fit_isotonic(x, y, weight)
    at = np.concatenate([x, rng.uniform(-0.5, 1.5, 50)])
    np.testing.assert_allclose(found.predict(at), expected.predict(at), rtol=1e-9, atol=1e-9)
    assert sum(found.rows) == pytest.approx(n if weight is None else weight.sum())
    assert list(found.values) == sorted(set(found.values))


def test_rows_without_value_or_weight_do_not_count() -> None:
    x, y = np.array([0.1, 0.5, np.nan, 0.9, 0.7]), np.array([0.0, 1.0, 1.0, np.nan, 0.0])
    assert fit_isotonic(x, y, np.array([1.0, 1, 1, 1, 0])) == fit_isotonic(x[:2], y[:2])
    for nothing in (np.array([]), np.array([np.nan])):
        with pytest.raises(InputError, match="Expected rows to fit"):
            fit_isotonic(nothing, np.ones(len(nothing)))


def test_each_value_has_its_nearest_block() -> None:
    curve = Isotonic(first=(0.0, 0.4, 0.8), last=(0.2, 0.6, 0.8), values=(0.1, 0.5, 0.9), rows=(3, 2, 1))
    assert curve.blocks(np.array([-1, 0.2, 0.29, 0.31, 0.5, 0.69, 0.71, 2])).tolist() == [0, 0, 0, 1, 1, 1, 2, 2]
    assert np.isnan(curve.predict(np.array([np.nan]))).all()


def test_a_curve_survives_being_written_down() -> None:
    rng = np.random.default_rng(0)
    curve = fit_isotonic(rng.random(500), rng.integers(0, 2, 500).astype(np.float64))
    assert msgspec.json.decode(msgspec.json.encode(curve), type=Isotonic) == curve


@settings(max_examples=50, deadline=None)
@given(st.integers(1, 200), st.integers(0, 2**32 - 1))
def test_bins_are_those_of_scikit_learn(n: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    # Many probabilities lie on borders.
    p = rng.integers(0, 21, n) / 20
    y = rng.integers(0, 2, n)
    p, y = np.append(p, [0.0, 0.0]), np.append(y, [0.0, 1.0])
    observed, predicted = calibration_curve(y, p, n_bins=10)
    bins, places = np.unique(bins_of(p), return_inverse=True)
    rows = np.bincount(places)
    assert len(bins) == len(observed)
    np.testing.assert_allclose(np.bincount(places, y) / rows, observed)
    np.testing.assert_allclose(np.bincount(places, p) / rows, predicted)
