"""Whole-graph conversion of scikit-learn models by skl2onnx, and how such a graph is wired to a batch."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from garcom.errors import UnsupportedModel
from garcom.model.engines.onnx import MODEL_FILE, DType, Feed, Wiring, open_session
from garcom.model.signature import Field, FieldType, Output, Signature
from garcom.model.sources.base import Loaded

Precision = Literal["float32", "float64"]

_TENSOR_TYPES: dict[str, DType] = {
    "tensor(float16)": "float16",
    "tensor(float)": "float32",
    "tensor(double)": "float64",
    "tensor(int64)": "int64",
    "tensor(int32)": "int32",
    "tensor(bool)": "bool",
    "tensor(string)": "string",
}

_LABEL_TYPES = ("tensor(int64)", "tensor(int32)", "tensor(string)", "tensor(bool)")


def convert(loaded: Loaded, signature: Signature, precision: Precision, folder: Path) -> Wiring:
    """Write the model as ``model.onnx`` into ``folder``, with inputs of the given precision.

    skl2onnx raises whatever it likes for what it cannot convert; the caller runs this in a process of its own.
    """
    if loaded.framework != "scikit-learn":
        raise UnsupportedModel(f"skl2onnx converts scikit-learn models, and this one is from {loaded.framework}")
    graph = None
    if not signature.text_fields:
        graph = _attempt(loaded.model, [("X", _tensor(precision, len(signature.fields)))], signature.output)
    if graph is None or isinstance(graph, Exception):
        # A ColumnTransformer that selects by name needs one named input per column.
        columns = [(field.name, _column(field, precision)) for field in signature.fields]
        by_column = _attempt(loaded.model, columns, signature.output)
        if isinstance(by_column, Exception):
            raise graph if isinstance(graph, Exception) else by_column
        graph = by_column
    folder.mkdir(parents=True, exist_ok=True)
    (folder / MODEL_FILE).write_bytes(graph.SerializeToString())
    return wire(folder / MODEL_FILE, signature)


def _attempt(model: Any, inputs: list[tuple[str, Any]], output: Output) -> Any:
    """The graph, or the exception that its conversion ended in."""
    from skl2onnx import get_latest_tested_opset_version, to_onnx

    options = {id(model): {"zipmap": False}} if output.task == "classification" and output.probabilities else None
    opsets = {"": get_latest_tested_opset_version(), "ai.onnx.ml": 3}
    try:
        return to_onnx(model, initial_types=inputs, options=options, target_opset=opsets)
    except Exception as error:  # noqa: BLE001 — the caller decides between two attempts
        return error


def _tensor(precision: Precision, width: int) -> Any:
    from skl2onnx.common.data_types import DoubleTensorType, FloatTensorType

    return (FloatTensorType if precision == "float32" else DoubleTensorType)([None, width])


def _column(field: Field, precision: Precision) -> Any:
    from skl2onnx.common.data_types import Int64TensorType, StringTensorType

    if not field.type.is_text:
        return _tensor(precision, 1)
    if field.type is FieldType.CATEGORY and all(isinstance(value, int) for value in field.categories):
        return Int64TensorType([None, 1])
    return StringTensorType([None, 1])


def wire(path: Path, signature: Signature) -> Wiring:
    """How the graph at ``path`` is fed and read: one matrix, or one input per field in the signature's order.

    Raises :class:`UnsupportedModel` for a graph whose inputs or outputs do not stand to the signature in
    either way.
    """
    session = open_session(path)
    inputs = [(entry.name, entry.type, len(entry.shape) == 1) for entry in session.get_inputs()]
    unknown = [kind for _, kind, _ in inputs if kind not in _TENSOR_TYPES]
    if unknown:
        raise UnsupportedModel(f"expected graph inputs of {sorted(_TENSOR_TYPES)}, got {unknown[0]}")
    outputs = [(entry.name, entry.type) for entry in session.get_outputs()]
    return _outputs(outputs, _feeds(inputs, signature), signature.output)


def _feeds(inputs: list[tuple[str, str, bool]], signature: Signature) -> tuple[Feed, ...]:
    numbers = {field.name: at for at, field in enumerate(signature.number_fields)}
    texts = {field.name: at for at, field in enumerate(signature.text_fields)}
    if len(inputs) == 1 and not (numbers and texts):
        name, kind, flat = inputs[0]
        width = len(signature.fields)
        source: Literal["numbers", "texts"] = "texts" if texts else "numbers"
        return (Feed(name=name, source=source, columns=tuple(range(width)), dtype=_TENSOR_TYPES[kind], flat=flat),)
    if len(inputs) != len(signature.fields):
        raise UnsupportedModel(
            f"expected a graph with one input, or one per field ({len(signature.fields)}), got {len(inputs)}"
        )
    return tuple(
        Feed(
            name=name,
            source="texts" if field.type.is_text else "numbers",
            columns=(texts[field.name] if field.type.is_text else numbers[field.name],),
            dtype=_TENSOR_TYPES[kind],
            flat=flat,
        )
        for (name, kind, flat), field in zip(inputs, signature.fields, strict=True)
    )


def _outputs(outputs: list[tuple[str, str]], feeds: tuple[Feed, ...], output: Output) -> Wiring:
    """Which output is what: the first of integers, texts or booleans is the label, the first other one the rest."""
    labels = [name for name, kind in outputs if kind in _LABEL_TYPES]
    tables = [name for name, kind in outputs if kind not in _LABEL_TYPES]
    needs_label = output.task != "regression" and not (output.probabilities and not labels)
    needs_table = output.probabilities or output.task in ("regression", "outlier")
    if (needs_label and not labels) or (needs_table and not tables):
        raise UnsupportedModel(f"expected outputs for {output.task}, got {outputs}")
    return Wiring(
        feeds=feeds,
        label=labels[0] if needs_label else None,
        probabilities=tables[0] if output.probabilities else None,
        values=tables[0] if output.task in ("regression", "outlier") else None,
    )
