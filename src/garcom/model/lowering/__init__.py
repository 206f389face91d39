"""Lowering: a trained model becomes a program of array operations that gives the same numbers.

    program = lower(model, signature)
    program.save(folder)

One module per family of models; each registers its classes in :mod:`garcom.model.lowering.registry`.
"""

from __future__ import annotations

from garcom.model.engines.arrays.program import Program
from garcom.model.lowering import (
    bayes,
    boosting,
    composition,
    encoding,
    ensembles_of_models,
    features,
    forests,
    imputation,
    lightgbm_trees,
    linear,
    neighbors,
    neural,
    scaling,
    simple,
    texts,
    vectors,
    xgboost_trees,
)
from garcom.model.lowering.answers import results
from garcom.model.lowering.builder import Builder, NotLowerable, Table
from garcom.model.lowering.registry import lower_estimator, supported
from garcom.model.signature import Signature

__all__ = [
    "NotLowerable",
    "bayes",
    "boosting",
    "composition",
    "encoding",
    "ensembles_of_models",
    "features",
    "forests",
    "imputation",
    "lightgbm_trees",
    "linear",
    "lower",
    "neighbors",
    "neural",
    "scaling",
    "simple",
    "supported",
    "texts",
    "vectors",
    "xgboost_trees",
]


def lower(model: object, signature: Signature) -> Program:
    """The program that answers as ``model`` does on rows of ``signature``.

    The model's features are found among the fields by name where it knows names that are all there, else by
    position. Raises :class:`NotLowerable` where any part of the model cannot be carried exactly.
    """
    b = Builder(signature)
    prediction = lower_estimator(b, model, _inputs(b, model))
    return b.finish(results(b, prediction, model))


def _inputs(b: Builder, model: object) -> Table:
    fields = b.fields()
    names = [str(name) for name in getattr(model, "feature_names_in_", ())]
    by_name = {column.name: column for column in fields}
    if names and all(name in by_name for name in names):
        return tuple(by_name[name] for name in names)
    expected = getattr(model, "n_features_in_", None)
    if expected is not None and expected != len(fields):
        raise NotLowerable(f"The model takes {expected} features, and the signature has {len(fields)} fields.")
    return fields
