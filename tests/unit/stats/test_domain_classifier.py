from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import binomtest, rankdata
from sklearn.metrics import roc_auc_score

from garcom.records import FloatArray
from garcom.stats.domain_classifier import _areas_of_rows, domain_classifier


def _normal(random: np.random.Generator, n: int, d: int, correlation: float = 0.0) -> FloatArray:
    covariance = np.eye(d)
    covariance[0, 1] = covariance[1, 0] = correlation
    return random.multivariate_normal(np.zeros(d), covariance, n)


@pytest.mark.parametrize("n_values", [1, 2, 5, 10_000])
@pytest.mark.parametrize(("n", "m"), [(1, 1), (3, 40), (200, 150)])
def test_area_is_that_of_scikit_learn(n: int, m: int, n_values: int) -> None:
    random = np.random.default_rng(n + n_values)
    for shift in (0, 1, 20_000):
        x, y = random.integers(0, n_values, n) * 1.0, random.integers(0, n_values, m) * 1.0 + shift
        side, scores = np.repeat([0, 1], [n, m]), np.concatenate([x, y])
        # The side takes the place of the last bit, so equal scores are told from neighbours only where they are apart.
        found = _areas_of_rows(np.stack([scores, -scores]).astype(np.float32), np.stack([side, side]) == 1)
        expected = float(roc_auc_score(side, scores))
        assert found.tolist() == pytest.approx([expected, 1 - expected], abs=1e-12)


def test_p_value_is_uniform_without_drift() -> None:
    random = np.random.default_rng(0)
    windows = 120
    found = [
        domain_classifier(_normal(random, 80, 3), _normal(random, 50, 3), permutations=39, seed=i)
        for i in range(windows)
    ]
    p_values = np.array([each.p_value for each in found])
    for level in (0.05, 0.25, 0.5, 0.75):
        assert binomtest(int((p_values <= level).sum()), windows, level).pvalue > 1e-3
    assert np.mean([each.auc for each in found]) == pytest.approx(0.5, abs=0.02)


def test_a_correlation_that_no_column_shows_is_found() -> None:
    random = np.random.default_rng(1)
    found = domain_classifier(_normal(random, 600, 4), _normal(random, 500, 4, correlation=0.8))
    assert found.auc > 0.65
    assert found.p_value == 1 / 201
    assert (found.n_reference, found.n_current) == (600, 500)


def test_a_mean_that_moved_is_found() -> None:
    random = np.random.default_rng(2)
    found = domain_classifier(_normal(random, 500, 5), _normal(random, 500, 5) + np.array([0, 0.7, 0, 0, 0]))
    # Two normal distributions 0.7 standard deviations apart.
    assert found.auc == pytest.approx(0.69, abs=0.05)
    assert found.p_value < 0.01


def test_a_spread_that_grew_is_found() -> None:
    random = np.random.default_rng(3)
    assert domain_classifier(_normal(random, 500, 2), _normal(random, 500, 2) * np.array([1, 2])).p_value < 0.01


def test_outliers_and_skew_hide_nothing() -> None:
    random = np.random.default_rng(4)
    reference, current = _normal(random, 500, 2), _normal(random, 500, 2) + np.array([0.7, 0])
    plain = domain_classifier(reference, current)
    reference[0, 0], current[0, 0] = -np.inf, 1e300
    assert domain_classifier(reference, current).p_value < 0.01
    # Only the order of the values counts.
    both = np.vstack([reference, current])
    ranks = np.stack([rankdata(column) for column in both.T], axis=1)
    assert domain_classifier(ranks[:500], ranks[500:]) == domain_classifier(reference, current)
    assert domain_classifier(reference, current).auc == pytest.approx(plain.auc, abs=0.01)


def test_values_that_go_missing_are_found() -> None:
    random = np.random.default_rng(5)
    reference, current = _normal(random, 300, 3), _normal(random, 300, 3)
    current[::4, 1] = np.nan
    found = domain_classifier(reference, current)
    assert found.auc > 0.55
    assert found.p_value < 0.01


def test_sides_that_share_nothing_are_told_apart() -> None:
    random = np.random.default_rng(6)
    assert domain_classifier(_normal(random, 50, 2), _normal(random, 40, 2) + 100).auc == 1.0


def test_many_columns_go_without_products() -> None:
    random = np.random.default_rng(7)
    reference, current = _normal(random, 300, 24, 0.9), _normal(random, 300, 24, -0.9)
    assert domain_classifier(reference, current, permutations=99).p_value > 0.01
    assert domain_classifier(reference[:, :20], current[:, :20], permutations=99).p_value == 0.01


@pytest.mark.parametrize(
    "columns",
    [np.zeros((60, 0)), np.full((60, 2), 3.0), np.full((60, 2), np.nan), np.full((60, 1), np.inf)],
    ids=["no_columns", "constant", "all_nan", "infinite"],
)
def test_columns_that_tell_nothing(columns: FloatArray) -> None:
    assert domain_classifier(columns[:40], columns[40:], permutations=19) == (0.5, 1.0, 40, 20)


def test_equal_rows_tell_nothing_wherever_they_stand() -> None:
    rows = np.tile(np.arange(12.0).reshape(4, 3), (25, 1))
    found = domain_classifier(rows, rows, permutations=19)
    assert found.auc == pytest.approx(0.5, abs=0.1)
    assert found.p_value > 0.05


@pytest.mark.parametrize(("n", "m"), [(0, 0), (9, 500), (500, 9)])
def test_too_few_rows(n: int, m: int) -> None:
    auc, p_value, n_reference, n_current = domain_classifier(np.zeros((n, 2)), np.zeros((m, 2)))
    assert math.isnan(auc)
    assert math.isnan(p_value)
    assert (n_reference, n_current) == (n, m)


def test_the_same_seed_gives_the_same_answer() -> None:
    random = np.random.default_rng(8)
    reference, current = _normal(random, 60, 2), _normal(random, 60, 2)
    first, again, other = (domain_classifier(reference, current, permutations=49, seed=seed) for seed in (1, 1, 2))
    assert first == again
    assert first != other


def test_other_columns_are_refused() -> None:
    with pytest.raises(ValueError, match="same columns"):
        domain_classifier(np.zeros((20, 2)), np.zeros((20, 3)))
