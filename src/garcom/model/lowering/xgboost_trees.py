"""XGBoost, read from its own JSON: float32 comparisons and float32 sums, in the library's order."""

from __future__ import annotations

import json
import math
from itertools import pairwise
from typing import Any

import numpy as np

from garcom.model.engines.arrays.program import TEXTS
from garcom.model.lowering.answers import from_probabilities
from garcom.model.lowering.boosting import boosted_sums
from garcom.model.lowering.builder import Builder, NotLowerable, Prediction, Table, width
from garcom.model.lowering.categorical_splits import CategoricalSplits
from garcom.model.lowering.encoding import slots
from garcom.model.lowering.ensembles import Tree
from garcom.model.lowering.registry import estimator

_IDENTITY = {
    "reg:squarederror",
    "reg:linear",
    "reg:squaredlogerror",
    "reg:pseudohubererror",
    "reg:absoluteerror",
    "reg:quantileerror",
    "rank:pairwise",
    "rank:ndcg",
    "rank:map",
    "binary:logitraw",
}
_LOGISTIC = {"binary:logistic", "reg:logistic"}
_EXPONENTIAL = {"count:poisson", "reg:gamma", "reg:tweedie"}
_MULTICLASS = {"multi:softprob", "multi:softmax"}


@estimator("xgboost.XGBClassifier", "xgboost.XGBRFClassifier")
def xgb_classifier(b: Builder, model: Any, table: Table) -> Prediction:
    """Class 1 where its probability, in float32, is above a half; for more classes, the most probable."""
    rows = _Rows(model.get_booster(), missing=model.missing, n_rounds=_n_rounds(model))
    if rows.objective not in _LOGISTIC | _MULTICLASS:
        raise NotLowerable(f"{type(model).__name__} with the objective {rows.objective} cannot be carried as arrays.")
    return _classified(b, rows, table, tuple(np.asarray(model.classes_).tolist()))


@estimator("xgboost.XGBRegressor", "xgboost.XGBRFRegressor", "xgboost.XGBRanker")
def xgb_regressor(b: Builder, model: Any, table: Table) -> Prediction:
    """The objective's link of the sum."""
    return _valued(b, _Rows(model.get_booster(), missing=model.missing, n_rounds=_n_rounds(model)), table)


@estimator("xgboost.Booster")
def xgb_booster(b: Builder, model: Any, table: Table) -> Prediction:
    """As a classifier where the signature says so and the objective gives probabilities, else as numbers."""
    rows = _Rows(model, missing=math.nan, n_rounds=None)
    if b.signature.output.task == "classification" and rows.objective in _LOGISTIC | _MULTICLASS:
        return _classified(b, rows, table, b.signature.output.classes)
    return _valued(b, rows, table)


def _n_rounds(model: Any) -> int | None:
    """A scikit-learn wrapper predicts with the best round where training stopped early."""
    best = model.get_booster().attr("best_iteration")
    return None if best is None else int(best) + 1


def _classified(b: Builder, rows: _Rows, table: Table, classes: tuple[Any, ...]) -> Prediction:
    margin = rows.margin(b, table)
    if rows.objective in _LOGISTIC:
        positive = b.emit("expit_single", margin)
        labels = b.emit("above", positive, threshold=0.5, options={"column": 0, "equal": False})
        return Prediction(classes, labels, b.emit("pair_single", positive))
    return from_probabilities(b, classes, b.emit("softmax_single", margin))


def _valued(b: Builder, rows: _Rows, table: Table) -> Prediction:
    margin, objective = rows.margin(b, table), rows.objective
    if objective in _IDENTITY:
        value = b.emit("float64", margin)
    elif objective in _LOGISTIC:
        value = b.emit("float64", b.emit("expit_single", margin))
    elif objective in _EXPONENTIAL:
        value = b.emit("float64", b.emit("exp", margin))
    elif objective == "multi:softprob":
        value = b.emit("softmax_single", margin)
    else:
        raise NotLowerable(f"XGBoost with the objective {objective} cannot be carried as arrays.")
    return Prediction(values=value, n_targets=len(rows.base))


class _Rows:
    """A booster's JSON, taken apart."""

    def __init__(self, booster: Any, *, missing: float | None, n_rounds: int | None) -> None:
        learner = json.loads(bytes(booster.save_raw("json")))["learner"]
        self.objective = str(learner["objective"]["name"])
        self.missing = math.nan if missing is None else float(missing)
        gradient = learner["gradient_booster"]
        if gradient["name"] not in ("gbtree", "dart"):
            raise NotLowerable(f"XGBoost's {gradient['name']} cannot be carried as arrays.")
        self._model = (gradient["gbtree"] if gradient["name"] == "dart" else gradient)["model"]
        self._weights = gradient.get("weight_drop")
        trees = self._model["trees"]
        if any(int(tree["tree_param"]["size_leaf_vector"]) > 1 for tree in trees):
            raise NotLowerable("XGBoost with multi_strategy='multi_output_tree' cannot be carried as arrays.")
        starts = self._model.get("iteration_indptr")
        self._n_trees = len(trees) if n_rounds is None or starts is None else starts[n_rounds]
        self.base = self._base(learner["learner_model_param"])
        types = learner.get("feature_types") or []
        n_features = int(learner["learner_model_param"]["num_feature"])
        self._categorical = [kind == "c" for kind in types] or [False] * n_features

    def margin(self, b: Builder, table: Table) -> int:
        """The sums ``[n, n_outputs]``, in float32."""
        if width(table) != len(self._categorical):
            raise NotLowerable(f"XGBoost reads {len(self._categorical)} features, got {width(table)} columns.")
        splits = CategoricalSplits(self._categorical) if any(self._categorical) else None
        known = self._categories(b, table)
        trees = self._model["trees"][: self._n_trees]
        keys = [self._keys(tree, splits, known) for tree in trees]
        made = [self._tree(number, tree, splits, keys[number]) for number, tree in enumerate(trees)]
        targets = self._model["tree_info"][: self._n_trees]
        x = self._matrix(b, table, splits, known)
        return boosted_sums(b, x, self.base, made, targets, single=True, strict=True)

    def _matrix(self, b: Builder, table: Table, splits: CategoricalSplits | None, known: list[list[Any]]) -> int:
        if splits is None:
            x = b.matrix(table)
        else:
            chosen = tuple(column for column, kind in zip(table, self._categorical, strict=True) if kind)
            x = splits.emit(b, table, slots(b, chosen, known))
        return x if math.isnan(self.missing) else b.emit("replace", x, value=self.missing)

    def _base(self, parameters: Any) -> list[float]:
        written = json.loads(parameters["base_score"])
        base = np.array(written if isinstance(written, list) else [written], dtype=np.float32)
        if self.objective in _LOGISTIC:
            base = -np.log(np.float32(1) / base - np.float32(1))
        elif self.objective in _EXPONENTIAL:
            base = np.log(base)
        n_outputs = max(int(parameters["num_class"]), int(parameters.get("num_target", 1)), 1)
        return [float(value) for value in np.broadcast_to(base.astype(np.float32), (n_outputs,))]

    def _categories(self, b: Builder, table: Table) -> list[list[Any]]:
        """The categories of the categorical features by code, and the missing value as one more."""
        encoded = self._model.get("cats", {}).get("enc", [])
        found = []
        for number, column in enumerate(table):
            if not self._categorical[number]:
                continue
            categories = b.signature.text_fields[column.position].categories if column.value == TEXTS else ()
            written = encoded[number] if number < len(encoded) else {"values": []}
            if categories and (not written["values"] or _written_as(categories, written)):
                known = list(categories)
            else:
                known = _decoded(written, column.name)
            found.append([*known, None])
        return found

    def _keys(self, tree: Any, splits: CategoricalSplits | None, known: list[list[Any]]) -> dict[int, int]:
        keys: dict[int, int] = {}
        if splits is None:
            return keys
        place = np.cumsum(self._categorical) - 1
        segments = zip(tree["categories_nodes"], tree["categories_segments"], tree["categories_sizes"], strict=True)
        for node, start, size in segments:
            feature = tree["split_indices"][node]
            right = set(tree["categories"][start : start + size])
            otherwise = bool(tree["default_left"][node])
            n_known = len(known[place[feature]]) - 1
            sides = [code not in right for code in range(n_known)] + [otherwise, otherwise]
            keys[node] = splits.add(feature, sides)
        return keys

    def _tree(self, number: int, tree: Any, splits: CategoricalSplits | None, keys: dict[int, int]) -> Tree:
        left = np.array(tree["left_children"], dtype=np.int64)
        leaf = left < 0
        conditions = np.array(tree["split_conditions"], dtype=np.float32)
        weight = np.float32(1.0 if self._weights is None else self._weights[number])
        feature = np.where(leaf, -1, np.array(tree["split_indices"], dtype=np.int64))
        threshold = conditions.astype(np.float64)
        if splits is not None:
            for node in np.flatnonzero(~leaf).tolist():
                old = int(feature[node])
                if node in keys:
                    feature[node], threshold[node] = splits.column(old, keys[node]), splits.threshold
                else:
                    feature[node] = splits.numeric(old)
        return Tree(
            feature=feature,
            threshold=threshold,
            left=left,
            right=np.array(tree["right_children"], dtype=np.int64),
            missing_left=np.array(tree["default_left"], dtype=bool),
            values=(conditions * weight).astype(np.float64).reshape(-1, 1),
        )


def _written_as(categories: tuple[Any, ...], written: Any) -> bool:
    """Whether XGBoost writes these categories so.

    It counts the characters of a name where it should count its UTF-8 bytes, so the names of a language with
    accents come out cut and shifted (3.2). The comparison makes the same mistake.
    """
    if "offsets" not in written:
        return list(categories) == list(written["values"])
    if not all(isinstance(value, str) for value in categories):
        return False
    ends = np.cumsum([len(value) for value in categories]).tolist()
    found = "".join(categories).encode()
    raw = np.array(written["values"], dtype=np.int8).tobytes()
    byte_ends = np.cumsum([len(value.encode()) for value in categories]).tolist()
    return (written["offsets"][1:] == ends and raw == found[: ends[-1]]) or (
        written["offsets"][1:] == byte_ends and raw == found
    )


def _decoded(written: Any, name: str) -> list[Any]:
    """The categories of one feature as XGBoost writes them: text with offsets, or numbers."""
    values = written["values"]
    if not values:
        raise NotLowerable(
            f"{name} is a category in XGBoost, and neither it nor the signature has the category's values."
        )
    if "offsets" not in written:
        return list(values)
    if min(values) < 0:
        raise NotLowerable(
            f"{name}: XGBoost wrote categories with accents in a damaged form; name them in the signature."
        )
    raw, offsets = bytes(values), written["offsets"]
    return [raw[start:stop].decode() for start, stop in pairwise(offsets)]
