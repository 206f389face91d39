"""The ``onnx`` engine: a whole model as one ONNX graph, run by ONNX Runtime on one thread.

Its folder holds ``model.onnx``. The options of its :class:`EngineSpec` say how a batch is fed to the graph and
which of the graph's outputs are what (:class:`Wiring`).
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import msgspec
import numpy as np
import numpy.typing as npt
import onnxruntime

from garcom.errors import BundleError, EngineError
from garcom.model.engines.base import EngineSpec
from garcom.model.engines.external_data import refuse_external_data
from garcom.model.signature import Output, Signature
from garcom.records import Batch, FloatArray, IntArray, Outputs

MODEL_FILE = "model.onnx"

_Array = npt.NDArray[Any]
DType = Literal["float16", "float32", "float64", "int64", "int32", "bool", "string"]


class Feed(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One input of the graph: these columns of the batch's ``numbers`` or ``texts``, as ``[n_rows, n_columns]``.

    ``flat`` is for an input without columns, ``[n_rows]``. A missing text is fed as the empty string, as ONNX
    has no missing strings.
    """

    name: str
    source: Literal["numbers", "texts"]
    columns: tuple[int, ...]
    dtype: DType
    flat: bool = False


class Wiring(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a graph's inputs and outputs stand to a batch and its outputs.

    ``label`` names the output with the predicted class; without one the label is the class of the largest
    probability. ``probabilities`` may also be a sequence of maps (ZipMap), or one column for the second of two
    classes.
    """

    feeds: tuple[Feed, ...]
    label: str | None = None
    probabilities: str | None = None
    values: str | None = None


def open_session(path: Path) -> Any:
    """An ONNX Runtime session on one thread, which says nothing on stderr.

    Workers scale by processes, and a second thread in each would only take time from the others. Raises
    :class:`BundleError` where the file is no graph that this ONNX Runtime runs, or one that would read other files.
    """
    refuse_external_data(path.read_bytes(), path.name)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 4
    try:
        return onnxruntime.InferenceSession(path.as_posix(), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # the native library raises unrelated classes
        # Its codes and the file's path come first; what is wrong comes last.
        reason = str(error).rpartition(" failed:")[2].strip()
        raise BundleError(f"ONNX Runtime {onnxruntime.__version__} cannot load {path.name}: {reason}") from error


def load(folder: Path, spec: EngineSpec, signature: Signature) -> OnnxEngine:
    """The engine whose graph is in ``folder``. Raises :class:`BundleError` where it does not fit the signature."""
    try:
        wiring = msgspec.convert(spec.options, Wiring)
    except msgspec.ValidationError as error:
        raise BundleError(f"The options of engine {spec.name!r} cannot be read: {error}.") from error
    session = open_session(folder / MODEL_FILE)
    inputs = {entry.name for entry in session.get_inputs()}
    outputs = {entry.name for entry in session.get_outputs()}
    wanted = {name for name in (wiring.label, wiring.probabilities, wiring.values) if name is not None}
    if {feed.name for feed in wiring.feeds} != inputs or not wanted or not wanted <= outputs:
        raise BundleError(
            f"Engine {spec.name!r} expects a graph with inputs {[feed.name for feed in wiring.feeds]} and outputs "
            f"{sorted(wanted)}, got {sorted(inputs)} and {sorted(outputs)}."
        )
    return OnnxEngine(session, wiring, signature)


class OnnxEngine:
    """A graph in an ONNX Runtime session."""

    def __init__(self, session: Any, wiring: Wiring, signature: Signature) -> None:
        self._run = session.run
        self._feeds = [(feed.name, _feeder(feed, signature)) for feed in wiring.feeds]
        self._names = [name for name in (wiring.label, wiring.probabilities, wiring.values) if name is not None]
        self._wiring = wiring
        self._output = signature.output
        self._index = {value: position for position, value in enumerate(signature.output.classes)}

    def run(self, batch: Batch) -> Outputs:
        """Answer every row. Raises :class:`EngineError` when the graph fails or answers something unfit."""
        feeds = {name: feed(batch) for name, feed in self._feeds}
        try:
            answers = dict(zip(self._names, self._run(self._names, feeds), strict=True))
        except Exception as error:  # the native library raises unrelated classes
            raise EngineError(f"The ONNX graph failed on {batch.n_rows} rows: {error}") from error
        wiring, n_rows = self._wiring, batch.n_rows
        labels = probabilities = values = None
        if wiring.probabilities:
            probabilities = _probabilities(answers[wiring.probabilities], n_rows, self._output)
            labels = None if wiring.label else probabilities.argmax(axis=1)
        if wiring.label:
            labels = self._labels(answers[wiring.label], n_rows)
        if wiring.values:
            values = _values(answers[wiring.values], n_rows)
        return Outputs(labels, probabilities, values)

    def close(self) -> None:
        """Nothing to free but memory, which goes with the object."""

    def _labels(self, answer: _Array, n_rows: int) -> IntArray:
        answer = np.asarray(answer).reshape(-1)
        if len(answer) != n_rows:
            raise EngineError(f"Expected {n_rows} labels from the ONNX graph, got {len(answer)}.")
        try:
            return np.array([self._index[value] for value in answer.tolist()], np.int64)
        except KeyError as error:
            raise EngineError(
                f"The ONNX graph answered class {error.args[0]!r}; the signature has {list(self._output.classes)}."
            ) from error


def _feeder(feed: Feed, signature: Signature) -> Callable[[Batch], _Array]:
    """The function that takes a feed's columns from a batch; what can be decided once is decided here."""
    columns: Any = feed.columns[0] if feed.flat else list(feed.columns)
    if feed.source == "texts":
        as_text = feed.dtype == "string"
        return lambda batch: _texts(batch.texts[:, columns], as_text)
    whole = columns == list(range(len(signature.number_fields)))
    if feed.dtype == "float64":
        return lambda batch: batch.numbers if whole else batch.numbers[:, columns]
    dtype = np.dtype(feed.dtype)

    def cast(batch: Batch) -> _Array:
        # A number beyond float32 becomes infinite, which the graph compares as the original would.
        with np.errstate(over="ignore", invalid="ignore"):
            return (batch.numbers if whole else batch.numbers[:, columns]).astype(dtype)

    return cast


def _texts(texts: _Array, as_text: bool) -> _Array:
    if not as_text:
        return texts.astype(np.int64)
    return np.where(texts == None, "", texts)  # noqa: E711 — element by element


def _probabilities(answer: Any, n_rows: int, output: Output) -> FloatArray:
    if isinstance(answer, list):  # ZipMap: one mapping from class to probability per row
        answer = [[row.get(value, np.nan) for value in output.classes] for row in answer]
    table: FloatArray = np.asarray(answer, np.float64)
    if len(output.classes) == 2 and table.shape in ((n_rows,), (n_rows, 1)):
        table = np.column_stack((1 - table.reshape(-1), table.reshape(-1)))
    if table.shape != (n_rows, len(output.classes)):
        raise EngineError(
            f"Expected probabilities of shape {(n_rows, len(output.classes))} from the ONNX graph, got {table.shape}."
        )
    return table


def _values(answer: _Array, n_rows: int) -> FloatArray:
    table: FloatArray = np.asarray(answer, np.float64)
    if table.ndim == 0 or len(table) != n_rows:
        raise EngineError(f"Expected values for {n_rows} rows from the ONNX graph, got shape {table.shape}.")
    return table.reshape(n_rows, -1)
