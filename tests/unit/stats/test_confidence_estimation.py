from __future__ import annotations

import msgspec
import numpy as np
import pytest

from garcom.errors import InputError
from garcom.records import FloatArray, IntArray
from garcom.stats.confidence_estimation import ESTIMATED, Calibrators, estimated_scores, fit_calibrators
from garcom.stats.performance.scores import Score, classification_scores

Sample = tuple[FloatArray, FloatArray, IntArray, IntArray]


def sample(rng: np.random.Generator, n: int, k: int, *, shift: float = 0.0, distortion: float = 1.0) -> Sample:
    """Inputs, the model's probabilities, its answers and the truth; calibrated for a distortion of 1."""
    X = rng.normal(shift, 1, (n, 2))
    logits = np.column_stack([np.zeros(n), *(X @ np.array([1.5, c - 1.0]) - 0.4 * c for c in range(1, k))])
    chances = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    y_true = (rng.random((n, 1)) > chances.cumsum(axis=1)).sum(axis=1).clip(0, k - 1)
    said = chances**distortion
    said /= said.sum(axis=1, keepdims=True)
    return X, said, said.argmax(axis=1), y_true


@pytest.mark.parametrize("n_classes", [2, 4])
@pytest.mark.parametrize("shift", [0.0, 1.0])
@pytest.mark.parametrize("distortion", [1.0, 2.5])
def test_estimates_are_near_what_turns_out(n_classes: int, shift: float, distortion: float) -> None:
    rng = np.random.default_rng(7)
    _, known, _, truth = sample(rng, 20_000, n_classes, shift=0.3, distortion=distortion)
    calibrators = fit_calibrators(known, truth)
    _, p, y_pred, y_true = sample(rng, 20_000, n_classes, shift=shift, distortion=distortion)
    cost = np.eye(n_classes)
    estimated = estimated_scores(p, y_pred, calibrators=calibrators, cost=cost)
    realized = classification_scores(y_true, y_pred, n_classes, p, cost=cost)
    assert tuple(sorted(estimated)) == tuple(sorted(ESTIMATED))
    # One against the rest is calibrated for the mixture of classes that was there, which a shift changes for several.
    bound = 0.03 if n_classes == 2 or not shift else 0.06
    for name, score in estimated.items():
        assert score.value == pytest.approx(realized[name].value, abs=bound, rel=bound), name


def test_the_decline_under_covariate_shift_is_foreseen() -> None:
    rng = np.random.default_rng(8)
    _, before, answers, _ = sample(rng, 5000, 2, shift=1.5)
    _, p, y_pred, y_true = sample(rng, 5000, 2, shift=0.0)
    realized = classification_scores(y_true, y_pred, 2)["accuracy"].value
    estimated = estimated_scores(p, y_pred)["accuracy"].value
    was = estimated_scores(before, answers)["accuracy"].value
    assert realized is not None
    assert estimated is not None
    assert was is not None
    assert was - realized > 0.08
    assert abs(estimated - realized) < 0.02


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("rows", [300, None], ids=["calibrated on 300", "taken at their word"])
def test_intervals_hold_what_turns_out(n_classes: int, rows: int | None) -> None:
    rng = np.random.default_rng(9)
    cost = np.eye(n_classes)
    hits = dict.fromkeys(ESTIMATED, 0)
    for _ in range(100):
        calibrators = None
        if rows is not None:
            _, known, _, truth = sample(rng, rows, n_classes)
            calibrators = fit_calibrators(known, truth)
        _, p, y_pred, y_true = sample(rng, 400, n_classes)
        realized = classification_scores(y_true, y_pred, n_classes, p, cost=cost)
        for name, (value, low, high, _, _) in estimated_scores(p, y_pred, calibrators=calibrators, cost=cost).items():
            seen = realized[name].value
            assert value is not None
            assert low is not None
            assert high is not None
            assert seen is not None
            hits[name] += low <= seen <= high
    assert min(hits.values()) >= 85, hits


def test_curves_make_probabilities_of_each_row_and_survive_being_written_down() -> None:
    rng = np.random.default_rng(10)
    for n_classes in (2, 3):
        _, p, _, y_true = sample(rng, 500, n_classes, distortion=3)
        calibrators = fit_calibrators(p, y_true)
        assert msgspec.json.decode(msgspec.json.encode(calibrators), type=Calibrators) == calibrators
        calibrated = calibrators.calibrated(p)
        np.testing.assert_allclose(calibrated.sum(axis=1), 1)
        # On the rows themselves the shares are met exactly with two classes, and nearly with more.
        np.testing.assert_allclose(
            calibrated.mean(axis=0), np.bincount(y_true) / 500, atol=1e-9 if n_classes == 2 else 0.02
        )
    holed = np.vstack([p, np.full((1, 3), np.nan)])
    assert fit_calibrators(holed, np.append(y_true, 0)) == calibrators
    with pytest.raises(InputError, match="got none among 1"):
        fit_calibrators(holed[-1:], np.zeros(1, np.int64))


def test_small_windows_are_estimated_without_bias() -> None:
    """A row is not compared with itself, which would pull the area of few rows towards one half."""
    rng = np.random.default_rng(11)
    gaps = []
    for _ in range(120):
        _, p, y_pred, y_true = sample(rng, 12, 2)
        seen = classification_scores(y_true, y_pred, 2, p)["roc_auc"].value
        foreseen = estimated_scores(p, y_pred)["roc_auc"].value
        if seen is not None and foreseen is not None:
            gaps.append(foreseen - seen)
    assert abs(np.mean(gaps)) < 0.04


def test_what_cannot_be_estimated_says_why() -> None:
    certain = np.tile([1.0, 0.0], (12, 1))
    zeros = np.zeros(12, np.int64)
    found = estimated_scores(certain, zeros)
    assert found["accuracy"].value == 1
    assert {name: found[name].why for name in ("balanced_accuracy", "precision", "recall", "f1", "mcc", "roc_auc")} == {
        "balanced_accuracy": "all rows are expected to be of one class",
        "precision": "the positive class was never answered",
        "recall": "no row is expected to be of the positive class",
        "f1": "the positive class is neither among the actuals nor among the answers",
        "mcc": "all rows are expected to be of one class",
        "roc_auc": "all rows are expected to be of one class",
    }
    assert found["business_value"] == Score(None, n=12, why="no cost matrix is given")
    holed = certain.copy()
    holed[:4] = np.nan
    few = estimated_scores(holed, zeros, min_rows=10)
    assert set(few.values()) == {Score(None, n=8, why="not enough rows: 8 of 10 (4 more without a probability)")}
    none = estimated_scores(np.empty((0, 2)), zeros[:0])
    assert set(none.values()) == {Score(None, n=0, why="not enough rows: 0 of 1")}
    unknown = estimated_scores(certain, zeros, cost=np.full((2, 2), np.nan))["business_value"]
    assert unknown.why == "the cost matrix has cells without a value"
    assert (
        estimated_scores(certain * 0, zeros)["brier"].why == "not enough rows: 0 of 1 (12 more without a probability)"
    )


def test_a_class_that_will_hardly_be_among_the_actuals_is_no_part_of_a_mean_over_classes() -> None:
    p = np.tile([0.7, 0.299, 0.001], (40, 1))
    p[::2] = [0.299, 0.7, 0.001]
    found = estimated_scores(p, p.argmax(axis=1))
    assert found["balanced_accuracy"].value == pytest.approx(0.7, abs=0.001)
    assert found["recall"].value == pytest.approx(0.7, abs=0.001)
    assert found["roc_auc"].value == pytest.approx(0.7, abs=0.02)
    single = estimated_scores(np.array([[0.34, 0.33, 0.33]]), np.array([0]), min_rows=1)
    assert single["accuracy"].value == pytest.approx(0.34)
    assert single["recall"].why == "no class is expected to have 0.5 rows"


def test_a_model_of_one_class_is_always_right() -> None:
    p, zeros = np.ones((30, 1)), np.zeros(30, np.int64)
    found = estimated_scores(p, zeros, calibrators=fit_calibrators(p, zeros))
    assert found["accuracy"].value == 1
    assert found["roc_auc"].why == "all rows are expected to be of one class"


def test_positions_and_shapes_that_cannot_be_are_refused() -> None:
    certain = np.tile([1.0, 0.0], (12, 1))
    with pytest.raises(InputError, match="12 values in y_pred"):
        estimated_scores(certain, np.zeros(11, np.int64))
    for strange in (-1, 2):
        with pytest.raises(InputError, match="positions from 0 to 1"):
            estimated_scores(certain, np.full(12, strange))
