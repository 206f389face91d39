"""Asking the original, which is foreign code: it may refuse some rows of a batch, and be slow."""

from __future__ import annotations

import time
import warnings
from typing import NamedTuple

import numpy as np

from garcom.errors import DataError
from garcom.model.compile.comparison import Mask, concatenate
from garcom.model.sources.base import Original
from garcom.records import Batch, Outputs

#: Rows asked for at once: a bound on the memory that the original takes.
_CHUNK_ROWS = 20_000
_REFUSALS_LIMIT = 100


class Taken(NamedTuple):
    """Which rows were answered, which refused one by one, and the answers to the former (``None`` for no row)."""

    taken: Mask
    refused: Mask
    answers: Outputs | None


class Asked:
    """The original, asked in chunks; ``seconds`` and ``rows`` add up what it has cost."""

    def __init__(self, original: Original) -> None:
        self.original = original
        self.rows = 0
        self.seconds = 0.0

    def run(self, batch: Batch) -> Outputs:
        """Answer every row, or raise what the original raises."""
        started = time.perf_counter()
        with warnings.catch_warnings():
            # What the original warns about (unknown categories, convergence) is no news at this point.
            warnings.simplefilter("ignore")
            parts = [
                self.original.run(batch.rows(slice(at, at + _CHUNK_ROWS))) for at in range(0, batch.n_rows, _CHUNK_ROWS)
            ]
        self.rows += batch.n_rows
        self.seconds += time.perf_counter() - started
        return concatenate(parts)

    def run_what_it_takes(self, batch: Batch) -> Taken:
        """Answer the rows that the original does not refuse.

        Halves a refused batch until the rows at fault stand alone. After :data:`_REFUSALS_LIMIT` refusals what is
        left is neither taken nor refused, as each of them costs a question of its own.
        """
        taken = np.zeros(batch.n_rows, bool)
        refused = np.zeros(batch.n_rows, bool)
        answers: list[Outputs] = []  # in the order of the rows, as the leftmost part is asked first
        pending, refusals = [(0, batch.n_rows)], 0
        while pending and refusals < _REFUSALS_LIMIT:
            start, stop = pending.pop()
            try:
                answers.append(self.run(batch.rows(slice(start, stop))))
                taken[start:stop] = True
            except Exception:  # noqa: BLE001 — foreign code; a refusal is an answer here
                refusals += 1
                middle = (start + stop) // 2
                pending += [(middle, stop), (start, middle)] if stop - start > 1 else []
                refused[start:stop] = stop - start == 1
        return Taken(taken, refused, concatenate(answers) if answers else None)

    def run_real(self, batch: Batch) -> Outputs:
        """Answer the real rows; a row that the original refuses is an error of the data, named by its number."""
        found = self.run_what_it_takes(batch)
        if found.answers is not None and found.taken.all():
            return found.answers
        row = int(np.flatnonzero(~found.taken)[0])
        try:
            self.run(batch.rows(slice(row, row + 1)))
        except Exception as error:
            raise DataError(
                f"Expected rows that the model answers, but it refuses {int((~found.taken).sum())} of {batch.n_rows}, "
                f"the first of them row {row + 1}: {error} Give --data the columns and values that the model was "
                "trained with."
            ) from error
        return self.run(batch)
