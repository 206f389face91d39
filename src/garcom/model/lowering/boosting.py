"""Scikit-learn's gradient boosting: GradientBoosting and HistGradientBoosting."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from garcom.model.lowering.answers import binary_labels, classes_of, need
from garcom.model.lowering.builder import Builder, NotLowerable, Prediction, Table, width
from garcom.model.lowering.categorical_splits import CategoricalSplits
from garcom.model.lowering.encoding import Slots, is_missing, slots
from garcom.model.lowering.ensembles import Tree, constant_tree, emit_sums, scaled
from garcom.model.lowering.forests import sklearn_tree
from garcom.model.lowering.registry import estimator, lower_estimator


def boosted_sums(
    b: Builder,
    x: int,
    start: Sequence[float],
    trees: Sequence[Tree],
    targets: Sequence[int],
    *,
    single: bool = False,
    strict: bool = False,
) -> int:
    """``start`` plus the trees, in their order, tree ``t`` added to output ``targets[t]``; ``[n, n_outputs]``.

    The start is the first "tree" of the sum, so that it rounds as the original does.
    """
    n_outputs = len(start)
    flat = [*(constant_tree(value) for value in start), *trees]
    return emit_sums(
        b, x, flat, targets=[*range(n_outputs), *targets], n_targets=n_outputs, single=single, strict=strict
    )


def _rounds(trees: Sequence[Sequence[Tree]]) -> tuple[list[Tree], list[int]]:
    """Trees in rounds of one per output, as a flat list and the output of each."""
    return [tree for row in trees for tree in row], [target for row in trees for target in range(len(row))]


def _classifier(b: Builder, model: Any, raw: int, *, equal: bool) -> Prediction:
    """Labels and probabilities from the raw scores, by the loss's own link."""
    classes = classes_of(model)
    if len(classes) > 2:
        return Prediction(classes, b.emit("argmax", raw), b.emit("softmax", raw), raw)
    link = type(model._loss.link).__name__
    if link not in ("LogitLink", "HalfLogitLink"):
        raise NotLowerable(f"{type(model).__name__} has the unknown link {link}.")
    score = b.emit("multiply", raw, constant=2.0) if link == "HalfLogitLink" else raw
    labels = binary_labels(b, raw, equal=equal)
    return Prediction(classes, labels, b.emit("binary_probabilities", score), raw)


def _gradient_boosting(b: Builder, model: Any, table: Table) -> int:
    x = b.numbers(table, model)
    trees = [scaled([sklearn_tree(tree) for tree in row], float(model.learning_rate)) for row in model.estimators_]
    n_outputs = model.estimators_.shape[1]
    init = model.init_
    if isinstance(init, str):
        return boosted_sums(b, x, [0.0] * n_outputs, *_rounds(trees))
    if type(init).__name__.startswith("Dummy") and getattr(init, "strategy", "") not in ("stratified", "uniform"):
        start = model._raw_predict_init(np.zeros((1, model.n_features_in_)))[0]
        return boosted_sums(b, x, start.tolist(), *_rounds(trees))
    total = boosted_sums(b, x, [0.0] * n_outputs, *_rounds(trees))
    # GradientBoosting hands the rows on as float32.
    single = b.table(b.emit("float32", x), width(table))
    return b.emit("add", _initial(b, model, init, single), total)


def _initial(b: Builder, model: Any, init: Any, table: Table) -> int:
    """The raw scores of an initial model, by the loss's link (scikit-learn's ``_init_raw_predictions``)."""
    first = lower_estimator(b, init, table)
    if not hasattr(model, "classes_"):
        return need(first.values, init, "predict")
    probabilities = need(first.probabilities, init, "predict_proba")
    link = type(model._loss.link).__name__
    if link not in ("LogitLink", "HalfLogitLink"):
        raise NotLowerable("GradientBoosting of more than two classes with an init model cannot be carried as arrays.")
    eps = float(np.finfo(np.float64).eps)
    positive = b.emit("columns", probabilities, index=[1])
    logit = b.emit("logit", b.emit("clip", positive, options={"low": eps, "high": 1 - eps}))
    return b.emit("multiply", logit, constant=0.5) if link == "HalfLogitLink" else logit


@estimator("sklearn.GradientBoostingClassifier")
def gradient_boosting_classifier(b: Builder, model: Any, table: Table) -> Prediction:
    """A score of exactly 0 is class 1."""
    return _classifier(b, model, _gradient_boosting(b, model, table), equal=True)


@estimator("sklearn.GradientBoostingRegressor")
def gradient_boosting_regressor(b: Builder, model: Any, table: Table) -> Prediction:
    """The sum itself."""
    return Prediction(values=_gradient_boosting(b, model, table))


@estimator("sklearn.HistGradientBoostingClassifier")
def hist_classifier(b: Builder, model: Any, table: Table) -> Prediction:
    """A score of exactly 0 is class 0."""
    return _classifier(b, model, _hist(b, model, table), equal=False)


@estimator("sklearn.HistGradientBoostingRegressor")
def hist_regressor(b: Builder, model: Any, table: Table) -> Prediction:
    """The inverse link of the sum: identity, or the exponential for positive targets."""
    raw, link = _hist(b, model, table), type(model._loss.link).__name__
    if link not in ("LogLink", "IdentityLink"):
        raise NotLowerable(f"{type(model).__name__} has the unknown link {link}.")
    return Prediction(values=b.emit("exp", raw) if link == "LogLink" else raw)


def _hist(b: Builder, model: Any, table: Table) -> int:
    start = np.asarray(model._baseline_prediction, dtype=np.float64).ravel().tolist()
    preprocessor = model._preprocessor
    if preprocessor is None:
        trees = [[_hist_tree(predictor, None, None, model) for predictor in row] for row in model._predictors]
        return boosted_sums(b, b.matrix(table), start, *_rounds(trees))
    # The preprocessor puts the categorical columns first, encoded; the trees count the columns in its order.
    positions = preprocessor._transformer_to_input_indices
    encoded, plain = list(positions["encoder"]), list(positions["numerical"])
    ordered = tuple(table[position] for position in [*encoded, *plain])
    categories = preprocessor.named_transformers_["encoder"].categories_ if encoded else []
    splits = CategoricalSplits([True] * len(encoded) + [False] * len(plain))
    sizes = [len(known) for known in categories]
    missing = [{i for i, value in enumerate(known) if is_missing(value)} for known in categories]
    pending = [
        [_HistSplits(predictor, splits, sizes, missing, model) for predictor in row] for row in model._predictors
    ]
    trees = [[_hist_tree(found.predictor, splits, found, model) for found in row] for row in pending]
    found_slots: Slots = slots(b, ordered[: len(encoded)], categories)
    return boosted_sums(b, splits.emit(b, ordered, found_slots), start, *_rounds(trees))


class _HistSplits:
    """The categorical splits of one tree, by node."""

    def __init__(
        self, predictor: Any, splits: CategoricalSplits, sizes: list[int], missing: list[set[int]], model: Any
    ) -> None:
        self.predictor = predictor
        self.keys: dict[int, int] = {}
        known, where = model._bin_mapper.make_known_categories_bitsets()
        nodes = predictor.nodes
        for number in np.flatnonzero(nodes["is_categorical"].astype(bool) & ~nodes["is_leaf"].astype(bool)).tolist():
            node = nodes[number]
            feature = int(node["feature_idx"])
            left = _members(predictor.raw_left_cat_bitsets[node["bitset_idx"]])
            seen = _members(known[where[feature]])
            otherwise = bool(node["missing_go_to_left"])
            sides = [
                otherwise if code in missing[feature] or code not in seen | left else code in left
                for code in range(sizes[feature])
            ]
            self.keys[number] = splits.add(feature, [*sides, otherwise])


def _members(bitset: Any) -> set[int]:
    bits = np.unpackbits(np.asarray(bitset, dtype="<u4").view(np.uint8), bitorder="little")
    return set(np.flatnonzero(bits).tolist())


def _hist_tree(predictor: Any, splits: CategoricalSplits | None, found: _HistSplits | None, model: Any) -> Tree:
    nodes = predictor.nodes
    leaf = nodes["is_leaf"].astype(bool)
    feature = np.where(leaf, -1, nodes["feature_idx"].astype(np.int64))
    tree = Tree(
        feature=feature,
        threshold=nodes["num_threshold"].astype(np.float64),
        left=nodes["left"].astype(np.int64),
        right=nodes["right"].astype(np.int64),
        missing_left=nodes["missing_go_to_left"].astype(bool),
        values=nodes["value"].astype(np.float64).reshape(-1, 1),
    )
    if splits is None or found is None:
        return tree
    threshold = tree.threshold.copy()
    for number in np.flatnonzero(~leaf).tolist():
        old = int(tree.feature[number])
        if number in found.keys:
            feature[number] = splits.column(old, found.keys[number])
            threshold[number] = splits.threshold
        else:
            feature[number] = splits.numeric(old)
    return replace(tree, feature=feature, threshold=threshold)
