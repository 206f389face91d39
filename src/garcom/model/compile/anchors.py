"""Values worth trying, found in the fitted model itself: what rows are made of where there are no real ones.

Scalers remember means and extremes, trees their thresholds, neighbours and kernels the training rows, vectorisers
their words. What lies behind invertible scalers is mapped back to the field's own unit.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from garcom.records import FloatArray

Undo = Callable[[FloatArray], FloatArray]

#: Transformers that work column by column and can be undone.
_INVERTIBLE = (
    "StandardScaler",
    "MinMaxScaler",
    "MaxAbsScaler",
    "RobustScaler",
    "PowerTransformer",
    "QuantileTransformer",
)
#: Transformers that leave the columns as they are but for missing values.
_SHAPE_KEEPING = ("SimpleImputer", "KNNImputer", "IterativeImputer")
#: Attributes that hold, per column, values of the training data: ``[k]`` or ``[n, k]``.
_ROWS = (
    "mean_", "data_min_", "data_max_", "center_", "statistics_", "quantiles_", "_fit_X", "support_vectors_",
    "cluster_centers_", "theta_", "means_",
)  # fmt: skip
_INNER = ("best_estimator_", "estimator_", "estimator", "regressor_", "final_estimator_")
_VALUES_LIMIT = 400


@dataclass
class Anchors:
    """``numbers`` maps a field's position to values of it; ``words`` are those that texts are made of."""

    numbers: dict[int, list[float]] = field(default_factory=dict)
    words: list[str] = field(default_factory=list)

    def add(self, at: int, values: FloatArray) -> None:
        """Keep the finite ones of these values, spread evenly where there are many."""
        values = np.unique(values[np.isfinite(values)])
        if len(values) > _VALUES_LIMIT:
            values = values[np.linspace(0, len(values) - 1, _VALUES_LIMIT).astype(np.intp)]
        self.numbers.setdefault(at, []).extend(values.tolist())


def find_anchors(model: Any, n_fields: int) -> Anchors:
    """Walk a fitted model. What it is made of is looked at by shape and name, so an unknown part is passed over."""
    found = Anchors()
    with warnings.catch_warnings():
        # Mapping back far thresholds may overflow; what is not finite is left out.
        warnings.simplefilter("ignore")
        _walk(model, range(n_fields), lambda table: table, found)
    return found


def _walk(model: Any, at: Sequence[int], undo: Undo, found: Anchors) -> None:
    kind = type(model).__name__
    if kind == "Pipeline":
        _walk_steps([step for _, step in model.steps], at, undo, found)
    elif kind == "ColumnTransformer":
        for name, part, _ in model.transformers_:
            inner = [at[index] for index in model._transformer_to_input_indices[name]]
            _walk(part, inner, lambda table: table, found)
    elif kind == "FeatureUnion":
        for _, part in model.transformer_list:
            _walk(part, at, undo, found)
    else:
        _look(model, at, undo, found)
        for part in _parts(model):
            _walk(part, at, undo, found)


def _walk_steps(steps: list[Any], at: Sequence[int], undo: Undo, found: Anchors) -> None:
    for step in steps:
        _walk(step, at, undo, found)
        kind = type(step).__name__
        if kind in _INVERTIBLE:
            undo = _after(undo, step)
        elif kind not in _SHAPE_KEEPING and step != "passthrough":
            # Behind any other transformer, columns are no longer the fields.
            return


def _after(undo: Undo, step: Any) -> Undo:
    return lambda table: undo(np.asarray(step.inverse_transform(table), np.float64))


def _parts(model: Any) -> Iterator[Any]:
    """The fitted models inside a model."""
    for name in _INNER:
        part = getattr(model, name, None)
        if hasattr(part, "fit") and (name.endswith("_") or not hasattr(model, "estimator_")):
            yield part
    for name in ("estimators_", "calibrated_classifiers_"):
        parts = getattr(model, name, None)
        if isinstance(parts, list | np.ndarray):
            yield from np.asarray(parts, object).ravel()[:200]


def _look(model: Any, at: Sequence[int], undo: Undo, found: Anchors) -> None:
    """The anchors that one model keeps itself."""
    width = len(at)
    rows = [np.zeros((0, width))]
    for name in _ROWS:
        values = getattr(model, name, None)
        if isinstance(values, np.ndarray) and values.dtype.kind in "fiu" and values.shape[-1:] == (width,):
            rows.append(values.reshape(-1, width)[:1000].astype(np.float64))
    mean, scale = getattr(model, "mean_", None), getattr(model, "scale_", None)
    if isinstance(mean, np.ndarray) and isinstance(scale, np.ndarray) and mean.shape == scale.shape == (width,):
        rows.append(mean + np.outer([-3, -2, -1, -0.5, 0.5, 1, 2, 3], scale))
    table = np.concatenate(rows)
    table = undo(table) if len(table) else table
    for column, field_at in enumerate(at):
        found.add(field_at, table[:, column])
    for column, thresholds in _thresholds(model, width).items():
        table = np.zeros((len(thresholds), width))
        table[:, column] = thresholds
        found.add(at[column], undo(table)[:, column])
    vocabulary = getattr(model, "vocabulary_", None)
    if isinstance(vocabulary, dict):
        found.words += sorted(vocabulary)


def _thresholds(model: Any, width: int) -> dict[int, FloatArray]:
    """The thresholds of a tree, of histogram gradient boosting or of a booster, by column."""
    columns: list[Any] = []
    values: list[Any] = []
    tree = getattr(model, "tree_", None)
    if tree is not None and hasattr(tree, "threshold"):
        columns.append(tree.feature)
        values.append(tree.threshold)
    for stage in getattr(model, "_predictors", ()):
        for predictor in stage:
            inner = predictor.nodes[~predictor.nodes["is_leaf"].astype(bool)]
            columns.append(inner["feature_idx"])
            values.append(inner["num_threshold"])
    booster = _booster_splits(model)
    if booster is not None:
        columns.append(booster[0])
        values.append(booster[1])
    if not columns:
        return {}
    column, value = np.concatenate(columns), np.concatenate(values).astype(np.float64)
    return {at: value[column == at] for at in range(width) if (column == at).any()}


def _booster_splits(model: Any) -> tuple[Any, Any] | None:
    """Columns and thresholds of an XGBoost or LightGBM model."""
    library = type(model).__module__.partition(".")[0]
    if library == "xgboost":
        booster = model.get_booster() if hasattr(model, "get_booster") else model
        names = {name: at for at, name in enumerate(booster.feature_names or ())}
        table = booster.trees_to_dataframe().dropna(subset=["Split"])
        columns = [names.get(name, int(name[1:]) if name[1:].isdigit() else -1) for name in table["Feature"]]
        return np.array(columns, np.int64), table["Split"].to_numpy()
    if library == "lightgbm":
        booster = getattr(model, "booster_", model)
        names = {name: at for at, name in enumerate(booster.feature_name())}
        table = booster.trees_to_dataframe().dropna(subset=["split_feature"])
        table = table[table["decision_type"] == "<="]
        thresholds = table["threshold"].to_numpy(dtype=np.float64)
        return np.array([names.get(name, -1) for name in table["split_feature"]], np.int64), thresholds
    return None
