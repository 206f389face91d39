"""What a model with scikit-learn's interface says of itself: its task, classes, fields and how it wants its rows."""

from __future__ import annotations

import sys
from importlib import metadata
from typing import Any, Literal

import numpy as np

from garcom.errors import UnreadableModel, UnsupportedModel
from garcom.model.signature import Class, Field, FieldType, Output
from garcom.model.sources import boosters
from garcom.model.sources.base import InputKind, Loaded
from garcom.model.sources.columns import (
    Column,
    first_step,
    inner_estimators,
    is_known,
    last_step,
    read_columns,
    reads_texts,
)
from garcom.model.sources.versions import distributions

Kind = Literal["classifier", "regressor", "clusterer", "outlier"]


def describe(model: Any, files: dict[str, str]) -> Loaded:
    """Read a fitted estimator, Pipeline or meta-estimator.

    Raises :class:`~garcom.errors.UnreadableModel` for an object that is not a model or is not trained, and
    :class:`~garcom.errors.UnsupportedModel` for one that cannot answer new rows or answers in a way that is not
    supported.
    """
    _require_model(model)
    output = _output(model)
    names, n_fields = _names(model), _n_fields(model)
    kind = _input_kind(model, names)
    n_fields = 1 if kind == "text" else n_fields
    columns = read_columns(model, n_fields) if n_fields else {}
    return Loaded(
        model=model,
        framework=_framework(model),
        input_kind=kind,
        output=output,
        fields=tuple(_field(name, columns[at]) for at, name in enumerate(names)) if names else None,
        n_fields=n_fields,
        libraries=_libraries(model),
        files=files,
    )


def _require_model(model: Any) -> None:
    top = type(model).__module__.partition(".")[0]
    if top in ("torch", "keras", "tensorflow", "tf_keras"):
        raise UnsupportedModel(
            f"A {top} model is not read directly. Export it to ONNX (`torch.onnx.export`, `model.export(…, "
            "format='onnx')`) and pack the .onnx file."
        )
    if callable(getattr(model, "predict", None)) and not isinstance(model, type):
        return
    if hasattr(model, "fit_predict"):
        raise UnsupportedModel(
            f"{type(model).__name__} only groups the rows it was fitted on: it has no predict for new rows. Use a "
            "model that has, for example KMeans, or a classifier trained on the groups."
        )
    if hasattr(model, "transform"):
        raise UnsupportedModel(
            f"{type(model).__name__} transforms rows and predicts nothing. Pack the Pipeline that ends in a model."
        )
    inside = f" with the keys {list(model)[:8]}" if isinstance(model, dict) else ""
    raise UnreadableModel(
        f"Expected a trained model, an object with predict, got {type(model).__name__}{inside}. Save the model itself."
    )


def _output(model: Any) -> Output:
    kind = _kind(model)
    if kind == "classifier":
        return _classifier_output(model)
    _require_fitted(model)
    if kind == "clusterer":
        return Output(task="clustering", classes=_clusters(model))
    if kind == "outlier":
        if not hasattr(model, "decision_function"):
            raise UnsupportedModel(
                f"{type(model).__name__} only judges the rows it was fitted on. With LocalOutlierFactor, train with "
                "novelty=True."
            )
        return Output(task="outlier", classes=(-1, 1))
    return boosters.regression(_n_targets(model))


def _kind(model: Any) -> Kind:
    from sklearn.base import is_classifier, is_clusterer, is_outlier_detector, is_regressor
    from sklearn.mixture import BayesianGaussianMixture, GaussianMixture

    last = last_step(model)
    if isinstance(last, GaussianMixture | BayesianGaussianMixture):
        return "clusterer"
    # Classes that keep the interface without scikit-learn's base class carry no tags.
    if hasattr(model, "__sklearn_tags__"):
        if is_classifier(model):
            return "classifier"
        if is_regressor(model):
            return "regressor"
        if is_clusterer(model):
            return "clusterer"
        if is_outlier_detector(model):
            return "outlier"
    return "classifier" if hasattr(model, "classes_") or hasattr(model, "predict_proba") else "regressor"


def _require_fitted(model: Any) -> None:
    from sklearn.exceptions import NotFittedError
    from sklearn.utils.validation import check_is_fitted

    if not is_known(model):
        return
    try:
        check_is_fitted(model)
    except NotFittedError as error:
        raise _not_trained(model) from error


def _not_trained(model: Any) -> UnreadableModel:
    return UnreadableModel(f"This {type(model).__name__} is not trained. Call fit before saving it.")


def _classifier_output(model: Any) -> Output:
    try:
        classes = model.classes_
    except AttributeError as error:
        raise _not_trained(model) from error
    many = isinstance(classes, list) and bool(classes) and isinstance(classes[0], np.ndarray | list)
    if many or getattr(model, "multilabel_", False) or _is_multilabel(model):
        raise UnsupportedModel(
            f"This {type(model).__name__} answers several labels per row (multi-output or multi-label "
            "classification), and one label per row is supported. Train and pack one model per target."
        )
    return Output(task="classification", classes=plain_classes(classes), probabilities=_has_probabilities(model))


def _is_multilabel(model: Any) -> bool:
    binarizer = getattr(last_step(model), "_label_binarizer", None)
    return getattr(binarizer, "y_type_", "").startswith("multilabel")


def _has_probabilities(model: Any) -> bool:
    # Some estimators have the method and refuse only when it is called: XGBoost with a softmax objective gives labels.
    return callable(getattr(model, "predict_proba", None)) and getattr(model, "objective", "") != "binary:hinge"


def plain_classes(classes: Any) -> tuple[Class, ...]:
    """The classes as plain Python values.

    Raises :class:`~garcom.errors.UnsupportedModel` for classes that are not texts, numbers or truth values.
    """
    plain = [value.item() if isinstance(value, np.generic) else value for value in classes]
    odd = [value for value in plain if not isinstance(value, str | int | float | bool)]
    if odd:
        raise UnsupportedModel(
            f"Expected classes that are texts, numbers or truth values, got {odd[0]!r} ({type(odd[0]).__name__})."
        )
    return tuple(plain)


def _clusters(model: Any) -> tuple[Class, ...]:
    last = last_step(model)
    centres = getattr(last, "cluster_centers_", getattr(last, "means_", None))
    if centres is not None:
        return tuple(range(len(centres)))
    labels = getattr(last, "subcluster_labels_", getattr(last, "labels_", None))
    if labels is None:
        raise UnsupportedModel(f"{type(last).__name__} does not say which clusters it has.")
    return plain_classes(np.unique(labels))


def _n_targets(model: Any) -> int:
    """The number of regression targets as far as attributes tell; a trial prediction corrects it later."""
    last = last_step(model)
    if type(last).__name__ in ("MultiOutputRegressor", "RegressorChain"):
        return len(last.estimators_)
    n_outputs = getattr(last, "n_outputs_", None)
    if isinstance(n_outputs, int | np.integer):
        return int(n_outputs)
    coefficients = getattr(last, "coef_", None)
    if isinstance(coefficients, np.ndarray) and coefficients.ndim == 2 and hasattr(last, "intercept_"):
        return len(coefficients)
    return 1


def _names(model: Any) -> list[str] | None:
    """The column names that the model was fitted with, the model's own or those of what first reads the rows."""
    for reader in (model, *inner_estimators(model), first_step(model)):
        names = getattr(reader, "feature_names_in_", None)
        if names is not None:
            return [str(name) for name in names]
    return None


def _n_fields(model: Any) -> int | None:
    for reader in (model, *inner_estimators(model), first_step(model)):
        count = getattr(reader, "n_features_in_", None)
        if count is not None:
            return int(count)
    return None


def _input_kind(model: Any, names: list[str] | None) -> InputKind:
    first = first_step(model)
    if reads_texts(first):
        return "text"
    return "frame" if names or not is_known(first) else "array"


def _field(name: str, column: Column) -> Field:
    if column.role == "unused":
        return Field(
            name=name, type=FieldType.FLOAT, required=False, nullable=True, description="Not used by the model."
        )
    if column.role == "category":
        return Field(name=name, type=FieldType.CATEGORY, nullable=column.missing, categories=column.categories)
    kind = FieldType.STRING if column.role == "text" else FieldType.FLOAT
    return Field(name=name, type=kind, nullable=column.missing)


def _framework(model: Any) -> Literal["scikit-learn", "xgboost", "lightgbm"]:
    top = type(model).__module__.partition(".")[0]
    return "xgboost" if top == "xgboost" else "lightgbm" if top == "lightgbm" else "scikit-learn"


def _libraries(model: Any) -> dict[str, str]:
    """The libraries that the model's parts come from, with numpy and scikit-learn, which run them all."""
    tops = {"numpy", "sklearn", *(type(part).__module__.partition(".")[0] for part in _parts(model))}
    owners = distributions()
    found = {}
    for top in tops & set(sys.modules):
        for distribution in owners.get(top, [])[:1]:
            found["xgboost" if distribution == "xgboost-cpu" else distribution] = metadata.version(distribution)
    return dict(sorted(found.items()))


def _parts(model: Any) -> list[Any]:
    """The model and, through its parameters, every estimator that it was built from."""
    parameters = model.get_params(deep=True) if callable(getattr(model, "get_params", None)) else {}
    return [model, *(value for value in parameters.values() if hasattr(value, "fit"))]
