"""Models that combine the answers of other models: voting, stacking, bagging, calibration, thresholds."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from garcom.model.engines.arrays.ops.matrix import FUNCTION_NAMES
from garcom.model.lowering.answers import (
    binary_labels,
    classes_of,
    from_probabilities,
    need,
    predicted,
    renamed,
)
from garcom.model.lowering.builder import Builder, NotLowerable, Prediction, Table
from garcom.model.lowering.ensembles import emit_total
from garcom.model.lowering.forests import bagged_trees, tree_inputs
from garcom.model.lowering.registry import estimator, lower_estimator


@estimator("sklearn.VotingClassifier")
def voting_classifier(b: Builder, model: Any, table: Table) -> Prediction:
    """Soft: the weighted mean of probabilities. Hard: the class with most weight, the first of equals."""
    classes, weights = classes_of(model), model._weights_not_none
    parts = [(part, lower_estimator(b, part, table)) for part in model.estimators_]
    if model.voting == "soft":
        values = [need(found.probabilities, part, "predict_proba") for part, found in parts]
        arrays: dict[str, Any] = {} if weights is None else {"weights": np.asarray(weights, dtype=np.float64)}
        return from_probabilities(b, classes, b.emit("average", *values, **arrays))
    labels = [need(renamed(b, found, classes).labels, part, "predict") for part, found in parts]
    held = np.ones(len(labels)) if weights is None else np.asarray(weights, dtype=np.float64)
    votes = b.emit("votes", *labels, options={"n_classes": len(classes)}, weights=held)
    return Prediction(classes, b.emit("argmax", votes))


@estimator("sklearn.VotingRegressor")
def voting_regressor(b: Builder, model: Any, table: Table) -> Prediction:
    """The weighted mean of the values."""
    values = [predicted(b, lower_estimator(b, part, table), part) for part in model.estimators_]
    weights = model._weights_not_none
    arrays: dict[str, Any] = {} if weights is None else {"weights": np.asarray(weights, dtype=np.float64)}
    return Prediction(values=b.emit("row_average", b.emit("join", *values), **arrays))


@estimator("sklearn.StackingClassifier")
def stacking_classifier(b: Builder, model: Any, table: Table) -> Prediction:
    """A final classifier on the answers of the others."""
    if isinstance(model._label_encoder, list):
        raise NotLowerable("StackingClassifier classifies several targets at once.")
    final = lower_estimator(b, model.final_estimator_, _stacked(b, model, table))
    return renamed(b, final, tuple(np.asarray(model.classes_).tolist()))


@estimator("sklearn.StackingRegressor")
def stacking_regressor(b: Builder, model: Any, table: Table) -> Prediction:
    """A final regressor on the answers of the others."""
    return lower_estimator(b, model.final_estimator_, _stacked(b, model, table))


def _stacked(b: Builder, model: Any, table: Table) -> Table:
    columns: Table = ()
    for part, method in zip(model.estimators_, model.stack_method_, strict=True):
        found = lower_estimator(b, part, table)
        if method == "predict":
            columns += b.table(predicted(b, found, part), found.n_targets)
        elif method == "predict_proba":
            value, n_classes = need(found.probabilities, part, method), len(found.classes or ())
            probabilities = b.table(value, n_classes)
            columns += probabilities[1:] if len(model.classes_) == 2 else probabilities
        else:
            columns += b.table(need(found.decision, part, method), _n_scores(found))
    return columns + table if model.passthrough else columns


def _n_scores(prediction: Prediction) -> int:
    return 1 if len(prediction.classes or ()) == 2 else len(prediction.classes or ())


@estimator("sklearn.BaggingClassifier")
def bagging_classifier(b: Builder, model: Any, table: Table) -> Prediction:
    """The mean of probabilities, or of votes where the bagged models have none."""
    classes = classes_of(model)
    parts = model.estimators_
    trees = bagged_trees(parts, model.estimators_features_)
    if trees is not None and all(len(part.classes_) == len(classes) for part in parts):
        total = emit_total(b, tree_inputs(b, parts[0], table), trees)
        return from_probabilities(b, classes, b.emit("divide", total, constant=float(len(parts))))
    values = []
    for part, features in zip(parts, model.estimators_features_, strict=True):
        found = lower_estimator(b, part, tuple(table[position] for position in features))
        values.append(_share_of(b, part, found, len(classes)))
    return from_probabilities(b, classes, b.emit("divide", b.emit("add", *values), constant=float(len(parts))))


def _share_of(b: Builder, part: Any, found: Prediction, n_classes: int) -> int:
    """One bagged model's contribution; its classes are positions among the bag's."""
    index = [int(position) for position in found.classes or ()]
    if not hasattr(part, "predict_proba"):
        labels = b.emit("relabel", need(found.labels, part, "predict"), index=index)
        return b.emit("votes", labels, options={"n_classes": n_classes}, weights=np.ones(1))
    probabilities = need(found.probabilities, part, "predict_proba")
    if len(index) == n_classes:
        return probabilities
    return b.emit("place", probabilities, index=index, options={"width": n_classes})


@estimator("sklearn.BaggingRegressor")
def bagging_regressor(b: Builder, model: Any, table: Table) -> Prediction:
    """The mean of the values."""
    parts = model.estimators_
    trees = bagged_trees(parts, model.estimators_features_)
    if trees is not None:
        total, n_targets = emit_total(b, tree_inputs(b, parts[0], table), trees), parts[0].n_outputs_
    else:
        values, n_targets = [], 1
        for part, features in zip(parts, model.estimators_features_, strict=True):
            found = lower_estimator(b, part, tuple(table[position] for position in features))
            values.append(predicted(b, found, part))
            n_targets = found.n_targets
        total = b.emit("add", *values)
    return Prediction(values=b.emit("divide", total, constant=float(len(parts))), n_targets=n_targets)


@estimator("sklearn.TunedThresholdClassifierCV", "sklearn.FixedThresholdClassifier")
def threshold_classifier(b: Builder, model: Any, table: Table) -> Prediction:
    """The positive class where the score reaches the threshold."""
    part = getattr(model, "estimator_", None) or model.estimator
    found = lower_estimator(b, part, table)
    tuned = hasattr(model, "best_threshold_")
    marker = model._curve_scorer._get_pos_label() if tuned else model.pos_label
    positive = 1 if marker is None else np.asarray(model.classes_).tolist().index(marker)
    wanted = ("predict_proba", "decision_function") if model.response_method == "auto" else (model.response_method,)
    method = next(name for name in wanted if hasattr(part, name))
    if method == "predict_proba":
        score, column = need(found.probabilities, part, method), positive
    else:
        score, column = need(found.decision, part, method), 0
        if positive == 0:
            score = b.emit("multiply", score, constant=-1.0)
    auto = 0.5 if method == "predict_proba" else 0.0
    threshold = model.best_threshold_ if tuned else auto if model.threshold == "auto" else model.threshold
    labels = binary_labels(b, score, threshold=float(threshold), equal=True, column=column)
    if positive == 0:
        labels = b.emit("relabel", labels, index=[1, 0])
    return replace(found, labels=labels)


@estimator("sklearn.CalibratedClassifierCV")
def calibrated_classifier(b: Builder, model: Any, table: Table) -> Prediction:
    """The mean over the folds of each fold's calibrated probabilities."""
    classes = classes_of(model)
    parts = [_calibrated(b, fold, table, classes) for fold in model.calibrated_classifiers_]
    total = parts[0] if len(parts) == 1 else b.emit("add", *parts)
    return from_probabilities(b, classes, b.emit("divide", total, constant=float(len(parts))))


def _calibrated(b: Builder, fold: Any, table: Table, classes: tuple[Any, ...]) -> int:
    part = fold.estimator
    found = lower_estimator(b, _unfrozen(part), table)
    method = "decision_function" if hasattr(part, "decision_function") else "predict_proba"
    binary = len(classes) == 2
    if method == "decision_function":
        score = need(found.decision, part, method)
    else:
        score = need(found.probabilities, part, method)
        score = b.emit("columns", score, index=[1]) if binary else score
    if fold.method not in ("sigmoid", "isotonic"):
        raise NotLowerable(f"CalibratedClassifierCV with method={fold.method!r} cannot be carried as arrays.")
    n_scores = 1 if binary else len(found.classes or ())
    columns = [
        _calibrator(b, calibrator, score if n_scores == 1 else b.emit("columns", score, index=[number]))
        for number, calibrator in enumerate(fold.calibrators)
    ]
    if binary:
        return b.emit("pair", columns[0])
    joined = b.emit("join", *columns)
    places = [classes.index(value) for value in found.classes or ()]
    if places != list(range(len(classes))):
        joined = b.emit("place", joined, index=places, options={"width": len(classes)})
    return b.emit("share", joined)


def _unfrozen(part: Any) -> Any:
    return part.estimator if type(part).__name__ == "FrozenEstimator" else part


def _calibrator(b: Builder, calibrator: Any, score: int) -> int:
    if hasattr(calibrator, "a_"):
        inner = b.emit("rescale", score, scale=float(calibrator.a_), offset=float(calibrator.b_))
        return b.emit("expit", b.emit("multiply", inner, constant=-1.0))
    if calibrator.out_of_bounds != "clip":
        raise NotLowerable("Isotonic calibration that refuses scores out of bounds cannot be carried as arrays.")
    x, y = (
        np.asarray(calibrator.X_thresholds_, dtype=np.float64),
        np.asarray(calibrator.y_thresholds_, dtype=np.float64),
    )
    return b.emit("interpolate", score, x=x, y=y)


@estimator("sklearn.FrozenEstimator")
def frozen(b: Builder, model: Any, table: Table) -> Prediction:
    """The estimator inside."""
    return lower_estimator(b, model.estimator, table)


@estimator("sklearn.OneVsRestClassifier")
def one_vs_rest(b: Builder, model: Any, table: Table) -> Prediction:
    """The class whose own classifier is surest, the first of equals."""
    classes = tuple(np.asarray(model.classes_).tolist())
    if model.multilabel_:
        raise NotLowerable("OneVsRestClassifier of several labels per row cannot be carried as arrays.")
    parts = [(part, lower_estimator(b, part, table)) for part in model.estimators_]
    scores = [_own_score(b, part, found) for part, found in parts]
    probabilities = None
    if all(found.probabilities is not None for _, found in parts):
        own = [b.emit("columns", need(found.probabilities, part, ""), index=[1]) for part, found in parts]
        joined = b.emit("pair", own[0]) if len(own) == 1 else b.emit("join", *own)
        probabilities = b.emit("share_or_zero", joined)
    if len(parts) == 1:
        threshold = 0.5 if parts[0][1].decision is None and parts[0][1].values is None else 0.0
        return Prediction(classes, binary_labels(b, scores[0], threshold=threshold), probabilities)
    joined = b.emit("join", *scores)
    return Prediction(classes, b.emit("argmax", joined), probabilities, joined)


def _own_score(b: Builder, part: Any, found: Prediction) -> int:
    if found.values is not None:
        return found.values
    if hasattr(part, "decision_function"):
        return need(found.decision, part, "decision_function")
    return b.emit("columns", need(found.probabilities, part, "predict_proba"), index=[1])


@estimator("sklearn.MultiOutputRegressor")
def multi_output_regressor(b: Builder, model: Any, table: Table) -> Prediction:
    """One regressor per target."""
    values = [predicted(b, lower_estimator(b, part, table), part) for part in model.estimators_]
    return Prediction(values=values[0] if len(values) == 1 else b.emit("join", *values), n_targets=len(values))


@estimator("sklearn.RegressorChain")
def regressor_chain(b: Builder, model: Any, table: Table) -> Prediction:
    """One regressor per target, each reading the answers before it."""
    values: list[int] = []
    for part in model.estimators_:
        before = tuple(column for value in values for column in b.table(value, 1))
        values.append(predicted(b, lower_estimator(b, part, table + before), part))
    joined = values[0] if len(values) == 1 else b.emit("join", *values)
    order = np.argsort(model.order_)
    return Prediction(values=b.emit("columns", joined, index=order), n_targets=len(values))


@estimator("sklearn.TransformedTargetRegressor")
def transformed_target(b: Builder, model: Any, table: Table) -> Prediction:
    """The regressor's values through the inverse of the transformation it was trained under."""
    found = lower_estimator(b, model.regressor_, table)
    values, inverse = predicted(b, found, model.regressor_), model.transformer_
    name = type(inverse).__name__
    if name == "StandardScaler":
        if inverse.with_std:
            values = b.emit("multiply", values, constant=inverse.scale_)
        if inverse.with_mean:
            values = b.emit("shift", values, constant=inverse.mean_)
    elif name == "MinMaxScaler":
        values = b.emit("divide", b.emit("subtract", values, constant=inverse.min_), constant=inverse.scale_)
    elif name == "FunctionTransformer":
        values = _function(b, inverse.inverse_func, values)
    else:
        raise NotLowerable(f"TransformedTargetRegressor with {name} cannot be carried as arrays.")
    return replace(found, values=values)


def _function(b: Builder, function: Any, values: int) -> int:
    if function is None:
        return values
    name = getattr(function, "__name__", "")
    if not isinstance(function, np.ufunc) or name not in FUNCTION_NAMES:
        raise NotLowerable(
            f"TransformedTargetRegressor calls {name or function!r}, which is not one of numpy's functions."
        )
    return b.emit("function", values, options={"name": name})
