"""The judge: the original's answers on real and placed rows, and engines measured against them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from garcom.errors import EngineError, GarcomError
from garcom.model.compile.asking import Asked
from garcom.model.compile.comparison import Comparison, Mask, compare, concatenate, spread, stack
from garcom.model.compile.edge_rows import edge_rows
from garcom.model.compile.reasons import brief
from garcom.model.compile.threshold_rows import threshold_rows
from garcom.model.engines.base import Engine
from garcom.model.signature import Signature
from garcom.model.sources.base import Original
from garcom.records import Batch, Outputs

Rows = npt.NDArray[np.intp]

REAL_ROWS_LIMIT = 100_000
#: Of the rows on which an engine and the original differ, so many are put to the original again, alone.
_DISPUTED_LIMIT = 300
_ALONE_ROWS = 48
_REFUSED_LIMIT = 40
_PAIRS_LIMIT = 2_000
_RATE_ROWS = 1_000
_TIE = 1e-12


@dataclass(frozen=True)
class Verdict:
    """What a comparison found: ``reason`` is '' for an engine that equals the original."""

    reason: str
    flips: int
    largest: float | None


class Judge:
    """Knows what the original answers; ``real`` rows come first in ``batch``, placed ones follow.

    ``budget_s`` bounds roughly how long the original is asked for placed rows.
    """

    def __init__(self, original: Original, real: Batch | None, base: Batch, budget_s: float = 20.0) -> None:
        self.signature: Signature = original.signature
        self._asked = Asked(original)
        self._rng = np.random.default_rng(20_240_229)
        self._unstable: set[int] = set()
        real = base.rows(slice(0, 0)) if real is None else evenly(real, REAL_ROWS_LIMIT)
        self.real_rows = real.n_rows
        self._ask(real, base, budget_s)
        self.scale = spread(self.answers.values)

    def _ask(self, real: Batch, base: Batch, budget_s: float) -> None:
        if real.n_rows:
            batches, answers = [real], [self._asked.run_real(real)]
            base, known = real, answers[0]
        else:
            batches, answers = [], []
            taken, _, found = self._asked.run_what_it_takes(base)
            if found is None:
                raise EngineError("The original refuses every row made for it; give --data with real rows.")
            base, known = base.rows(taken), found
        self.refused = base.rows(slice(0, 0))
        n_pairs = int(np.clip(budget_s / (45 * self._seconds_per_row(base)), 32, _PAIRS_LIMIT))
        placed = threshold_rows(
            self._asked,
            self.signature,
            base,
            known,
            spread(known.values),
            n_pairs=n_pairs,
            rng=self._rng,
            budget_s=budget_s,
        )
        if not real.n_rows:
            batches, answers = [base], [known]
        for made in (placed, *edge_rows(self.signature, base, self._rng)):
            self._add(made, batches, answers)
        self.batch = stack(batches)
        self.answers = concatenate(answers)

    def _seconds_per_row(self, rows: Batch) -> float:
        """What a row costs in a large batch: a slow original gets fewer intervals, not a longer wait."""
        if rows.n_rows < _RATE_ROWS:
            # A few rows would tell the cost of a call, and make the number of intervals a matter of chance.
            self._asked.rows, self._asked.seconds = 0, 0.0
            self._asked.run(rows.rows(np.arange(_RATE_ROWS) % rows.n_rows))
        return self._asked.seconds / self._asked.rows

    def _add(self, made: Batch, batches: list[Batch], answers: list[Outputs]) -> None:
        if not made.n_rows:
            return
        taken, refused, found = self._asked.run_what_it_takes(made)
        self.refused = stack([self.refused, made.rows(refused)])
        if found is not None:
            decided = ~_tied(found)
            batches.append(made.rows(taken).rows(decided))
            answers.append(found.rows(decided))

    def real_answers(self, batch: Batch) -> Outputs:
        """The original's answers to all of the real rows, from memory where they were all judged."""
        if batch.n_rows == self.real_rows:
            return self.answers.rows(slice(0, self.real_rows))
        return self._asked.run_real(batch)

    @property
    def placed_rows(self) -> int:
        """Rows placed by Garçom that the original answers."""
        return self.batch.n_rows - self.real_rows

    @property
    def unstable_rows(self) -> int:
        """Disputed rows on which the original, asked alone, contradicts itself."""
        return len(self._unstable)

    def judge(self, engine: Engine) -> Verdict:
        """Compare an engine with the original on every row, alone and together, and on the rows it refuses."""
        try:
            verdict = self._equal(engine)
            return verdict if verdict.reason else self._alone(engine, verdict)
        except GarcomError as error:
            # An engine may repeat values of the row on which it fails, and the proof stands in the bundle.
            personal = any(field.personal for field in self.signature.fields)
            why = "its words may name values of personal fields" if personal else str(error)
            return Verdict(brief(f"it fails: {why}"), 0, None)

    def _equal(self, engine: Engine) -> Verdict:
        n_rows = self.batch.n_rows
        parts = [engine.run(self.batch.rows(slice(at, at + 4096))) for at in range(0, n_rows, 4096)]
        found = compare(self.answers, concatenate(parts), self.scale)
        disputed = np.flatnonzero(found.differs)
        if 0 < len(disputed) <= _DISPUTED_LIMIT:
            disputed = self._still_disputed(disputed)
        kept = np.ones(n_rows, bool)
        kept[list(self._unstable)] = False
        flips = int((found.flips & kept).sum())
        if not len(disputed):
            return Verdict("", flips, self._largest(parts, kept))
        return Verdict(self._reason(found, disputed), flips, found.largest)

    def _largest(self, parts: list[Outputs], kept: Mask) -> float:
        return compare(self.answers.rows(kept), concatenate(parts).rows(kept), self.scale).largest

    def _still_disputed(self, disputed: Rows) -> Rows:
        """The disputed rows on which the original, asked alone, stands by its answer."""
        for row in disputed.tolist():
            one = slice(row, row + 1)
            alone = self._asked.run_what_it_takes(self.batch.rows(one)).answers
            if alone is None or compare(self.answers.rows(one), alone, self.scale).differs.any():
                self._unstable.add(row)
        return np.array([row for row in disputed.tolist() if row not in self._unstable], np.intp)

    def _reason(self, found: Comparison, disputed: Rows) -> str:
        real = int((disputed < self.real_rows).sum())
        flips = int(found.flips[disputed].sum())
        what = f"{flips:,} other labels" if flips else f"differences up to {found.largest:.3g}"
        return (
            f"{what}; {real:,} of {self.real_rows:,} real and {len(disputed) - real:,} of {self.placed_rows:,} "
            "placed rows differ"
        )

    def _alone(self, engine: Engine, verdict: Verdict) -> Verdict:
        """Rows must not depend on their neighbours, and what the original refuses must be refused."""
        n_rows = self.batch.n_rows
        rows = np.unique(np.linspace(0, n_rows - 1, min(n_rows, _ALONE_ROWS)).astype(np.intp))
        rows = rows[~np.isin(rows, list(self._unstable))]
        alone = concatenate([engine.run(self.batch.rows(slice(row, row + 1))) for row in rows.tolist()])
        found = compare(self.answers.rows(rows), alone, self.scale)
        disputed = self._still_disputed(rows[found.differs])
        if len(disputed):
            return Verdict(
                f"{len(disputed)} of {len(rows)} rows are answered otherwise alone than among others",
                verdict.flips + int(found.flips.sum()),
                found.largest,
            )
        for row in range(min(self.refused.n_rows, _REFUSED_LIMIT)):
            try:
                engine.run(self.refused.rows(slice(row, row + 1)))
            except EngineError:
                continue
            return Verdict("it answers rows that the original refuses, such as unknown categories", 0, verdict.largest)
        return verdict


def _tied(outputs: Outputs) -> Mask:
    """Rows on which two classes share the largest probability: made-up ones among them test rounding, no engine."""
    if outputs.probabilities is None or outputs.probabilities.shape[1] < 2:
        return np.zeros(len(next(part for part in outputs if part is not None)), bool)
    ordered = np.sort(outputs.probabilities, axis=1)
    tied: Mask = ordered[:, -1] - ordered[:, -2] <= _TIE
    return tied


def evenly(batch: Batch, limit: int) -> Batch:
    """At most ``limit`` rows, evenly spaced."""
    if batch.n_rows <= limit:
        return batch
    return batch.rows(np.linspace(0, batch.n_rows - 1, limit).astype(np.intp))
