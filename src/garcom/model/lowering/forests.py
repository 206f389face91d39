"""Scikit-learn's trees and what is made of them by adding: forests, AdaBoost, isolation forests."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from garcom.model.lowering.answers import binary_labels, classes_of, from_decision, from_probabilities
from garcom.model.lowering.builder import Builder, NotLowerable, Prediction, Table
from garcom.model.lowering.ensembles import (
    Tree,
    emit_leaves,
    emit_sums,
    emit_total,
    emit_votes,
    threshold_through_float32,
)
from garcom.model.lowering.registry import class_name, estimator
from garcom.records import FloatArray

TREE_CLASSIFIERS = ("sklearn.DecisionTreeClassifier", "sklearn.ExtraTreeClassifier")
TREE_REGRESSORS = ("sklearn.DecisionTreeRegressor", "sklearn.ExtraTreeRegressor")


def sklearn_tree(model: Any) -> Tree:
    """The tree of a fitted DecisionTree or ExtraTree; values are ``[n_nodes, n_outputs]``, or one per class."""
    tree = model.tree_
    if tree.value.shape[1] > 1 and tree.value.shape[2] > 1:
        raise NotLowerable(f"{type(model).__name__} classifies several targets at once.")
    nodes = tree.__getstate__()["nodes"]
    leaf = nodes["left_child"] < 0
    return Tree(
        feature=np.where(leaf, -1, nodes["feature"]),
        threshold=threshold_through_float32(nodes["threshold"]),
        left=nodes["left_child"],
        right=nodes["right_child"],
        missing_left=nodes["missing_go_to_left"].astype(bool),
        values=tree.value.reshape(len(nodes), -1).astype(np.float64),
    )


def tree_inputs(b: Builder, tree: Any, table: Table) -> int:
    """The matrix a scikit-learn tree reads: with missing values where its criterion and splitter take them."""
    if tree._support_missing_values(np.zeros((1, 1))):
        return b.matrix(table)
    return b.numbers(table, tree)


@estimator(*TREE_CLASSIFIERS)
def tree_classifier(b: Builder, model: Any, table: Table) -> Prediction:
    """The class shares of the leaf."""
    return _shares(b, classes_of(model), tree_inputs(b, model, table), [sklearn_tree(model)])


@estimator(*TREE_REGRESSORS)
def tree_regressor(b: Builder, model: Any, table: Table) -> Prediction:
    """The leaf's value."""
    total = emit_total(b, tree_inputs(b, model, table), [sklearn_tree(model)])
    return Prediction(values=total, n_targets=model.n_outputs_)


@estimator("sklearn.RandomForestClassifier", "sklearn.ExtraTreesClassifier")
def forest_classifier(b: Builder, model: Any, table: Table) -> Prediction:
    """The mean of the trees' class shares."""
    classes = classes_of(model)
    trees = [sklearn_tree(tree) for tree in model.estimators_]
    return _shares(b, classes, tree_inputs(b, model.estimators_[0], table), trees)


@estimator("sklearn.RandomForestRegressor", "sklearn.ExtraTreesRegressor")
def forest_regressor(b: Builder, model: Any, table: Table) -> Prediction:
    """The mean of the trees' values."""
    trees = [sklearn_tree(tree) for tree in model.estimators_]
    total = emit_total(b, tree_inputs(b, model.estimators_[0], table), trees)
    return Prediction(values=b.emit("divide", total, constant=float(len(trees))), n_targets=model.n_outputs_)


def _shares(b: Builder, classes: tuple[Any, ...], x: int, trees: Sequence[Tree]) -> Prediction:
    """The mean over the trees of the class shares in their leaves, rounded as adding tree after tree rounds."""
    leaves = np.concatenate([tree.values[tree.leaves] for tree in trees])
    whole = bool((leaves.max(axis=1) == 1.0).all() and ((leaves == 0) | (leaves == 1)).all())
    if whole and len(classes) == 2:
        # Sums of whole votes are exact, so the votes for class 0 are the rest: one column is enough.
        votes = emit_sums(b, x, [replace(tree, values=tree.values[:, 1:]) for tree in trees])
        ones = np.arange(len(trees) + 1.0)
        shares = np.stack([len(trees) - ones, ones], axis=1) / len(trees)
        labels = b.emit("by_votes", votes, table=shares.argmax(axis=1))
        return Prediction(classes, labels, b.emit("by_votes", votes, table=shares))
    if whole:
        probabilities = b.emit("divide", emit_votes(b, x, trees, len(classes)), constant=float(len(trees)))
    else:
        probabilities = b.emit("divide", emit_total(b, x, trees), constant=float(len(trees)))
    return from_probabilities(b, classes, probabilities)


def bagged_trees(models: Sequence[Any], features: Sequence[Any]) -> list[Tree] | None:
    """The trees of a bag, each reading its own features; ``None`` where the bag holds anything else."""
    names = {class_name(model) for model in models}
    if not names <= {*TREE_CLASSIFIERS, *TREE_REGRESSORS}:
        return None
    return [sklearn_tree(model).on_features(chosen) for model, chosen in zip(models, features, strict=True)]


@estimator("sklearn.AdaBoostClassifier")
def adaboost_classifier(b: Builder, model: Any, table: Table) -> Prediction:
    """Each tree gives its weight to its class, and a share of it against the others."""
    classes = classes_of(model)
    if not {class_name(tree) for tree in model.estimators_} <= {*TREE_CLASSIFIERS}:
        raise NotLowerable("AdaBoost of models that are not trees cannot be carried as arrays.")
    if getattr(model, "algorithm", "SAMME") == "SAMME.R":
        raise NotLowerable("AdaBoost with algorithm='SAMME.R' cannot be carried as arrays.")
    k, weights = len(classes), model.estimator_weights_
    trees = [
        replace(tree, values=_adaboost_votes(tree.values, k, weight))
        for tree, weight in zip((sklearn_tree(tree) for tree in model.estimators_), weights, strict=False)
    ]
    x = tree_inputs(b, model.estimators_[0], table)
    total = b.emit("divide", emit_total(b, x, trees), constant=float(weights.sum()))
    if k == 2:
        signed = b.emit("multiply", total, constant=np.array([-1.0, 1.0]))
        decision = b.emit("row_sum", signed)
        half = b.emit("divide", b.emit("opposites", decision), constant=2.0)
        return from_decision(b, classes, decision, b.emit("softmax", half))
    probabilities = b.emit("softmax", b.emit("divide", total, constant=float(k - 1)))
    return from_decision(b, classes, total, probabilities)


def _adaboost_votes(shares: FloatArray, k: int, weight: float) -> FloatArray:
    chosen = shares.argmax(axis=1)[:, np.newaxis] == np.arange(k)
    return np.where(chosen, weight, -1 / (k - 1) * weight)


@estimator("sklearn.AdaBoostRegressor")
def adaboost_regressor(b: Builder, model: Any, table: Table) -> Prediction:
    """The weighted median of the trees' values."""
    if not {class_name(tree) for tree in model.estimators_} <= {*TREE_REGRESSORS}:
        raise NotLowerable("AdaBoost of models that are not trees cannot be carried as arrays.")
    trees = [sklearn_tree(tree) for tree in model.estimators_]
    leaves, table_ = emit_leaves(b, tree_inputs(b, model.estimators_[0], table), trees)
    predictions = b.emit("leaf_values", leaves, table=table_[:, 0])
    weights = model.estimator_weights_[: len(trees)]
    return Prediction(values=b.emit("weighted_median", predictions, weights=weights))


@estimator("sklearn.IsolationForest")
def isolation_forest(b: Builder, model: Any, table: Table) -> Prediction:
    """The score is ``decision_function``: negative for outliers."""
    trees = []
    lengths = zip(
        model.estimators_,
        model.estimators_features_,
        model._decision_path_lengths,
        model._average_path_length_per_tree,
        strict=True,
    )
    for tree, features, path, average in lengths:
        depth = path + average - 1.0
        trees.append(replace(sklearn_tree(tree).on_features(features), values=np.asarray(depth).reshape(-1, 1)))
    depths = emit_sums(b, b.matrix(table), trees)
    denominator = len(trees) * _average_path_length(int(model._max_samples))
    score = b.emit("isolation_score", depths, denominator=denominator)
    decision = b.emit("subtract", score, constant=float(model.offset_))
    labels = binary_labels(b, decision, equal=True)
    return Prediction(classes=(-1, 1), labels=labels, decision=decision, values=decision)


def _average_path_length(n: int) -> float:
    """Mean depth of an unsuccessful search in a tree of ``n`` rows (Liu, Ting and Zhou 2008, equation 1)."""
    if n <= 2:
        return float(n == 2)
    return float(2.0 * (np.log(n - 1.0) + np.euler_gamma) - 2.0 * (n - 1.0) / n)
