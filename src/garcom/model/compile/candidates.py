"""Candidate engines: every form that a model may be written in, each into a folder of its own."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import msgspec

from garcom.errors import GarcomError
from garcom.model.compile import graphs
from garcom.model.compile.conversion import Conversion
from garcom.model.compile.graphs import Precision
from garcom.model.compile.reasons import reason_of
from garcom.model.engines import python
from garcom.model.engines.base import EngineSpec
from garcom.model.engines.onnx import MODEL_FILE
from garcom.model.lowering import lower
from garcom.model.signature import Signature
from garcom.model.sources.base import Loaded, Original


@dataclass(frozen=True)
class Candidate:
    """An engine that was built into ``folder``, or the reason why it was not; ``stopped`` if it might have been."""

    spec: EngineSpec
    folder: Path
    reason: str = ""
    stopped: bool = False


def lowered(loaded: Loaded, signature: Signature, workshop: Path) -> Candidate:
    """The model as a program of array operations."""
    folder = workshop / "arrays"
    spec = EngineSpec(name="arrays", kind="arrays")
    try:
        lower(loaded.model, signature).save(folder)
    except Exception as error:  # noqa: BLE001 — a model of another version may lack any attribute
        return Candidate(spec, folder, reason_of(error))
    return Candidate(spec, folder)


def own_graph(loaded: Loaded, signature: Signature, workshop: Path) -> Candidate:
    """The ONNX graph that the model is."""
    folder = workshop / "onnx"
    folder.mkdir()
    (folder / MODEL_FILE).write_bytes(loaded.model.data)
    spec = EngineSpec(name="onnx", kind="onnx")
    try:
        wiring = graphs.wire(folder / MODEL_FILE, signature)
    except GarcomError as error:
        return Candidate(spec, folder, str(error))
    return Candidate(msgspec.structs.replace(spec, options=msgspec.to_builtins(wiring)), folder)


def converted(conversions: dict[Precision, Conversion], workshop: Path) -> list[Candidate]:
    """What became of the conversions to ONNX graphs."""
    candidates = []
    for precision, conversion in conversions.items():
        folder = workshop / precision
        folder = folder.rename(workshop / f"onnx-{precision}") if folder.exists() else folder
        options = msgspec.to_builtins(conversion.wiring) if conversion.wiring else {}
        spec = EngineSpec(name=f"onnx-{precision}", kind="onnx", options=options)
        candidates.append(Candidate(spec, folder, conversion.reason, conversion.stopped))
    return candidates


def python_engine(original: Original, workshop: Path) -> Candidate:
    """The original itself, for a process of its own."""
    folder = workshop / "python"
    try:
        return Candidate(python.write(folder, original), folder)
    except GarcomError as error:
        return Candidate(EngineSpec(name="python", kind="python"), folder, str(error))
