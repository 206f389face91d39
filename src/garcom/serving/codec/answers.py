"""Outputs into answers, in the form in which the rows came."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import msgspec
import numpy as np
from msgspec import UNSET, UnsetType

from garcom.model.signature import Class, Output
from garcom.records import Outputs
from garcom.serving.codec.arrow_stream import written
from garcom.serving.codec.forms import Form
from garcom.serving.guards import Warned

JSON = b"application/json"
CSV = b"text/csv; charset=utf-8"
ARROW = b"application/vnd.apache.arrow.stream"

_encode = msgspec.json.Encoder().encode


class Answer(msgspec.Struct, gc=False):
    """One row's answer, as JSON shows it; ``model`` and ``version`` are left out inside an envelope."""

    id: str
    model: str | UnsetType
    version: int | UnsetType
    prediction: Any
    probabilities: Any = UNSET
    score: float | UnsetType = UNSET
    warnings: list[Warned] | UnsetType = UNSET


class Envelope(msgspec.Struct):
    """The answer to ``{"records": […]}``."""

    model: str
    version: int
    predictions: list[Answer]


class Split(msgspec.Struct):
    """The answer to columns and rows."""

    model: str
    version: int
    columns: list[str]
    data: list[list[Any]]
    warnings: list[dict[str, Any]] | UnsetType = UNSET


class Answers(NamedTuple):
    """What one request is answered with."""

    ids: Sequence[str]
    outputs: Outputs
    warnings: Mapping[int, list[Warned]]


class AnswerEncoder:
    """Encodes the answers of one version of a model."""

    def __init__(self, model: str, version: int, output: Output) -> None:
        self._model = model
        self._version = version
        self._shown: tuple[Class, ...] = output.shown
        self._names = output.names
        self._has_score = output.task == "outlier"
        self._probability_names = output.probability_names if output.probabilities else ()
        # A struct type of the model's own labels encodes faster than a dict, and in their order.
        self._probabilities = _struct_of("Probabilities", self._probability_names)
        self._targets = _struct_of("Targets", self._names) if len(self._names) > 1 else None

    def answers(self, outputs: Outputs, ids: Sequence[str], warnings: Mapping[int, list[Warned]]) -> list[Answer]:
        """One answer per row, with model and version."""
        model, version = self._model, self._version
        predictions = self.predictions(outputs)
        if outputs.probabilities is None or self._probabilities is None:
            found = [Answer(i, model, version, p) for i, p in zip(ids, predictions, strict=True)]
        else:
            named = self._probabilities
            found = [
                Answer(i, model, version, p, named(*row))
                for i, p, row in zip(ids, predictions, outputs.probabilities.tolist(), strict=True)
            ]
        if self._has_score and outputs.values is not None:
            for answer, score in zip(found, outputs.values[:, 0].tolist(), strict=True):
                answer.score = score
        for row, warned in warnings.items():
            found[row].warnings = warned
        return found

    def predictions(self, outputs: Outputs) -> list[Any]:
        """The prediction of each row as a JSON value: a label, a number, or an object of targets."""
        if outputs.labels is not None:
            return [self._shown[label] for label in outputs.labels.tolist()]
        if outputs.values is None:
            raise TypeError("outputs hold neither labels nor values")
        if self._targets is None:
            return list(outputs.values[:, 0].tolist())
        return [self._targets(*row) for row in outputs.values.tolist()]

    def outputs(
        self,
        predictions: Sequence[Any],
        probabilities: Sequence[Mapping[str, float | None] | None],
        scores: Sequence[float | None],
    ) -> Outputs:
        """Outputs again, of what :meth:`answers` made of them and JSON has kept; null is NaN."""
        n = len(predictions)
        labels = values = None
        if self._shown:
            index = {label: i for i, label in enumerate(self._shown)}
            labels = np.array([index[prediction] for prediction in predictions], np.int64)
            if self._has_score:
                values = np.array(scores, np.float64).reshape(n, 1)
        elif len(self._names) > 1:
            values = np.array([[prediction[name] for name in self._names] for prediction in predictions], np.float64)
        else:
            values = np.array(predictions, np.float64).reshape(n, 1)
        told = [row for row in probabilities if row is not None]
        shares = [[row[name] for name in self._probability_names] for row in told]
        return Outputs(labels, np.array(shares, np.float64) if told else None, values)

    def encode(self, form: Form, answers: Answers) -> tuple[bytes, bytes]:
        """The body and its media type, in the form of the request."""
        match form:
            case Form.RECORD:
                return _encode(self.answers(answers.outputs, answers.ids, answers.warnings)[0]), JSON
            case Form.LIST:
                return _encode(self.answers(answers.outputs, answers.ids, answers.warnings)), JSON
            case Form.RECORDS:
                parts = self.answers(answers.outputs, answers.ids, answers.warnings)
                for part in parts:
                    part.model = part.version = UNSET
                return _encode(Envelope(self._model, self._version, parts)), JSON
            case Form.SPLIT:
                return self._split(answers), JSON
            case Form.CSV:
                return self._csv(answers), CSV
            case Form.ARROW:
                return self._arrow(answers), ARROW

    def _columns(self, answers: Answers) -> dict[str, Any]:
        """The answer as columns: id, prediction (or prediction_<target>), probability_<label>, score."""
        outputs = answers.outputs
        columns: dict[str, Any] = {"id": answers.ids}
        if outputs.values is not None and len(self._names) > 1:
            columns |= {f"prediction_{name}": outputs.values[:, i] for i, name in enumerate(self._names)}
        else:
            columns["prediction"] = self.predictions(outputs)
        if outputs.probabilities is not None:
            for i, name in enumerate(self._probability_names):
                columns[f"probability_{name}"] = outputs.probabilities[:, i]
        if self._has_score and outputs.values is not None:
            columns["score"] = outputs.values[:, 0]
        return columns

    def _texts_of_warnings(self, answers: Answers) -> list[str | None]:
        found: list[str | None] = [None] * len(answers.ids)
        for row, warned in answers.warnings.items():
            found[row] = "; ".join(f"{one.field}: {one.message}" for one in warned)
        return found

    def _split(self, answers: Answers) -> bytes:
        columns = self._columns(answers)
        data = [list(row) for row in zip(*map(_listed, columns.values()), strict=True)]
        warnings: Any = [
            {"row": row} | msgspec.structs.asdict(one) for row, warned in answers.warnings.items() for one in warned
        ]
        return _encode(Split(self._model, self._version, list(columns), data, warnings or UNSET))

    def _csv(self, answers: Answers) -> bytes:
        columns = self._columns(answers)
        if answers.warnings:
            columns["warnings"] = self._texts_of_warnings(answers)
        text = io.StringIO(newline="")
        writer = csv.writer(text)
        writer.writerow(columns)
        for row in zip(*map(_listed, columns.values()), strict=True):
            writer.writerow(["" if cell != cell else cell for cell in row])  # NaN: there is no value
        return text.getvalue().encode()

    def _arrow(self, answers: Answers) -> bytes:
        import pyarrow as pa

        columns = self._columns(answers)
        if answers.warnings:
            columns["warnings"] = self._texts_of_warnings(answers)
        table = pa.table(columns).replace_schema_metadata({"model": self._model, "version": str(self._version)})
        return written(table)


def _listed(column: Any) -> list[Any]:
    return list(column) if isinstance(column, list | tuple) else list(column.tolist())


def _struct_of(name: str, keys: Sequence[str]) -> Any:
    """A function from a row of numbers to something that encodes as an object with these keys."""
    if not keys:
        return None
    if any(character in key for key in keys for character in '"\\') or not all(key.isprintable() for key in keys):
        return lambda *row: dict(zip(keys, row, strict=True))  # msgspec cannot rename a field to these
    fields = [(f"f{i}", float) for i in range(len(keys))]
    return msgspec.defstruct(name, fields, rename={f"f{i}": key for i, key in enumerate(keys)}, gc=False)
