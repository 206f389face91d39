"""Which class is lowered by which function.

Classes are known by their library and name (``sklearn.LogisticRegression``), so no library has to be
imported, and a class that moved between a library's modules is still found. A subclass is another class:
it may have changed anything.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from garcom.model.lowering.builder import Builder, NotLowerable, Prediction, Table


class EstimatorRule(Protocol):
    """Lowers a fitted model that predicts."""

    def __call__(self, b: Builder, model: Any, table: Table, /) -> Prediction:
        """Emit the model's steps on the table."""


class TransformerRule(Protocol):
    """Lowers a fitted model that makes features."""

    def __call__(self, b: Builder, model: Any, table: Table, /) -> Table:
        """Emit the transformer's steps on the table, and give its output columns."""


_ESTIMATORS: dict[str, EstimatorRule] = {}
_TRANSFORMERS: dict[str, TransformerRule] = {}


def estimator(*names: str) -> Callable[[EstimatorRule], EstimatorRule]:
    """Register the rule for the estimators called ``names``."""

    def register(rule: EstimatorRule) -> EstimatorRule:
        _ESTIMATORS.update(dict.fromkeys(names, rule))
        return rule

    return register


def transformer(*names: str) -> Callable[[TransformerRule], TransformerRule]:
    """Register the rule for the transformers called ``names``."""

    def register(rule: TransformerRule) -> TransformerRule:
        _TRANSFORMERS.update(dict.fromkeys(names, rule))
        return rule

    return register


def class_name(model: object) -> str:
    """The library and class of a model: ``sklearn.PCA``."""
    kind = type(model)
    return f"{kind.__module__.partition('.')[0]}.{kind.__qualname__}"


def lower_estimator(b: Builder, model: object, table: Table) -> Prediction:
    """Lower any known estimator. Raises :class:`NotLowerable` for another."""
    rule = _ESTIMATORS.get(class_name(model))
    if rule is None:
        raise NotLowerable(f"{class_name(model)} is not a model that can be carried as arrays.")
    return rule(b, model, table)


def lower_transformer(b: Builder, model: object, table: Table) -> Table:
    """Lower any known transformer. Raises :class:`NotLowerable` for another."""
    rule = _TRANSFORMERS.get(class_name(model))
    if rule is None:
        raise NotLowerable(f"{class_name(model)} is not a transformer that can be carried as arrays.")
    return rule(b, model, table)


def supported() -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The classes that have a rule: estimators and transformers, sorted."""
    return tuple(sorted(_ESTIMATORS)), tuple(sorted(_TRANSFORMERS))
