"""Runs a program: everything is resolved when it is loaded, so a batch costs one flat loop of calls."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np

from garcom.errors import BundleError, EngineError
from garcom.model.engines.arrays.ops import build
from garcom.model.engines.arrays.program import FIRST_STEP, Program
from garcom.model.engines.base import EngineSpec
from garcom.model.signature import Signature
from garcom.records import Batch, FloatArray, Outputs


class ArraysEngine:
    """A loaded program, as an engine."""

    def __init__(self, program: Program) -> None:
        self._calls = tuple((build(step), step.inputs) for step in program.steps)
        self._last_use = _last_uses(program)
        results = program.results
        self._labels, self._probabilities, self._values = (
            results.get("labels"),
            results.get("probabilities"),
            results.get("values"),
        )

    def run(self, batch: Batch) -> Outputs:
        """Answer every row. Raises :class:`EngineError`, naming the first bad row, where the answer is not a number."""
        values: list[Any] = [batch.numbers, batch.texts]
        # Overflow to infinity and NaN are part of the models' arithmetic: the original computes them too.
        with np.errstate(all="ignore"):
            for (call, inputs), done in zip(self._calls, self._last_use, strict=True):
                if len(inputs) == 1:
                    values.append(call(values[inputs[0]]))
                else:
                    values.append(call(*[values[number] for number in inputs]))
                for number in done:
                    values[number] = None
            probabilities = None if self._probabilities is None else _numbers(values[self._probabilities])
            answers = None if self._values is None else _numbers(values[self._values])
        return Outputs(None if self._labels is None else values[self._labels], probabilities, answers)

    def close(self) -> None:
        """Free the arrays and sessions."""
        self._calls, self._last_use = (), ()


def load(folder: Path, spec: EngineSpec, signature: Signature) -> ArraysEngine:
    """The engine whose program is in ``folder``. Raises :class:`BundleError` where it is none or does not fit."""
    program = Program.load(folder)
    expected = _expected_results(signature)
    if set(program.results) != expected:
        raise BundleError(
            f"{folder}: expected a program that gives {sorted(expected)} for a {signature.output.task} model, "
            f"got {sorted(program.results)}; pack the model again."
        )
    return ArraysEngine(program)


def _expected_results(signature: Signature) -> set[str]:
    output = signature.output
    return {
        "classification": {"labels", "probabilities"} if output.probabilities else {"labels"},
        "regression": {"values"},
        "clustering": {"labels"},
        "outlier": {"labels", "values"},
    }[output.task]


def _last_uses(program: Program) -> tuple[tuple[int, ...], ...]:
    """For each step, the values that nobody reads after it: large batches should not hold them."""
    last = {value: position for position, step in enumerate(program.steps) for value in step.inputs}
    kept = set(program.results.values())
    done: list[list[int]] = [[] for _ in program.steps]
    for value, position in last.items():
        if value not in kept and value >= FIRST_STEP:
            done[position].append(value)
    return tuple(tuple(values) for values in done)


def _numbers(answers: FloatArray) -> FloatArray:
    # One sum is the cheapest look at all values: NaN anywhere makes it NaN (so may inf - inf, checked below).
    if math.isnan(answers.sum()):
        bad = np.flatnonzero(np.isnan(answers).any(axis=1))
        if len(bad):
            raise EngineError(
                "Expected numbers as the answer, got NaN: a missing or extreme value reached a model that has no "
                "answer for it. Send another value, or train the model with an imputer.",
                row=int(bad[0]),
            )
    return answers
