"""What a scikit-learn model does with each of its input columns, found by walking its steps."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from garcom.model.sources import boosters
from garcom.model.sources.categories import pandas_values, present

#: ``number``: enters arithmetic. ``category``: looked up among known values. ``text``: any text. ``unused``:
#: dropped before anything reads it. ``opaque``: read by code that only the data can tell more about.
Role = Literal["number", "category", "text", "unused", "opaque"]


@dataclass(frozen=True)
class Column:
    """One input column as the model sees it.

    ``categories`` are the known values, in the model's own order. ``encoded`` says that an encoder looks the
    value up itself; otherwise the model reads pandas' category type. ``missing`` says that the model was fitted
    for missing values in it (an imputer, or a missing value among the categories), and ``none`` that a
    missing text has to be None rather than NaN.
    """

    role: Role
    categories: tuple[str | int, ...] = ()
    encoded: bool = False
    missing: bool = False
    none: bool = False


Columns = dict[int, Column]


def read_columns(model: Any, n_columns: int) -> Columns:
    """The columns of a fitted estimator by position; every position below ``n_columns`` is there."""
    found = _walk(model, tuple(range(n_columns)))
    return {at: found.get(at, Column("unused")) for at in range(n_columns)}


def inner_estimators(model: Any) -> list[Any]:
    """The fitted estimators that get the same columns as ``model`` itself: a search's best, a vote's members."""
    for attribute in ("best_estimator_", "estimator_", "regressor_", "classifier_"):
        inner = getattr(model, attribute, None)
        if inner is not None and hasattr(inner, "predict") and not _is_vector_of_trees(model):
            return [inner]
    calibrated = getattr(model, "calibrated_classifiers_", None)
    if calibrated is not None:
        return [fitted.estimator for fitted in calibrated]
    members = getattr(model, "estimators_", None)
    if isinstance(members, list) and not _is_vector_of_trees(model):
        return [member for member in members if hasattr(member, "predict")]
    return []


def first_step(model: Any) -> Any:
    """The first thing that touches the rows: through pipelines, unions and meta-estimators."""
    from sklearn.pipeline import FeatureUnion, Pipeline

    if isinstance(model, Pipeline):
        return next((first_step(step) for _, step in model.steps if not _passes(step)), model)
    if isinstance(model, FeatureUnion):
        return first_step(model.transformer_list[0][1])
    inner = inner_estimators(model)
    return first_step(inner[0]) if inner else model


def last_step(model: Any) -> Any:
    """The estimator that answers: the end of a pipeline, a search's best."""
    from sklearn.pipeline import Pipeline

    if isinstance(model, Pipeline):
        return last_step(model.steps[-1][1])
    best = getattr(model, "best_estimator_", getattr(model, "regressor_", None))
    return last_step(best) if best is not None else model


def reads_texts(step: Any) -> bool:
    """Whether ``step`` is a vectorizer, which takes one sequence of texts instead of a table."""
    from sklearn.feature_extraction.text import CountVectorizer, HashingVectorizer

    return isinstance(step, CountVectorizer | HashingVectorizer)


def is_known(step: Any) -> bool:
    """Whether the class of ``step`` comes from a library whose estimators take plain numbers."""
    return type(step).__module__.split(".")[0] in ("sklearn", "xgboost", "lightgbm")


def _is_vector_of_trees(model: Any) -> bool:
    """Forests and boosters keep hundreds of trees over the same columns; walking them would tell nothing."""
    module = type(model).__module__
    return module.startswith(("sklearn.ensemble._forest", "sklearn.ensemble._gb", "sklearn.ensemble._iforest"))


def _passes(step: Any) -> bool:
    return step is None or (isinstance(step, str) and step == "passthrough")


def _walk(step: Any, at: Sequence[int]) -> Columns:
    from sklearn.compose import ColumnTransformer
    from sklearn.pipeline import FeatureUnion, Pipeline
    from sklearn.preprocessing import FunctionTransformer

    if isinstance(step, Pipeline):
        return _walk_pipeline([part for _, part in step.steps if not _passes(part)], at)
    if isinstance(step, ColumnTransformer):
        return _walk_column_transformer(step)
    if isinstance(step, FeatureUnion):
        return _merge(_walk(part, at) for _, part in step.transformer_list if not isinstance(part, str))
    inner = inner_estimators(step)
    if inner:
        return _merge(_walk(part, at) for part in inner)
    if reads_texts(step):
        return dict.fromkeys(at, Column("text"))
    if isinstance(step, FunctionTransformer):
        return dict.fromkeys(at, Column("number" if isinstance(step.func, np.ufunc) else "opaque"))
    return _walk_leaf(step, at)


def _walk_pipeline(steps: list[Any], at: Sequence[int]) -> Columns:
    """The first step that tells: imputers and identities hand the columns on as they are."""
    if not steps:
        return dict.fromkeys(at, Column("opaque"))
    if len(steps) > 1 and _keeps_columns(steps[0], len(at)):
        columns = _walk_pipeline(steps[1:], at)
        gaps = _is_imputer(steps[0])
        return {where: replace(column, missing=column.missing or gaps) for where, column in columns.items()}
    return _walk(steps[0], at)


def _is_imputer(step: Any) -> bool:
    return type(step).__module__.startswith("sklearn.impute")


def _keeps_columns(step: Any, n_columns: int) -> bool:
    from sklearn.preprocessing import FunctionTransformer

    if isinstance(step, FunctionTransformer):
        return step.func is None
    if not _is_imputer(step) or getattr(step, "add_indicator", False):
        return False
    statistics = getattr(step, "statistics_", None)
    # A column that was all missing is dropped by SimpleImputer, and the positions after it would shift.
    return statistics is None or (len(statistics) == n_columns and not any(value != value for value in statistics))


def _walk_column_transformer(step: Any) -> Columns:
    found: list[Columns] = []
    for name, transformer, _ in step.transformers_:
        at = [int(where) for where in step._transformer_to_input_indices.get(name, [])]
        if isinstance(transformer, str):
            role: Role = "opaque" if transformer == "passthrough" else "unused"
            found.append(dict.fromkeys(at, Column(role)))
        elif at:
            found.append(_walk(transformer, at))
    return _merge(found)


def _walk_leaf(step: Any, at: Sequence[int]) -> Columns:
    if type(step).__module__.split(".")[0] in ("xgboost", "lightgbm"):
        known = boosters.categories_of(step)
        return {
            where: Column("category", known[number]) if number in known else Column("number")
            for number, where in enumerate(at)
        }
    if not is_known(step):
        return dict.fromkeys(at, Column("opaque"))
    if _is_imputer(step):
        return dict.fromkeys(at, Column(_imputer_role(step), missing=True))
    if isinstance(getattr(step, "categories_", None), list):
        return {where: _encoded(values) for where, values in zip(at, step.categories_, strict=True)}
    if getattr(step, "is_categorical_", None) is not None:
        return _walk_histogram(step, at)
    return dict.fromkeys(at, Column("number"))


def _imputer_role(step: Any) -> Role:
    statistics = getattr(step, "statistics_", None)
    return "opaque" if statistics is not None and np.asarray(statistics).dtype == object else "number"


def _encoded(values: Any) -> Column:
    there, missing, none = present(values)
    if there and all(isinstance(value, str) for value in there):
        return Column("category", tuple(there), encoded=True, missing=missing, none=none)
    return Column("number", missing=missing)


def _walk_histogram(step: Any, at: Sequence[int]) -> Columns:
    """A HistGradientBoosting model with categorical features; those of pandas' category type keep their values."""
    encoders: dict[int, Any] = {}
    preprocessor = getattr(step, "_preprocessor", None)
    if preprocessor is not None:
        encoder = preprocessor.named_transformers_["encoder"]
        encoders = dict(zip(np.flatnonzero(step.is_categorical_), encoder.categories_, strict=True))
    columns: Columns = {}
    for number, where in enumerate(at):
        there, missing, _ = present(encoders.get(number, ()))
        by_type = step.categorical_features is not None and _is_from_dtype(step.categorical_features)
        if number in encoders and (by_type or all(isinstance(value, str) for value in there)):
            columns[where] = Column("category", pandas_values(there), missing=missing, encoded=not by_type)
        else:
            columns[where] = Column("number")
    return columns


def _is_from_dtype(option: Any) -> bool:
    return isinstance(option, str) and option == "from_dtype"


def _merge(found: Iterable[Columns]) -> Columns:
    """Several readers of one column: whichever tells the most about it."""
    order: dict[Role, int] = {"unused": 0, "opaque": 1, "number": 2, "text": 3, "category": 4}
    merged: Columns = {}
    for columns in found:
        for at, column in columns.items():
            seen = merged.get(at)
            if seen is None:
                merged[at] = column
                continue
            best = max(seen, column, key=lambda one: (order[one.role], len(one.categories)))
            merged[at] = replace(best, missing=seen.missing or column.missing, none=seen.none or column.none)
    return merged
