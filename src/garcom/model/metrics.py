"""How well the model predicts the target of the data given to ``pack``."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
import numpy.typing as npt

from garcom.errors import DataError
from garcom.model.signature import Class, Output
from garcom.records import FloatArray, IntArray, Outputs

if TYPE_CHECKING:
    import pandas as pd


def measure(target: pd.DataFrame, outputs: Outputs, output: Output) -> dict[str, Any]:
    """The metrics of a task, by scikit-learn's names and definitions; empty for clusters and outliers.

    Rows without a target are left out. Of several targets there are the metrics of each too, such as ``mae[price]``,
    beside those over all. ``f1``, ``precision`` and ``recall`` are averaged over the classes with
    equal weight. A metric that these rows do not define (a ROC curve with one class) is left out.

    Raises :class:`DataError` for a target that the model cannot predict.
    """
    if output.task == "classification" and outputs.labels is not None:
        y_true, labelled = class_indices(target.iloc[:, 0], output)
        return _classification(y_true, outputs.rows(labelled), output)
    if output.task == "regression" and outputs.values is not None:
        y = _numbers(target)
        kept = np.flatnonzero(np.isfinite(y).all(axis=1))
        return _regression(y[kept], outputs.values[kept], output)
    return {}


def class_indices(column: pd.Series[Any], output: Output) -> tuple[IntArray, npt.NDArray[np.bool_]]:
    """The target as positions among the classes, and which rows have one.

    A target may be written as the classes or as their labels.
    """
    kept = column.notna().to_numpy(dtype=bool)
    values = column[kept].tolist()
    for names in (output.classes, output.labels):
        known = {_key(name): at for at, name in enumerate(names)}
        if known and all(_key(value) in known for value in values):
            return np.array([known[_key(value)] for value in values], np.int64), kept
    known = {_key(name): at for at, name in enumerate(output.classes)}
    strangers = sorted({str(value) for value in values if _key(value) not in known})
    more = f" and {len(strangers) - 10} more" if len(strangers) > 10 else ""
    raise DataError(
        f"Expected a target {column.name!r} with the classes that the model predicts ({_listed(output.classes)}), got "
        f"{', '.join(strangers[:10])}{more}. Give the target as the model learned it (for example quality < 7 as 0 and "
        "1), or pack without --target: other columns are left out by themselves."
    )


def _key(value: object) -> str:
    """1, 1.0, True and '1' are the same class to a table read from a file."""
    if isinstance(value, bool | np.bool_):
        return str(int(value))
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    text = str(value)
    return {"true": "1", "false": "0"}.get(text.lower(), text)


def _listed(classes: tuple[Class, ...]) -> str:
    return ", ".join(map(str, classes[:20])) + (" …" if len(classes) > 20 else "")


def _numbers(target: pd.DataFrame) -> FloatArray:
    import pandas as pd

    columns = []
    for name in target.columns:
        numbers = pd.to_numeric(target[name], errors="coerce")
        strange = target[name][numbers.isna() & target[name].notna()]
        if len(strange):
            raise DataError(f"Expected numbers in the target {name!r}, got {strange.iloc[0]!r}. Name another --target.")
        columns.append(numbers.to_numpy(dtype=np.float64, na_value=np.nan))
    return np.column_stack(columns)


def _classification(y_true: IntArray, outputs: Outputs, output: Output) -> dict[str, Any]:
    from sklearn import metrics

    y_pred, classes = outputs.labels, np.arange(len(output.classes))
    if not len(y_true):
        return {}
    with warnings.catch_warnings():
        # A class that is never predicted counts as 0, which is what the numbers then say.
        warnings.simplefilter("ignore")
        found: dict[str, Any] = {
            "rows": len(y_true),
            "accuracy": metrics.accuracy_score(y_true, y_pred),
            "balanced_accuracy": metrics.balanced_accuracy_score(y_true, y_pred),
            "precision": metrics.precision_score(y_true, y_pred, average="macro", zero_division=0.0),
            "recall": metrics.recall_score(y_true, y_pred, average="macro", zero_division=0.0),
            "f1": metrics.f1_score(y_true, y_pred, average="macro", zero_division=0.0),
        }
        found |= _of_probabilities(y_true, outputs.probabilities, classes)
        by_class = metrics.f1_score(y_true, y_pred, average=None, labels=classes, zero_division=0.0)
        matrix = metrics.confusion_matrix(y_true, y_pred, labels=classes)
    found = {name: value if isinstance(value, int) else float(value) for name, value in found.items()}
    if len(classes) <= 50:
        found["f1_by_class"] = dict(zip(output.probability_names, map(float, by_class), strict=True))
        found["confusion"] = {"labels": list(output.probability_names), "matrix": matrix.tolist()}
    return found


def _of_probabilities(
    y_true: IntArray, probabilities: FloatArray | None, classes: npt.NDArray[np.int64]
) -> dict[str, float]:
    from sklearn import metrics

    if probabilities is None or not np.isfinite(probabilities).all():
        return {}
    found = {"log_loss": metrics.log_loss(y_true, probabilities, labels=classes)}
    if len(np.unique(y_true)) == len(classes):
        scores = probabilities[:, 1] if len(classes) == 2 else probabilities
        found["roc_auc"] = metrics.roc_auc_score(y_true, scores, multi_class="ovr", labels=classes)
    return found


def _regression(y_true: FloatArray, y_pred: FloatArray, output: Output) -> dict[str, Any]:
    from sklearn import metrics

    if not len(y_true):
        return {}
    if y_true.shape != y_pred.shape:
        raise DataError(
            f"Expected a target with {y_pred.shape[1]} columns ({', '.join(output.names)}), got {y_true.shape[1]}."
        )
    found: dict[str, Any] = {
        "rows": len(y_true),
        "mae": float(metrics.mean_absolute_error(y_true, y_pred)),
        "rmse": float(metrics.root_mean_squared_error(y_true, y_pred)),
    }
    if len(y_true) > 1:
        found["r2"] = float(metrics.r2_score(y_true, y_pred))
    if len(output.names) > 1:
        for at, name in enumerate(output.names):
            of_one = _regression(y_true[:, [at]], y_pred[:, [at]], msgspec.structs.replace(output, names=(name,)))
            found |= {f"{metric}[{name}]": value for metric, value in of_one.items() if metric != "rows"}
    return found
