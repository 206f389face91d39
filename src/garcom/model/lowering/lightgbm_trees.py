"""LightGBM, read from its own dump: float64 comparisons and sums, three ways to treat missing values."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from garcom.model.lowering.answers import from_probabilities
from garcom.model.lowering.boosting import boosted_sums
from garcom.model.lowering.builder import Builder, Column, NotLowerable, Prediction, Table, width
from garcom.model.lowering.categorical_splits import CategoricalSplits
from garcom.model.lowering.encoding import slots
from garcom.model.lowering.ensembles import Tree
from garcom.model.lowering.registry import estimator

_IDENTITY = {"regression", "regression_l1", "huber", "fair", "quantile", "mape", "lambdarank", "rank_xendcg", "custom"}
_EXPONENTIAL = {"poisson", "gamma", "tweedie"}
#: LightGBM's kZeroThreshold: numbers this near to zero are zero.
_ZERO = float(np.float32(1e-35))


@estimator("lightgbm.LGBMClassifier")
def lgbm_classifier(b: Builder, model: Any, table: Table) -> Prediction:
    """The most probable class, the first of equals."""
    if callable(model.objective_):
        raise NotLowerable("LGBMClassifier with an objective of the person's own cannot be carried as arrays.")
    return _classified(b, _Rows(model.booster_), table, tuple(np.asarray(model.classes_).tolist()))


@estimator("lightgbm.LGBMRegressor", "lightgbm.LGBMRanker")
def lgbm_regressor(b: Builder, model: Any, table: Table) -> Prediction:
    """The objective's link of the sum."""
    return _valued(b, _Rows(model.booster_), table)


@estimator("lightgbm.Booster")
def lgbm_booster(b: Builder, model: Any, table: Table) -> Prediction:
    """As a classifier where the signature says so and the objective gives probabilities, else as numbers."""
    rows = _Rows(model)
    if b.signature.output.task == "classification" and rows.objective in ("binary", "multiclass", "multiclassova"):
        return _classified(b, rows, table, b.signature.output.classes)
    return _valued(b, rows, table)


def _classified(b: Builder, rows: _Rows, table: Table, classes: tuple[Any, ...]) -> Prediction:
    probabilities = _linked(b, rows, table)
    if rows.objective == "binary":
        return from_probabilities(b, classes, b.emit("pair", probabilities))
    if rows.objective not in ("multiclass", "multiclassova"):
        raise NotLowerable(f"LightGBM with the objective {rows.objective} gives no probabilities.")
    return from_probabilities(b, classes, probabilities)


def _valued(b: Builder, rows: _Rows, table: Table) -> Prediction:
    return Prediction(values=_linked(b, rows, table), n_targets=rows.n_outputs)


def _linked(b: Builder, rows: _Rows, table: Table) -> int:
    raw, objective = rows.raw(b, table), rows.objective
    if objective in _IDENTITY:
        return b.emit("signed_square", raw) if "sqrt" in rows.options else raw
    if objective in _EXPONENTIAL:
        return b.emit("exp", raw)
    if objective == "multiclass":
        return b.emit("softmax", raw)
    if objective in ("binary", "multiclassova", "cross_entropy"):
        slope = float(rows.options.get("sigmoid", "1"))
        return b.emit("expit", raw if slope == 1.0 else b.emit("multiply", raw, constant=slope))
    if objective == "cross_entropy_lambda":
        return b.emit("function", b.emit("exp", raw), options={"name": "log1p"})
    raise NotLowerable(f"LightGBM with the objective {objective} cannot be carried as arrays.")


class _Rows:
    """A booster's dump, taken apart; with the best iteration where training stopped early."""

    def __init__(self, booster: Any) -> None:
        dump = booster.dump_model()
        name, *options = str(dump.get("objective", "custom")).split()
        self.objective = name
        self.options = dict(option.partition(":")[::2] for option in options)
        self.n_outputs = int(dump["num_tree_per_iteration"])
        self._average = bool(dump["average_output"])
        self._n_features = int(dump["max_feature_idx"]) + 1
        self._pandas = dump.get("pandas_categorical") or []
        self._trees = [list(_nodes(tree["tree_structure"])) for tree in dump["tree_info"]]
        if any("leaf_const" in node or "leaf_coeff" in node for tree in self._trees for node in tree):
            raise NotLowerable("LightGBM with linear_tree=True cannot be carried as arrays.")

    def raw(self, b: Builder, table: Table) -> int:
        """The sums ``[n, n_outputs]``; the mean of the rounds for a random forest."""
        if width(table) != self._n_features:
            raise NotLowerable(f"LightGBM reads {self._n_features} features, got {width(table)} columns.")
        categorical = self._categorical(table)
        splits = CategoricalSplits(categorical)
        chosen = tuple(column for column, kind in zip(table, categorical, strict=True) if kind)
        known = self._categories(chosen)
        keys = [self._keys(tree, splits, categorical, known) for tree in self._trees]
        trees = [_tree(tree, splits, keys[number]) for number, tree in enumerate(self._trees)]
        table = self._zeros(b, table, categorical)
        if chosen:
            chosen = self._whole(b, chosen)
            x = splits.emit(b, table, slots(b, chosen, known))
        else:
            x = b.matrix(table)
        targets = [number % self.n_outputs for number in range(len(trees))]
        total = boosted_sums(b, x, [0.0] * self.n_outputs, trees, targets)
        if self._average:
            total = b.emit("divide", total, constant=float(len(trees) // self.n_outputs))
        return total

    def _categorical(self, table: Table) -> list[bool]:
        split_on = {node["split_feature"] for tree in self._trees for node in tree if node.get("decision_type") == "=="}
        return [column.kind == "text" or number in split_on for number, column in enumerate(table)]

    def _categories(self, chosen: Table) -> list[list[Any]]:
        """By code. Categories of pandas are the columns of texts, in order; others are the codes themselves."""
        texts = sum(column.kind == "text" for column in chosen)
        if texts != len(self._pandas):
            raise NotLowerable(f"LightGBM knows {len(self._pandas)} columns of categories, the signature {texts}.")
        left = iter(self._pandas)
        codes = [int(code) for tree in self._trees for node in tree for code in _set(node)]
        numbers = list(range(max(codes, default=-1) + 1))
        return [list(next(left)) if column.kind == "text" else numbers for column in chosen]

    def _whole(self, b: Builder, chosen: Table) -> Table:
        """Categories that are numbers, cut to whole ones as LightGBM does."""
        columns: list[Column] = []
        for column in chosen:
            if column.kind == "number":
                value = b.emit("function", b.matrix((column,)), options={"name": "trunc"})
                columns += b.table(value, 1, missing=column.missing, names=[column.name])
            else:
                columns.append(column)
        return tuple(columns)

    def _keys(
        self, tree: list[Any], splits: CategoricalSplits, categorical: list[bool], known: list[list[Any]]
    ) -> dict[int, int]:
        place = np.cumsum(categorical) - 1
        keys = {}
        for number, node in enumerate(tree):
            if node.get("decision_type") == "==":
                left = _set(node)
                feature = node["split_feature"]
                # Missing and unknown categories go right.
                sides = [code in left for code in range(len(known[place[feature]]))] + [False]
                keys[number] = splits.add(feature, sides)
        return keys

    def _zeros(self, b: Builder, table: Table, categorical: list[bool]) -> Table:
        """Where zero counts as missing, both become NaN."""
        kinds: dict[int, set[str]] = {}
        for tree in self._trees:
            for node in tree:
                if node.get("decision_type") == "<=":
                    kinds.setdefault(node["split_feature"], set()).add(node["missing_type"])
        zero = [feature for feature, found in kinds.items() if "Zero" in found]
        if any(len(kinds[feature]) > 1 for feature in zero):
            raise NotLowerable("LightGBM treats a feature's zeros as missing in some trees and not in others.")
        columns = list(table)
        for feature in zero:
            value = b.emit("zero_is_missing", b.matrix((table[feature],)), options={"threshold": _ZERO})
            columns[feature] = b.table(value, 1, missing=True, names=[table[feature].name])[0]
        return tuple(columns)


def _set(node: Any) -> set[int]:
    return {int(code) for code in str(node["threshold"]).split("||")} if node.get("decision_type") == "==" else set()


def _nodes(node: Any) -> Iterator[Any]:
    """The nodes from the root down, each with the places of its children."""
    queue = [node]
    for current in queue:
        if "split_feature" in current:
            current["left_place"], current["right_place"] = len(queue), len(queue) + 1
            queue += [current["left_child"], current["right_child"]]
    return iter(queue)


def _tree(nodes: list[Any], splits: CategoricalSplits, keys: dict[int, int]) -> Tree:
    n = len(nodes)
    feature, left, right = (np.full(n, -1, dtype=np.int64) for _ in range(3))
    threshold, values, missing_left = np.zeros(n), np.zeros((n, 1)), np.zeros(n, dtype=bool)
    for number, node in enumerate(nodes):
        if "split_feature" not in node:
            values[number] = node["leaf_value"]
            continue
        left[number], right[number] = node["left_place"], node["right_place"]
        if number in keys:
            feature[number] = splits.column(node["split_feature"], keys[number])
            threshold[number] = splits.threshold
            continue
        feature[number], threshold[number] = splits.numeric(node["split_feature"]), node["threshold"]
        # Where a feature had no missing values in training, NaN counts as 0.
        plain = node["missing_type"] == "None"
        missing_left[number] = threshold[number] >= 0 if plain else node["default_left"]
    return Tree(feature, threshold, left, right, missing_left, values)
