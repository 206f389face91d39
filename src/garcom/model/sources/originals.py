"""Binds a loaded model to a signature: batches in, exactly what the model's own library answers out."""

from __future__ import annotations

import contextlib
import copy
import warnings
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from garcom.errors import DataError, EngineError, SignatureError
from garcom.model.frames import near, to_batch
from garcom.model.signature import Output, Signature
from garcom.model.sources import boosters, onnx
from garcom.model.sources.answers import ClassIndex, as_matrix
from garcom.model.sources.base import Loaded
from garcom.model.sources.columns import read_columns
from garcom.model.sources.rows import Feed, feed_for
from garcom.records import Batch, IntArray, Outputs

Answer = Callable[[Any], Outputs]


def bind(loaded: Loaded, signature: Signature) -> BoundOriginal:
    """The model as an engine over the signature's batches.

    ``run`` raises :class:`~garcom.errors.EngineError` when the model's own code fails or answers in another form
    than the signature's output says. Raises :class:`~garcom.errors.SignatureError` when the signature's fields
    are not the model's.
    """
    _require_same_fields(loaded, signature)
    if loaded.framework == "onnx":
        return BoundOriginal(loaded, signature, *onnx.runner(loaded.model, signature))
    # Only a table is made by the columns; reading them imports scikit-learn, which the model may not be of.
    walks = loaded.input_kind == "frame" and not boosters.is_booster(loaded.model)
    columns = read_columns(loaded.model, len(signature.fields)) if walks else {}
    answer = answer_of(loaded, signature.output)
    bound = BoundOriginal(loaded, signature, feed_for(loaded.input_kind, signature, columns), answer)
    if loaded.input_kind != "frame" or loaded.fields is not None:
        return bound
    # The model does not say whether it was trained on a table or on a matrix: the example row tells.
    matrix = replace(loaded, input_kind="array")
    other = BoundOriginal(matrix, signature, feed_for("array", signature, columns), answer)
    return other if not _answers(bound) and _answers(other) else bound


class BoundOriginal:
    """A model, how to feed it and how to read its answer."""

    def __init__(self, loaded: Loaded, signature: Signature, feed: Feed, answer: Answer) -> None:
        self.loaded = loaded
        self.signature = signature
        self._feed = feed
        self._answer = answer

    def answer(self, batch: Batch) -> Outputs:
        """What the model answers, whether or not it has the shape that the signature's output says."""
        with foreign_code(type(self.loaded.model).__name__):
            return self._answer(self._feed(batch))

    def run(self, batch: Batch) -> Outputs:
        """Answer every row as the original library does; its warnings are not shown."""
        outputs = self.answer(batch)
        _require_shape(outputs, batch.n_rows, self.signature.output)
        return outputs


class ModelFailed(EngineError):
    """The model's own code raised something; its text may quote the row."""


@contextlib.contextmanager
def foreign_code(name: str) -> Iterator[None]:
    """Run a model's own code: silence its warnings, and turn whatever it raises into ModelFailed."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            yield
        except EngineError:
            raise
        # A model may hold anyone's code, so this is where foreign exceptions end.
        except Exception as error:
            reason = (str(error).strip() or "no message").splitlines()[0]
            raise ModelFailed(f"The model ({name}) failed: {type(error).__name__}: {reason}") from error


def answer_of(loaded: Loaded, output: Output) -> Answer:
    """The function from fed rows to :class:`~garcom.records.Outputs` for this model's task."""
    model = loaded.model
    if boosters.is_booster(model):
        return _booster_answer(loaded, output)
    if output.task == "regression":
        return lambda X: Outputs(None, None, as_matrix(model.predict(X)))
    index = ClassIndex(output.classes)
    if output.task == "outlier":
        return lambda X: Outputs(index(model.predict(X)), None, as_matrix(model.decision_function(X)))
    if output.task == "clustering" or not output.probabilities:
        return lambda X: Outputs(index(model.predict(X)), None, None)

    def answer(X: Any) -> Outputs:
        predicted, probabilities = _predict_with_probabilities(model, X)
        return Outputs(index(predicted), as_matrix(probabilities), None)

    return answer


def _predict_with_probabilities(model: Any, X: Any) -> tuple[Any, Any]:
    """What ``predict`` and ``predict_proba`` answer, computed once where the one calls the other.

    A forest's ``predict`` picks the largest of its own probabilities, which is nearly all of its work. It runs on a
    shallow copy here, whose ``predict_proba`` asks the model and keeps what comes.
    """
    if not type(model).__module__.startswith("sklearn."):
        return model.predict(X), model.predict_proba(X)
    kept: list[Any] = []

    def predict_proba(given: Any, *arguments: Any, **options: Any) -> Any:
        answer = model.predict_proba(given, *arguments, **options)
        if given is X and not arguments and not options:
            kept.append(answer)
        return answer

    twin = copy.copy(model)
    twin.predict_proba = predict_proba
    predicted = twin.predict(X)
    return predicted, kept[0] if kept else model.predict_proba(X)


def _booster_answer(loaded: Loaded, output: Output) -> Answer:
    predict = _booster_predict(loaded)
    if output.task == "regression":
        return lambda X: Outputs(None, None, as_matrix(predict(X)))
    if not output.probabilities:
        return lambda X: Outputs(_hard_labels(predict(X), loaded.model), None, None)

    def answer(X: Any) -> Outputs:
        probabilities = as_matrix(predict(X))
        if probabilities.shape[1] == 1:
            probabilities = np.column_stack((1 - probabilities[:, 0], probabilities[:, 0]))
            return Outputs((probabilities[:, 1] > 0.5).astype(np.int64), probabilities, None)
        return Outputs(probabilities.argmax(axis=1).astype(np.int64), probabilities, None)

    return answer


def _booster_predict(loaded: Loaded) -> Callable[[Any], Any]:
    model = loaded.model
    if loaded.framework == "lightgbm":
        return lambda X: model.predict(X)
    import xgboost

    return lambda X: model.predict(xgboost.DMatrix(X, enable_categorical=True))


def _hard_labels(answers: Any, model: Any) -> IntArray:
    """``multi:softmax`` and ``binary:hinge`` answer the class, ``binary:logitraw`` a margin around 0."""
    flat = np.asarray(answers).ravel()
    margin = boosters.xgboost_objective(model) == "binary:logitraw"
    return (flat > 0).astype(np.int64) if margin else flat.astype(np.int64)


def _require_shape(outputs: Outputs, n_rows: int, output: Output) -> None:
    expected = {
        "labels": (n_rows,),
        "probabilities": (n_rows, len(output.classes)),
        "values": (n_rows, len(output.names) or 1),
    }
    for name, shape in expected.items():
        array = getattr(outputs, name)
        if array is not None and array.shape != shape:
            raise EngineError(
                f"Expected {name} of shape {shape} from the model, got {array.shape}. "
                "The signature's output does not describe this model."
            )


def _require_same_fields(loaded: Loaded, signature: Signature) -> None:
    names = signature.names
    if loaded.n_fields is not None and loaded.n_fields != len(names):
        raise SignatureError(
            f"The model takes {loaded.n_fields} fields, and the signature has {len(names)}: {list(names)}."
        )
    known = [field.name for field in loaded.fields or ()]
    for name in known:
        if name not in names and boosters.data_name(name, names) is None:
            raise SignatureError(
                f"The model has a field {name!r}, and the signature has none of that name.{near(name, names)}"
            )


def _answers(original: BoundOriginal) -> bool:
    """Whether the model answers the signature's own example."""
    import pandas as pd

    try:
        original.run(to_batch(pd.DataFrame([original.signature.example]), original.signature))
    except (EngineError, DataError):
        return False
    return True
