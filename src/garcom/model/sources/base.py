"""The trained model as its own library runs it: what every engine is measured against."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from garcom.model.signature import Field, Output, Signature
from garcom.records import Batch, Outputs

#: How the original wants its rows: a DataFrame with column names, a matrix, or one column of texts.
InputKind = Literal["frame", "array", "text"]


@dataclass(frozen=True)
class Loaded:
    """A model read from a file, a folder or memory, with what it says of itself.

    ``fields`` are the input fields as far as the model knows them (names, and types or categories where
    it has them), in its own order; ``None`` where it knows nothing. ``n_fields`` is their number, where
    known. ``libraries`` maps the libraries that run the model to their versions. ``files`` are the model's
    own files that an engine can carry as they are (an ``.onnx``, a booster's JSON or text), by role. ``typed``
    says that the types of ``fields`` come from a schema and are certain, not only what the model seems to take.
    """

    model: Any
    framework: Literal["scikit-learn", "xgboost", "lightgbm", "onnx"]
    input_kind: InputKind
    output: Output
    fields: tuple[Field, ...] | None = None
    n_fields: int | None = None
    libraries: dict[str, str] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)
    typed: bool = False


class Original(Protocol):
    """A loaded model bound to a signature; the same seam as an engine."""

    loaded: Loaded
    signature: Signature

    def run(self, batch: Batch) -> Outputs:
        """Answer every row exactly as the original library does."""
