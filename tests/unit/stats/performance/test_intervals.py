"""Whether the true value of a score lies in its interval as often as stated (95 %), on simulated windows."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from garcom.records import FloatArray, IntArray
from garcom.stats.performance import intervals
from garcom.stats.performance.scores import CLASSIFICATION, REGRESSION, Score, classification_scores, regression_scores

WINDOWS = 150


def labelled(rng: np.random.Generator, n: int, k: int, share: float) -> tuple[IntArray, FloatArray]:
    """The truth and probabilities that are too sure of themselves; the last class has this share."""
    y = rng.choice(k, n, p=[*[(1 - share) / (k - 1)] * (k - 1), share])
    logits = rng.normal(size=(n, k)) + 1.5 * (np.arange(k) == y[:, None])
    odds = np.exp(2.5 * logits)
    return y, odds / odds.sum(axis=1, keepdims=True)


def scored(rng: np.random.Generator, n: int, k: int, share: float, *, weighted: bool = False) -> dict[str, Score]:
    y, p = labelled(rng, n, k, share)
    weight = rng.choice([0.5, 1.0, 2.0], n) if weighted else None
    return classification_scores(y, p.argmax(axis=1), k, p, cost=3 * np.eye(k) - 1, sample_weight=weight)


@pytest.mark.parametrize(
    ("n", "k", "share", "weighted"),
    [(120, 2, 0.5, False), (600, 2, 0.1, False), (300, 2, 0.5, True), (300, 4, 0.1, False)],
    ids=["few rows", "a rare class", "weights", "four classes"],
)
def test_the_true_value_is_inside_as_often_as_stated(n: int, k: int, share: float, weighted: bool) -> None:
    truth = scored(np.random.default_rng(1), 200_000, k, share)
    rng, hits = np.random.default_rng(2), dict.fromkeys(CLASSIFICATION, 0)
    for _ in range(WINDOWS):
        for name, (value, low, high, _, _) in scored(rng, n, k, share, weighted=weighted).items():
            true = truth[name].value
            assert value is not None
            assert low is not None
            assert high is not None
            assert true is not None
            hits[name] += low <= true <= high
            # An interval that is always everything would also hold the truth.
            assert high - low < 1.5, name
    assert min(hits.values()) >= 0.88 * WINDOWS, hits


def test_the_calibration_error_of_calibrated_probabilities_may_be_nothing() -> None:
    rng, hits = np.random.default_rng(3), 0
    for _ in range(WINDOWS):
        chance = rng.random(200)
        y = (rng.random(200) < chance).astype(np.int64)
        p = np.column_stack([1 - chance, chance])
        hits += classification_scores(y, p.argmax(axis=1), 2, p)["calibration_error"].low == 0
    assert hits >= 0.9 * WINDOWS


def test_the_true_error_of_numbers_is_inside_as_often_as_stated() -> None:
    def numbers(rng: np.random.Generator, n: int) -> dict[str, Score]:
        y = rng.gamma(4, 1, n) + 0.5
        return regression_scores(y, y + 0.1 + 0.3 * y * rng.normal(size=n))

    truth, rng = numbers(np.random.default_rng(4), 1_000_000), np.random.default_rng(5)
    hits = dict.fromkeys(REGRESSION, 0)
    for _ in range(300):
        for name, (_, low, high, _, _) in numbers(rng, 150).items():
            true = truth[name].value
            assert low is not None
            assert high is not None
            assert true is not None
            hits[name] += low <= true <= high
    assert min(hits.values()) >= 0.87 * 300, hits


def test_a_perfect_score_of_few_rows_is_not_certain() -> None:
    y = np.array([0, 1] * 10)
    for k in (2, 4):
        p = np.eye(k)[y] * 0.98 + 0.02 / k
        scores = classification_scores(y, y, k, p)
        for name in (
            "accuracy",
            "balanced_accuracy",
            "precision",
            "recall",
            "f1",
            "mcc",
            "roc_auc",
            "average_precision",
        ):
            value, low, high, *_ = scores[name]
            assert value == high == 1, name
            assert low is not None
            assert 0.4 < low < 0.97, name


def test_wilson_is_scipys() -> None:
    for right, n in ((0, 5), (3, 7), (7, 7), (80, 100)):
        low, high = intervals.wilson(right / n, n)
        expected = stats.binomtest(right, n).proportion_ci(0.95, "wilson")
        assert (float(low), float(high)) == pytest.approx((expected.low, expected.high))
    assert [float(end) for end in intervals.wilson(0.0, 0.0)] == pytest.approx([0, 1])


def test_a_mean_has_students_interval_and_twofold_weights_are_no_new_rows() -> None:
    values = np.random.default_rng(6).normal(size=9)
    found = intervals.mean_score(values, np.ones(9))
    expected = stats.ttest_1samp(values, 0).confidence_interval(0.95)
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high))
    assert intervals.mean_score(values, np.full(9, 2.0)) == pytest.approx((*found[:4], None), nan_ok=True)
    assert intervals.effective_rows(np.array([1.0, 1, 0, 0])) == 2
    assert intervals.mean_score(values[:1], np.ones(1))[1:3] == (None, None)


def test_the_area_under_a_roc_curve_has_delongs_variance() -> None:
    """Against the definition: the variances of the placements, computed pair by pair."""
    rng = np.random.default_rng(7)
    y, score = rng.integers(0, 2, 60), rng.integers(0, 12, 60) / 12
    found = classification_scores(y, y, 2, np.column_stack([1 - score, score]))["roc_auc"]
    wins = (score[y == 1][:, None] > score[y == 0]) + 0.5 * (score[y == 1][:, None] == score[y == 0])
    area = wins.mean()
    error = np.sqrt(wins.mean(axis=1).var(ddof=1) / len(wins) + wins.mean(axis=0).var(ddof=1) / len(wins.T))
    assert (found.low, found.high) == pytest.approx(intervals.logit_interval(float(area), float(error)))
