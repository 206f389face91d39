"""Models made of models in a row or side by side: Pipeline, ColumnTransformer, FeatureUnion, searches."""

from __future__ import annotations

from typing import Any

import numpy as np

from garcom.model.lowering.builder import Builder, Column, NotLowerable, Prediction, Table
from garcom.model.lowering.registry import estimator, lower_estimator, lower_transformer, transformer


@estimator("sklearn.Pipeline")
def pipeline(b: Builder, model: Any, table: Table) -> Prediction:
    """All steps but the last transform, the last predicts."""
    for _, step in model.steps[:-1]:
        table = _transformed(b, step, table)
    return lower_estimator(b, model.steps[-1][1], table)


@transformer("sklearn.Pipeline")
def transformer_pipeline(b: Builder, model: Any, table: Table) -> Table:
    """All steps transform."""
    for _, step in model.steps:
        table = _transformed(b, step, table)
    return table


@transformer("sklearn.FeatureUnion")
def feature_union(b: Builder, model: Any, table: Table) -> Table:
    """The outputs of the parts side by side, each multiplied by its weight."""
    weights = model.transformer_weights or {}
    columns: list[Column] = []
    for name, part in model.transformer_list:
        if part == "drop":
            continue
        output = _transformed(b, part, table)
        weight = weights.get(name)
        if weight is not None:
            value = b.emit("multiply", b.matrix(output), constant=float(weight))
            output = b.table(value, sum(column.width for column in output), missing=any(c.missing for c in output))
        columns += output
    return tuple(columns)


@transformer("sklearn.ColumnTransformer")
def column_transformer(b: Builder, model: Any, table: Table) -> Table:
    """Each part sees the columns it was fitted to, by position among the features of the fit."""
    weights = model.transformer_weights or {}
    if weights:
        raise NotLowerable("ColumnTransformer with transformer_weights cannot be carried as arrays.")
    positions = model._transformer_to_input_indices
    columns: list[Column] = []
    for name, part, _ in model.transformers_:
        chosen = positions.get(name, [])
        if (isinstance(part, str) and part == "drop") or len(chosen) == 0:
            continue
        if any(position >= len(table) for position in chosen):
            raise NotLowerable(f"ColumnTransformer reads columns {list(chosen)}, and there are {len(table)}.")
        columns += _transformed(b, part, tuple(table[int(position)] for position in chosen))
    return tuple(columns)


@estimator(
    "sklearn.GridSearchCV", "sklearn.RandomizedSearchCV", "sklearn.HalvingGridSearchCV", "sklearn.HalvingRandomSearchCV"
)
def search(b: Builder, model: Any, table: Table) -> Prediction:
    """The model that the search refitted."""
    if not hasattr(model, "best_estimator_"):
        raise NotLowerable(f"{type(model).__name__} has no best_estimator_: it was made with refit=False.")
    return lower_estimator(b, model.best_estimator_, table)


@transformer("sklearn.VarianceThreshold", "sklearn.SelectKBest", "sklearn.SelectPercentile", "sklearn.SelectFdr")
@transformer("sklearn.SelectFpr", "sklearn.SelectFwe", "sklearn.GenericUnivariateSelect", "sklearn.SelectFromModel")
@transformer("sklearn.RFE", "sklearn.RFECV", "sklearn.SequentialFeatureSelector")
def feature_selection(b: Builder, model: Any, table: Table) -> Table:
    """The chosen features, as they are."""
    chosen = np.flatnonzero(model.get_support())
    if any(column.kind == "sparse" for column in table):
        table = b.table(b.matrix(table), sum(column.width for column in table))
    return tuple(table[position] for position in chosen)


def _transformed(b: Builder, part: Any, table: Table) -> Table:
    if part is None or (isinstance(part, str) and part == "passthrough"):
        return table
    return lower_transformer(b, part, table)
