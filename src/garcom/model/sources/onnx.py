"""ONNX files as originals: what the graph takes and answers, run by ONNX Runtime."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from garcom.errors import BundleError, UnreadableModel, UnsupportedModel
from garcom.model.engines.external_data import refuse_external_data
from garcom.model.signature import Class, Field, FieldType, Output, Signature
from garcom.model.sources.answers import ClassIndex, as_matrix
from garcom.model.sources.base import InputKind, Loaded
from garcom.model.sources.boosters import regression
from garcom.records import Batch, FloatArray, Outputs

_FIELD_TYPES = {
    "tensor(float)": FieldType.FLOAT,
    "tensor(double)": FieldType.FLOAT,
    "tensor(float16)": FieldType.FLOAT,
    "tensor(int64)": FieldType.INTEGER,
    "tensor(int32)": FieldType.INTEGER,
    "tensor(bool)": FieldType.BOOLEAN,
    "tensor(string)": FieldType.STRING,
}
_DTYPES: dict[str, Any] = {
    "tensor(float)": np.float32,
    "tensor(double)": np.float64,
    "tensor(float16)": np.float16,
    "tensor(int64)": np.int64,
    "tensor(int32)": np.int32,
    "tensor(bool)": np.bool_,
    "tensor(string)": object,
}
_LABEL_TYPES = ("tensor(int64)", "tensor(string)", "tensor(int32)", "tensor(bool)")


class OnnxModel:
    """An ONNX graph and its session, opened when first used; it pickles as its bytes."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self._session: Any = None

    @property
    def session(self) -> Any:
        """The ONNX Runtime session, on one thread."""
        if self._session is None:
            import onnxruntime

            options = onnxruntime.SessionOptions()
            options.intra_op_num_threads = options.inter_op_num_threads = 1
            options.log_severity_level = 4
            self._session = onnxruntime.InferenceSession(self.data, options, providers=["CPUExecutionProvider"])
        return self._session

    def __reduce__(self) -> tuple[type[OnnxModel], tuple[bytes]]:
        return OnnxModel, (self.data,)


def read_onnx(path: Path) -> OnnxModel:
    """The graph in an ``.onnx`` file; raises :class:`~garcom.errors.UnreadableModel` if it is none."""
    from onnxruntime.capi.onnxruntime_pybind11_state import (
        Fail,
        InvalidGraph,
        InvalidProtobuf,
        NoSuchFile,
        NotImplemented,
    )

    model = OnnxModel(path.read_bytes())
    try:
        refuse_external_data(model.data, path.name)
        _ = model.session
    except BundleError as error:
        raise UnreadableModel(str(error)) from error
    except (Fail, InvalidGraph, InvalidProtobuf, NotImplemented, NoSuchFile, ValueError, RuntimeError) as error:
        raise UnreadableModel(
            f"Expected an ONNX model, but ONNX Runtime cannot open {path.name!r}: {str(error).splitlines()[0]}. "
            "Export it again; a model with external data has to be saved in one file."
        ) from error
    return model


def describe(model: OnnxModel, files: dict[str, str]) -> Loaded:
    """What the graph says of itself.

    One matrix input is an ``array`` (or ``text``, for one text), and several inputs of one column each are the
    fields of a ``frame``.
    """
    import onnxruntime

    inputs = model.session.get_inputs()
    kind, n_fields, fields = _fields(inputs)
    return Loaded(
        model=model,
        framework="onnx",
        input_kind=kind,
        output=_output(model),
        fields=fields,
        n_fields=n_fields,
        libraries={"onnxruntime": onnxruntime.__version__},
        files=files,
        typed=fields is not None,
    )


def _fields(inputs: list[Any]) -> tuple[InputKind, int | None, tuple[Field, ...] | None]:
    for one in inputs:
        if one.type not in _FIELD_TYPES or len(one.shape) > 2:
            raise UnsupportedModel(
                f"Expected inputs that are tables of numbers or texts, got {one.name!r}: {one.type} of "
                f"shape {one.shape}."
            )
    if len(inputs) == 1:
        only = inputs[0]
        width = only.shape[1] if len(only.shape) == 2 and isinstance(only.shape[1], int) else None
        if only.type == "tensor(string)" and width in (1, None):
            return "text", 1, None
        return "array", width, None
    wide = [one.name for one in inputs if len(one.shape) == 2 and isinstance(one.shape[1], int) and one.shape[1] != 1]
    if wide:
        raise UnsupportedModel(
            f"Expected one matrix, or one input per column, got several inputs of which {wide} have many columns. "
            "Export the model with one input per column."
        )
    return "frame", len(inputs), tuple(Field(name=one.name, type=_FIELD_TYPES[one.type]) for one in inputs)


def _output(model: OnnxModel) -> Output:
    outputs = model.session.get_outputs()
    label = next((one for one in outputs if one.type in _LABEL_TYPES), None)
    scores = next((one for one in outputs if one.type not in _LABEL_TYPES), None)
    graph = _Graph(model.data)
    if label is None:
        assert scores is not None
        return _numeric_output(graph, scores)
    if sum(_width(one) == 1 for one in outputs if one is not label) > 1:
        raise UnsupportedModel(
            "Expected a label and its probabilities in one output, got one output per class. Export the model with the "
            "option zipmap=False."
        )
    width = _width(scores)
    classes = graph.classes()
    if not classes and graph.picks_nearest():
        if width is None:
            raise UnsupportedModel("The ONNX graph does not say how many clusters it has.")
        return Output(task="clustering", classes=tuple(range(width)))
    if not classes and scores is not None and width == 1:
        return Output(task="outlier", classes=(-1, 1))
    if not classes and width and label.type != "tensor(string)":
        classes = tuple(range(width))
    if not classes:
        raise UnsupportedModel(
            "The ONNX graph answers labels but does not name its classes. Export it with its probabilities."
        )
    probabilities = scores is not None and (scores.type.startswith("seq") or width == len(classes))
    return Output(task="classification", classes=classes, probabilities=probabilities)


def _numeric_output(graph: _Graph, scores: Any) -> Output:
    """A graph without a label: a softmax or a sigmoid at its end is a classifier, anything else a regression."""
    width = _width(scores) or 1
    last = graph.last_operator(scores.name)
    if last == "Softmax" and width > 1:
        return Output(task="classification", classes=tuple(range(width)), probabilities=True)
    if last == "Sigmoid" and width == 1:
        return Output(task="classification", classes=(0, 1), probabilities=True)
    return regression(width)


def _width(scores: Any) -> int | None:
    if scores is None or scores.type.startswith("seq"):
        return None
    last = scores.shape[-1] if len(scores.shape) > 1 else 1
    return last if isinstance(last, int) else None


class _Graph:
    """The nodes of a graph, read with the ``onnx`` library."""

    def __init__(self, data: bytes) -> None:
        try:
            import onnx
        except ModuleNotFoundError as error:
            raise UnreadableModel("Reading an ONNX file needs the library 'onnx'. Install 'garcom[pack]'.") from error
        self._graph = onnx.load_model_from_string(data).graph
        self._value = onnx.helper.get_attribute_value
        self._array = onnx.numpy_helper.to_array

    def classes(self) -> tuple[Class, ...]:
        """The class labels, from the last operator that names them, else from the table that labels are taken from."""
        for node in reversed(self._graph.node):
            for attribute in node.attribute:
                if attribute.name.startswith("classlabels_"):
                    values = self._value(attribute)
                    return tuple(value.decode() if isinstance(value, bytes) else int(value) for value in values)
        tables = {tensor.name: tensor for tensor in self._graph.initializer}
        for node in reversed(self._graph.node):
            if node.op_type == "ArrayFeatureExtractor" and node.input[0] in tables:
                found = self._array(tables[node.input[0]]).ravel().tolist()
                return tuple(value.decode() if isinstance(value, bytes) else value for value in found)
        return ()

    def picks_nearest(self) -> bool:
        """Whether the graph ends in the smallest distance, as clusterings do."""
        return any(node.op_type == "ArgMin" for node in self._graph.node)

    def last_operator(self, output: str) -> str:
        """The operator that makes ``output``, behind reshapes and casts."""
        makers = {name: node for node in self._graph.node for name in node.output}
        node = makers.get(output)
        while node is not None and node.op_type in ("Identity", "Cast", "Reshape", "Flatten", "Squeeze"):
            node = makers.get(node.input[0])
        return "" if node is None else str(node.op_type)


def runner(model: OnnxModel, signature: Signature) -> tuple[Callable[[Batch], Any], Callable[[Any], Outputs]]:
    """How to feed the graph from a batch, and how to read its answer."""
    return _feed_for(model, signature), _answer_for(model, signature.output)


def _feed_for(model: OnnxModel, signature: Signature) -> Callable[[Batch], Any]:
    """Fields go to inputs by position: exporters rewrite names (a space becomes an underscore)."""
    inputs = model.session.get_inputs()
    readers = _readers(signature)
    if len(inputs) > 1:
        return lambda batch: {
            one.name: _cast(read(batch), one.type).reshape((-1, 1)[: max(len(one.shape), 1)])
            for one, read in zip(inputs, readers, strict=True)
        }
    only = inputs[0]

    def feed(batch: Batch) -> dict[str, Any]:
        matrix = np.column_stack([_cast(read(batch), only.type) for read in readers])
        return {only.name: matrix if len(only.shape) == 2 else matrix[:, 0]}

    return feed


def _readers(signature: Signature) -> list[Callable[[Batch], Any]]:
    """How to get each field's column out of a batch, in the signature's order."""

    def number(at: int) -> Callable[[Batch], Any]:
        return lambda batch: batch.numbers[:, at]

    def text(at: int) -> Callable[[Batch], Any]:
        return lambda batch: batch.texts[:, at]

    by_name = {field.name: number(at) for at, field in enumerate(signature.number_fields)}
    by_name |= {field.name: text(at) for at, field in enumerate(signature.text_fields)}
    return [by_name[name] for name in signature.names]


def _cast(values: Any, kind: str) -> Any:
    if kind == "tensor(string)":
        return np.array(["" if value is None else str(value) for value in values], dtype=object)
    return values.astype(_DTYPES[kind])


def _answer_for(model: OnnxModel, output: Output) -> Callable[[Any], Outputs]:
    session = model.session
    kinds = {one.name: one.type for one in session.get_outputs()}
    label = next((name for name, kind in kinds.items() if kind in _LABEL_TYPES), None)
    scores = next((name for name, kind in kinds.items() if kind not in _LABEL_TYPES), None)
    index = ClassIndex(output.classes)
    wanted = [name for name in (label, scores) if name is not None]

    def answer(feeds: Any) -> Outputs:
        found = dict(zip(wanted, session.run(wanted, feeds), strict=True))
        if output.task == "regression":
            return Outputs(None, None, as_matrix(found[scores]))
        matrix = _score_matrix(found[scores], output.classes) if scores is not None else None
        if label is None:
            assert matrix is not None
            return _from_probabilities(matrix)
        labels = index(np.asarray(found[label]).reshape(-1))
        return Outputs(labels, matrix if output.probabilities else None, matrix if output.task == "outlier" else None)

    return answer


def _score_matrix(scores: Any, classes: tuple[Class, ...]) -> FloatArray:
    """float64 ``[n, k]``; a ZipMap gives one dictionary per row."""
    if isinstance(scores, list):
        return np.array([[row[value] for value in classes] for row in scores], dtype=np.float64)
    matrix = np.asarray(scores, dtype=np.float64)
    return matrix[:, None] if matrix.ndim == 1 else matrix


def _from_probabilities(matrix: FloatArray) -> Outputs:
    if matrix.shape[1] == 1:
        matrix = np.column_stack((1 - matrix[:, 0], matrix[:, 0]))
    return Outputs(matrix.argmax(axis=1).astype(np.int64), matrix, None)
