"""A model as data: a list of array operations, and how it is written to a folder and read back.

program.json    the steps: operation, inputs, options, names of their arrays
arrays.npz      the arrays, never pickled
trees-<n>.onnx  one tree ensemble each
"""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import msgspec
import numpy as np
import numpy.typing as npt

from garcom.errors import BundleError

Array = npt.NDArray[Any]
#: The results a program may have: the columns of :class:`~garcom.records.Outputs`.
Result = Literal["labels", "probabilities", "values"]

#: The values that exist before the first step: ``Batch.numbers`` and ``Batch.texts``.
NUMBERS, TEXTS, FIRST_STEP = 0, 1, 2

_FORMAT = 1


@dataclass(frozen=True)
class Step:
    """One operation. Its result is value number ``FIRST_STEP + position``.

    ``inputs`` are the numbers of earlier values. ``options`` are JSON values without NaN or infinity;
    ``arrays`` are what the operation was trained to (no object dtype); ``graph`` is an ONNX model.
    """

    op: str
    inputs: tuple[int, ...]
    options: Mapping[str, Any] = field(default_factory=dict)
    arrays: Mapping[str, Array] = field(default_factory=dict)
    graph: bytes = b""


@dataclass(frozen=True)
class Program:
    """Steps in the order they run, and which value is which result."""

    steps: tuple[Step, ...]
    results: Mapping[Result, int]

    def save(self, folder: Path) -> None:
        """Write the program into ``folder``, made if need be. The same program gives the same bytes."""
        folder.mkdir(parents=True, exist_ok=True)
        arrays: dict[str, Array] = {}
        steps = []
        for position, step in enumerate(self.steps):
            arrays |= {f"{position}.{name}": array for name, array in step.arrays.items()}
            graph = f"trees-{position}.onnx" if step.graph else ""
            if graph:
                (folder / graph).write_bytes(step.graph)
            steps.append(_WrittenStep(step.op, step.inputs, dict(step.options), tuple(step.arrays), graph))
        written = _WrittenProgram(_FORMAT, tuple(steps), dict(self.results))
        (folder / "program.json").write_bytes(msgspec.json.format(msgspec.json.encode(written), indent=1) + b"\n")
        np.savez(folder / "arrays.npz", allow_pickle=False, **arrays)

    @classmethod
    def load(cls, folder: Path) -> Program:
        """Read what :meth:`save` wrote. Raises :class:`BundleError` where the files are not a program."""
        try:
            written = msgspec.json.decode((folder / "program.json").read_bytes(), type=_WrittenProgram)
            if written.format != _FORMAT:
                raise BundleError(
                    f"{folder / 'program.json'}: expected format {_FORMAT}, got {written.format}; "
                    "pack the model again, or serve it with the Garçom that packed it."
                )
            with np.load(folder / "arrays.npz", allow_pickle=False) as arrays:
                steps = tuple(_read_step(folder, position, step, arrays) for position, step in enumerate(written.steps))
        except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
            raise BundleError(f"{folder}: expected a program of arrays, got {error}; pack the model again.") from error
        _check_references(steps, written.results, folder)
        return cls(steps, written.results)


class _WrittenStep(msgspec.Struct, omit_defaults=True, array_like=False):
    op: str
    inputs: tuple[int, ...]
    options: dict[str, Any] = {}
    arrays: tuple[str, ...] = ()
    graph: str = ""


class _WrittenProgram(msgspec.Struct):
    format: int
    steps: tuple[_WrittenStep, ...]
    results: dict[Result, int]


def _read_step(folder: Path, position: int, step: _WrittenStep, arrays: Mapping[str, Array]) -> Step:
    loaded = {name: arrays[f"{position}.{name}"] for name in step.arrays}
    if step.graph not in ("", f"trees-{position}.onnx"):
        raise BundleError(f"{folder}: step {position} names the file {step.graph!r}; pack the model again.")
    graph = (folder / step.graph).read_bytes() if step.graph else b""
    return Step(step.op, step.inputs, step.options, loaded, graph)


def _check_references(steps: tuple[Step, ...], results: Mapping[Result, int], folder: Path) -> None:
    """Every input must exist before the step that reads it, and every result at the end."""
    if not all(step.inputs for step in steps):
        raise BundleError(f"{folder}: a step reads nothing; pack the model again.")
    needed = [(FIRST_STEP + position, value) for position, step in enumerate(steps) for value in step.inputs]
    needed += [(FIRST_STEP + len(steps), value) for value in results.values()]
    for limit, value in needed:
        if not 0 <= value < limit:
            raise BundleError(f"{folder}: value {value} is read before it is computed; pack the model again.")
