"""Runs a program: everything is resolved when it is loaded, so a batch costs one flat loop of calls."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from garcom.errors import BundleError, Fault, RowsRefused
from garcom.model.engines.arrays.ops import build
from garcom.model.engines.arrays.program import FIRST_STEP, Program
from garcom.model.engines.base import EngineSpec
from garcom.model.signature import Signature
from garcom.records import Batch, FloatArray, Outputs


class ArraysEngine:
    """A loaded program, as an engine."""

    def __init__(self, program: Program) -> None:
        done = _last_uses(program)
        self._plan = tuple(
            (build(step), step.inputs[0], step.inputs[1:], done[position])
            for position, step in enumerate(program.steps)
        )
        results = program.results
        self._labels, self._probabilities, self._values = (
            results.get("labels"),
            results.get("probabilities"),
            results.get("values"),
        )

    def run(self, batch: Batch) -> Outputs:
        """Answer every row. Raises :class:`RowsRefused`, naming the first bad row, where the answer is not a number."""
        values: list[Any] = [batch.numbers, batch.texts]
        # Overflow to infinity and NaN are part of the models' arithmetic: the original computes them too.
        with np.errstate(all="ignore"):
            for call, first, others, done in self._plan:
                if others:
                    values.append(call(values[first], *[values[number] for number in others]))
                else:
                    values.append(call(values[first]))
                for number in done:
                    values[number] = None
        labels, probabilities, answers = self._labels, self._probabilities, self._values
        return Outputs(
            None if labels is None else values[labels],
            None if probabilities is None else _numbers(values[probabilities]),
            None if answers is None else _numbers(values[answers]),
        )

    def close(self) -> None:
        """Free the arrays and sessions."""
        self._plan = ()


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


_NO_NUMBER = Fault(
    "",
    "a row that the model can answer",
    "one with a missing or extreme value, for which it gives NaN",
    "Send another value, or train the model with an imputer.",
)


def _numbers(answers: FloatArray) -> FloatArray:
    # argmax stops at the first NaN, and costs a third of looking for it by isnan or a sum.
    first = int(answers.argmax())
    value = answers.item(first)
    if value != value:
        raise RowsRefused(_NO_NUMBER, first // answers.shape[1])
    return answers
