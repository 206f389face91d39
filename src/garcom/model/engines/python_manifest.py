"""What stands beside the pickle of a Python engine."""

from __future__ import annotations

from typing import Literal

import msgspec

from garcom.model.signature import Field

PICKLE_FILE = "original.pkl"
MANIFEST_FILE = "python.json"


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """How to read and feed the pickled model; ``python`` is ``major.minor``, whose byte code the pickle may hold."""

    python: str
    framework: Literal["scikit-learn", "xgboost", "lightgbm", "onnx"]
    input_kind: Literal["frame", "array", "text"]
    fields: tuple[Field, ...] | None
    n_fields: int | None
    libraries: dict[str, str]
