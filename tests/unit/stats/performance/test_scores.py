"""Every value against scikit-learn, on random rows with weights, ties, tiny samples and constants."""

from __future__ import annotations

import warnings
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics
from sklearn.preprocessing import label_binarize

from garcom.errors import InputError
from garcom.records import FloatArray, IntArray
from garcom.stats.performance.scores import (
    CLASSIFICATION,
    REGRESSION,
    Score,
    classification_scores,
    confusion,
    regression_scores,
)


class Labelled(NamedTuple):
    y_true: IntArray
    y_pred: IntArray
    n_classes: int
    probabilities: FloatArray
    sample_weight: FloatArray | None


@st.composite
def labelled(draw: st.DrawFn) -> Labelled:
    """From one row to sixty, of two to five classes, some never there; few distinct probabilities, hence ties."""
    n, n_classes = draw(st.integers(1, 60)), draw(st.integers(2, 5))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    least = draw(st.sampled_from([-1, 0, 0, 0]))
    y_true = rng.integers(least, draw(st.integers(1, n_classes)), n)
    raw = rng.integers(1, draw(st.sampled_from([3, 1000])), (n, n_classes)).astype(np.float64)
    probabilities = raw / raw.sum(axis=1, keepdims=True)
    y_pred = np.where(rng.random(n) < draw(st.sampled_from([0.0, 0.7, 1.0])), np.maximum(y_true, 0), 0)
    weight = rng.choice([0.0, 0.5, 1.0, 3.25], n) if draw(st.booleans()) else None
    if weight is not None and not weight.any():
        weight = None
    return Labelled(y_true, y_pred, n_classes, probabilities, weight)


def check(scores: dict[str, Score], expected: dict[str, float | None]) -> None:
    for name, value in expected.items():
        score = scores[name]
        if value is None:
            assert score.value is None, name
            assert score.why, name
            assert score.low is score.high is None
        else:
            assert score.why is None, (name, score)
            assert score.value is not None
            assert score.value == pytest.approx(value, rel=1e-9, abs=1e-12), name
            if score.low is not None and score.high is not None:
                assert score.low - 1e-12 <= score.value <= score.high + 1e-12, name


@settings(max_examples=80, deadline=None)
@given(labelled())
def test_scores_of_labels_are_those_of_scikit_learn(rows: Labelled) -> None:
    y_true, y_pred, n_classes, probabilities, weight = rows
    scores = classification_scores(y_true, y_pred, n_classes, probabilities, sample_weight=weight)
    kept = np.ones(len(y_true), bool) if weight is None else weight > 0
    among, answered = set(y_true[kept].tolist()), set(y_pred[kept].tolist())
    two = n_classes == 2
    args: Any = (y_true[kept], y_pred[kept])
    weighted: Any = {"sample_weight": None if weight is None else weight[kept]}
    average: Any = {"labels": [1], "average": "macro"} if two else {"average": "macro"}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = {
            "accuracy": metrics.accuracy_score(*args, **weighted),
            "balanced_accuracy": metrics.balanced_accuracy_score(*args, **weighted) if len(among) > 1 else None,
            "precision": metrics.precision_score(*args, **average, **weighted, zero_division=0.0),
            "recall": metrics.recall_score(*args, **average, **weighted, zero_division=0.0),
            "f1": metrics.f1_score(*args, **average, **weighted, zero_division=0.0),
            "mcc": metrics.matthews_corrcoef(*args, **weighted) if min(len(among), len(answered)) > 1 else None,
        }
    if two:
        expected["precision"] = expected["precision"] if 1 in answered else None
        expected["recall"] = expected["recall"] if 1 in among else None
        expected["f1"] = expected["f1"] if 1 in among | answered else None
    check(scores, expected)
    assert {scores[name].n for name in expected} == {int(kept.sum())}


@settings(max_examples=80, deadline=None)
@given(labelled())
def test_scores_of_probabilities_are_those_of_scikit_learn(rows: Labelled) -> None:
    y_true, y_pred, n_classes, probabilities, weight = rows
    scores = classification_scores(y_true, y_pred, n_classes, probabilities, sample_weight=weight)
    kept = np.ones(len(y_true), bool) if weight is None else weight > 0
    y, p = y_true[kept], probabilities[kept]
    w = None if weight is None else weight[kept]
    classes = [1] if n_classes == 2 else sorted(set(y.tolist()) - {-1})
    expected: dict[str, float | None] = {"roc_auc": None, "average_precision": None}
    if set(classes) & set(y.tolist()):
        expected["average_precision"] = float(
            np.mean([metrics.average_precision_score(y == c, p[:, c], sample_weight=w) for c in classes])
        )
        if len(set(y.tolist())) > 1:
            expected["roc_auc"] = float(
                np.mean([metrics.roc_auc_score(y == c, p[:, c], sample_weight=w) for c in classes])
            )
    if -1 not in y:
        expected["log_loss"] = metrics.log_loss(y, p, labels=list(range(n_classes)), sample_weight=w)
        one_hot: Any = label_binarize(y, classes=list(range(n_classes)))
        one_hot = np.hstack([1 - one_hot, one_hot]) if n_classes == 2 else one_hot
        halves = 2 if n_classes == 2 else 1
        expected["brier"] = float(np.average(((p - one_hot) ** 2).sum(axis=1) / halves, weights=w))
        if n_classes == 2 and y.any():
            assert expected["brier"] == pytest.approx(
                metrics.brier_score_loss(y, p[:, 1], sample_weight=w, pos_label=1)
            )
    check(scores, expected)
    assert scores["calibration_error"].why is None


def test_the_mean_of_the_areas_of_several_classes_is_scikit_learns_one_against_the_rest() -> None:
    rng = np.random.default_rng(3)
    y, raw = rng.integers(0, 4, 300), rng.random((300, 4))
    p = raw / raw.sum(axis=1, keepdims=True)
    found = classification_scores(y, p.argmax(axis=1), 4, p)["roc_auc"]
    assert found.value == pytest.approx(metrics.roc_auc_score(y, p, multi_class="ovr"))


def test_a_positive_class_can_be_named() -> None:
    rng = np.random.default_rng(4)
    for n_classes in (2, 3):
        y, raw = rng.integers(0, n_classes, 200), rng.random((200, n_classes))
        p = raw / raw.sum(axis=1, keepdims=True)
        y_pred = p.argmax(axis=1)
        scores = classification_scores(y, y_pred, n_classes, p, positive=0)
        check(
            scores,
            {
                "precision": metrics.precision_score(y == 0, y_pred == 0),
                "recall": metrics.recall_score(y == 0, y_pred == 0),
                "f1": metrics.f1_score(y == 0, y_pred == 0),
                "roc_auc": metrics.roc_auc_score(y == 0, p[:, 0]),
                "average_precision": metrics.average_precision_score(y == 0, p[:, 0]),
            },
        )


@settings(max_examples=50, deadline=None)
@given(labelled())
def test_the_confusion_matrix_is_scikit_learns(rows: Labelled) -> None:
    found = confusion(rows.y_true, rows.y_pred, rows.n_classes, rows.sample_weight)
    labels = [*range(rows.n_classes), -1]
    expected = metrics.confusion_matrix(rows.y_true, rows.y_pred, labels=labels, sample_weight=rows.sample_weight)
    np.testing.assert_allclose(found, expected[:, :-1])


def test_a_label_that_the_model_never_answers_is_an_error_in_every_score() -> None:
    right = np.array([0, 1] * 20)
    p = np.where(right[:, None] == [0, 1], 0.99, 0.01)
    clean = classification_scores(right, right, 2, p)
    dirty = classification_scores(np.append(right, [-1, -1]), np.append(right, [0, 1]), 2, np.vstack([p, p[:2]]))
    for name in ("accuracy", "balanced_accuracy", "precision", "f1", "roc_auc", "average_precision", "mcc"):
        assert clean[name].value == 1, name
        assert (dirty[name].value or 0) < 1, name
    for name in ("log_loss", "brier", "calibration_error"):
        assert (dirty[name].value or 0) > (clean[name].value or 0), name


def test_business_value_is_the_mean_of_the_cells() -> None:
    y_true, y_pred = np.array([0, 0, 1, 1, -1]), np.array([0, 1, 0, 1, 1])
    cost = np.array([[1.0, -5.0], [-2.0, 10.0]])
    scored = classification_scores(y_true, y_pred, 2, cost=np.vstack([cost, [0.0, -7.0]]))["business_value"]
    assert scored.value == pytest.approx((1 - 5 - 2 + 10 - 7) / 5)
    assert scored.n == 5
    weighted = classification_scores(y_true[:2], y_pred[:2], 2, cost=cost, sample_weight=np.array([3.0, 1.0]))
    assert weighted["business_value"].value == pytest.approx((3 - 5) / 4)
    for strange, why in (
        (cost, "the cost matrix has no row for labels that the model never answers; 1 have one"),
        (np.array([[1.0, np.nan], [0, 0], [0, 0]]), "the cost matrix has no value for 1 of 5 rows"),
        (None, "no cost matrix is given"),
    ):
        assert classification_scores(y_true, y_pred, 2, cost=strange)["business_value"] == Score(None, n=5, why=why)


def test_what_rows_do_not_define_says_why() -> None:
    ones, table = np.ones(12, np.int64), np.full((12, 2), 0.5)
    alike = classification_scores(ones, ones, 2, table)
    for name in ("balanced_accuracy", "roc_auc", "mcc"):
        assert alike[name] == Score(None, n=12, why="only one class among the actuals")
    assert alike["accuracy"].value == alike["recall"].value == 1
    never = classification_scores(1 - ones, 1 - ones, 2, table)
    assert {name: never[name].why for name in ("precision", "recall", "f1", "average_precision")} == {
        "precision": "the positive class was never answered",
        "recall": "no actual is of the positive class",
        "f1": "the positive class is neither among the actuals nor among the answers",
        "average_precision": "no actual is of the positive class",
    }
    mixed = np.array([0, 1] * 6)
    assert classification_scores(mixed, ones, 2)["mcc"].why == "only one class among the answers"
    assert classification_scores(mixed, ones, 2)["brier"].why == "the model gives no probabilities"
    strangers = classification_scores(-ones, ones, 3, np.full((12, 3), 1 / 3))
    assert strangers["average_precision"].why == "no actual is of a class that the model answers"
    assert strangers["accuracy"].value == strangers["f1"].value == 0


def test_too_few_rows_say_how_many_there_are() -> None:
    ones, table = np.ones(12, np.int64), np.full((12, 2), 0.5)
    table[:4] = np.nan
    scores = classification_scores(ones, ones, 2, table, min_rows=10, cost=np.eye(2))
    assert scores["accuracy"].value == 1
    assert scores["brier"] == Score(None, n=8, why="not enough rows: 8 of 10 (4 more without a probability)")
    scores = classification_scores(ones, ones, 2, min_rows=100, cost=np.eye(2))
    assert scores["accuracy"] == scores["business_value"] == Score(None, n=12, why="not enough rows: 12 of 100")
    none = np.array([], np.int64)
    empty = classification_scores(none, none, 3, np.empty((0, 3)), cost=np.eye(3))
    assert tuple(empty) == CLASSIFICATION
    assert {score.why for score in empty.values()} == {"not enough rows: 0 of 1"}
    weightless = classification_scores(ones, ones, 2, sample_weight=np.zeros(12))
    assert weightless["f1"].why == "not enough rows: 0 of 1 (12 more without weight)"


def test_a_probability_with_nan_leaves_its_row_out_of_what_needs_it() -> None:
    rng = np.random.default_rng(5)
    y, raw = rng.integers(0, 2, 50), rng.random(50)
    p = np.column_stack([1 - raw, raw])
    holed = np.vstack([p, [[np.nan, np.nan]]])
    whole = classification_scores(y, y, 2, p)
    found = classification_scores(np.append(y, 1), np.append(y, 1), 2, holed)
    for name in ("roc_auc", "average_precision", "log_loss", "brier", "calibration_error"):
        assert found[name] == whole[name]
    assert found["accuracy"].n == 51


def test_positions_weights_and_shapes_that_cannot_be_are_refused() -> None:
    y = np.array([0, 1])
    with pytest.raises(InputError, match="positions from -1 to 1 in y_true, got 2"):
        classification_scores(np.array([0, 2]), y, 2)
    with pytest.raises(InputError, match="positions from 0 to 1 in y_pred, got -1"):
        classification_scores(y, np.array([0, -1]), 2)
    with pytest.raises(InputError, match="finite weights of at least 0"):
        classification_scores(y, y, 2, sample_weight=np.array([1, -1.0]))
    with pytest.raises(InputError, match="2 values in y_pred"):
        classification_scores(y, y[:1], 2)
    with pytest.raises(InputError, match=r"probabilities \(2, 2\), got \(2, 3\)"):
        classification_scores(y, y, 2, np.ones((2, 3)))
    with pytest.raises(InputError, match="between 0 and 1, got 7"):
        classification_scores(y, y, 2, np.array([[7.0, 0], [0, 1]]))
    with pytest.raises(InputError, match="cost matrix"):
        classification_scores(y, y, 2, cost=np.ones((5, 2)))
    with pytest.raises(InputError, match="at most 1e100"):
        classification_scores(y, y, 2, cost=np.full((2, 2), np.inf))
    with pytest.raises(InputError, match="positive class from 0 to 1, got 2"):
        classification_scores(y, y, 2, positive=2)
    with pytest.raises(InputError, match="quantile between 0 and 1"):
        regression_scores(y.astype(float), y.astype(float), quantile=2)


@settings(max_examples=80, deadline=None)
@given(
    st.integers(1, 60),
    st.integers(0, 2**32 - 1),
    st.booleans(),
    st.sampled_from([0.1, 0.5]),
    st.sampled_from([2, 9999]),
)
def test_scores_of_numbers_are_those_of_scikit_learn(
    n: int, seed: int, weighted: bool, quantile: float, distinct: int
) -> None:
    rng = np.random.default_rng(seed)
    y_true = rng.integers(1, distinct, n).astype(np.float64)
    y_pred = rng.integers(1, distinct, n) + rng.choice([0.0, 0.1])
    weight = rng.choice([0.5, 1.0, 3.25], n) if weighted else None
    holed_true, holed_pred = np.append(y_true, [np.nan, 1.0]), np.append(y_pred, [1.0, np.nan])
    holed_weight = None if weight is None else np.append(weight, [1.0, 1.0])
    scores = regression_scores(holed_true, holed_pred, sample_weight=holed_weight, quantile=quantile)
    args: Any = {"y_true": y_true, "y_pred": y_pred, "sample_weight": weight}
    expected: dict[str, float | None] = {
        "mae": metrics.mean_absolute_error(**args),
        "rmse": metrics.root_mean_squared_error(**args),
        "mape": metrics.mean_absolute_percentage_error(**args),
        "r2": metrics.r2_score(**args) if len(set(y_true)) > 1 else None,
        "quantile_loss": metrics.mean_pinball_loss(**args, alpha=quantile),
        "bias": float(np.average(y_pred - y_true, weights=weight)),
    }
    check(scores, expected)
    assert {score.n for score in scores.values()} == {n}


def test_numbers_that_define_no_score_say_why() -> None:
    y = np.array([0.0, 2.0, 2.0])
    assert regression_scores(y, y)["mape"].why == "no share of 0: 1 of 3 actuals are 0"
    assert regression_scores(y[1:], y[:2])["r2"].why == "the actuals are all the same"
    assert regression_scores(y[:1], y[:1])["r2"].why == "not enough rows: 1 of 2"
    assert regression_scores(y[:1], y[1:2])["mae"] == Score(2.0, n=1)
    holed = np.array([np.nan, 1.0, np.inf])
    few = regression_scores(holed, y, min_rows=3)
    assert tuple(few) == REGRESSION
    why = "not enough rows: 1 of 3 (2 more without a truth or a prediction)"
    assert set(few.values()) == {Score(None, n=1, why=why)}
    assert regression_scores(np.array([1e71]), np.array([0.0]))["mae"].why == "numbers beyond 1e+70 are not scored"
    large = regression_scores(np.array([1e69, 2e69, 4e69]), np.zeros(3))
    assert all(score.value is not None for score in large.values())
    assert regression_scores(np.array([5e-324]), np.array([1.0]))["mape"].why
    perfect = regression_scores(y, y)
    assert perfect["r2"][:3] == (1, 1, 1)
    assert perfect["rmse"][:3] == (0, 0, 0)


@settings(max_examples=60, deadline=None)
@given(labelled(), st.integers(-300, 300), st.integers(-150, 69))
def test_every_score_is_a_finite_number_in_its_interval_or_says_why(rows: Labelled, tiny: int, size: int) -> None:
    rng = np.random.default_rng(len(rows.y_true))
    weight = rng.choice([0.0, 1.0, 10.0**tiny], len(rows.y_true))
    cost = rng.normal(size=(rows.n_classes + 1, rows.n_classes)) * 10.0**size
    sharp = np.round(rows.probabilities)
    numbers = rng.normal(size=(2, len(rows.y_true))) * 10.0**size
    numbers[1, ::2] = numbers[0, ::2] * (1 + 1e-15)
    for scores in (
        classification_scores(rows.y_true, rows.y_pred, rows.n_classes, sharp, sample_weight=weight, cost=cost),
        regression_scores(*numbers, sample_weight=weight),
    ):
        for name, (value, low, high, _, why) in scores.items():
            assert (value is None) == (why is not None), name
            assert all(each is None or (type(each) is float and np.isfinite(each)) for each in (value, low, high)), name
            if value is not None and low is not None and high is not None:
                assert low <= value <= high, name
