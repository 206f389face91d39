"""Asking the original, which is foreign code: it may refuse some rows of a batch, and be slow."""

from __future__ import annotations

import time
import warnings

import numpy as np

from garcom.errors import DataError
from garcom.model.compile.comparison import Mask, concatenate
from garcom.model.sources.base import Original
from garcom.records import Batch, Outputs

#: Rows asked for at once: a bound on the memory that the original takes.
_CHUNK_ROWS = 20_000


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

    def run_what_it_takes(self, batch: Batch) -> tuple[Mask, Outputs | None]:
        """Answer the rows that the original does not refuse: a mask of them, and their answers.

        Halves a refused batch until the rows at fault stand alone.
        """
        taken = np.zeros(batch.n_rows, bool)
        answers: list[Outputs] = []
        pending = [(0, batch.n_rows)]
        while pending:
            start, stop = pending.pop()
            try:
                answers.append(self.run(batch.rows(slice(start, stop))))
                taken[start:stop] = True
            except Exception:  # noqa: BLE001 — foreign code; a refusal is an answer here
                if stop - start > 1:
                    middle = (start + stop) // 2
                    pending += [(middle, stop), (start, middle)]
        return taken, concatenate(answers) if answers else None

    def run_real(self, batch: Batch) -> Outputs:
        """Answer the real rows; a row that the original refuses is an error of the data, named by its number."""
        taken, answers = self.run_what_it_takes(batch)
        if answers is not None and taken.all():
            return answers
        row = int(np.flatnonzero(~taken)[0])
        refused = f"Expected rows that the model answers, but it refuses {int((~taken).sum())} of {batch.n_rows}"
        try:
            return self.run(batch)
        except Exception as error:
            raise DataError(
                f"{refused}, the first of them row {row}: {type(error).__name__}: {error}. "
                "Give --data the columns and values that the model was trained with."
            ) from error
