"""Whether errors have changed: what each detector says of them, in the order in which the actuals came."""

from __future__ import annotations

import math

import numpy as np

from garcom.monitoring.performance.spans import moment
from garcom.monitoring.records import ConceptChange
from garcom.records import FloatArray, IntArray
from garcom.stats.autocorrelation import integrated_time
from garcom.stats.change.adwin import Adwin
from garcom.stats.change.ddm import Ddm
from garcom.stats.change.detector import Change, changes
from garcom.stats.change.kswin import Kswin
from garcom.stats.change.mean_change import two_proportions, welch
from garcom.stats.change.page_hinkley import PageHinkley

#: Below so many errors nothing is said.
MIN_ROWS = 100
#: Of more errors the latest so many are looked at: each costs microseconds.
MOST_ROWS = 50_000
#: The window test asks for both: significance, and an effect (in standard deviations) that is not small.
SIGNIFICANT, MIN_EFFECT = 0.01, 0.2
#: Larger windows see smaller changes, and a report makes as many tests as there are errors.
_KSWIN_ALPHA = 1e-6
_KSWIN_LARGE, _KSWIN_SMALL = (300, 100), (100, 30)
_LARGE_FROM = 1000
#: In standard deviations of the errors: what does not matter, and the sum of what exceeds it.
_PAGE_HINKLEY_DELTA, _PAGE_HINKLEY_THRESHOLD = 0.15, 50.0
#: A lowest rate of few errors is one by chance: so many have to have come, if they come before half of the stream.
_DDM_WARM_ERRORS, _DDM_THRESHOLD, _DDM_MIN_ERRORS = 30, 4.0, 10
_CEILING = 0.99


class _Stream:
    """Errors that can be compared, in the order in which their actuals came."""

    def __init__(self, errors: FloatArray, times: IntArray, came: IntArray) -> None:
        there = np.flatnonzero(np.isfinite(errors))
        # Actuals that came together are in the order of their predictions.
        order = there[np.lexsort((times[there], came[there]))][-MOST_ROWS:]
        self.n_rows = len(order)
        #: Errors that hang together are taken so many at a time, by their mean: every detector takes them for
        #: independent, and sees a change in each spell of greater ones.
        self.block = max(1, math.ceil(integrated_time(errors[order])))
        n_blocks = self.n_rows // self.block
        begin = self.n_rows - n_blocks * self.block
        self.errors = errors[order][begin:].reshape(n_blocks, self.block).mean(axis=1)
        self.times = times[order][begin :: self.block]

    @property
    def bounded(self) -> FloatArray:
        """In 0 to 1, as ADWIN's bound asks: by the 99 % quantile, what exceeds it is 1."""
        ceiling = float(np.quantile(self.errors, _CEILING)) or float(self.errors.max())
        found: FloatArray = np.minimum(self.errors / ceiling, 1.0) if ceiling > 0 else self.errors
        return found

    def told(self, method: str, seen: list[tuple[int, Change]]) -> ConceptChange:
        if not seen:
            return ConceptChange(method=method, changed=False)  # type: ignore[arg-type]
        at, start = seen[-1][0], seen[-2][0] + 1 if len(seen) > 1 else 0
        cut = start + _split(self.errors[start : at + 1])
        before, after = self.errors[start:cut], self.errors[cut:]
        return ConceptChange(
            method=method,  # type: ignore[arg-type]
            changed=True,
            at=tuple(moment(int(self.times[place])) for place, _ in seen),
            before=float(before.mean()),
            after=float(after.mean()),
        )


def _split(errors: FloatArray) -> int:
    """Where the means on both sides differ most for their numbers: after so many of at least two errors."""
    n = np.arange(1, len(errors))
    sums = np.cumsum(errors)
    gaps = sums[:-1] / n - (sums[-1] - sums[:-1]) / (len(errors) - n)
    return int(np.argmax(gaps * gaps * n * (len(errors) - n))) + 1


def concept_changes(
    errors: FloatArray, times: IntArray, came: IntArray, *, labels: bool, min_rows: int = MIN_ROWS
) -> tuple[ConceptChange, ...]:
    """What ADWIN, Page–Hinkley, DDM, KSWIN and a test of the last quarter say of errors ``[n]``, NaN where unknown.

    ``times`` are those of the predictions, ``came`` those at which their actuals came, in microseconds. Errors that
    hang together count as the fewer that they are worth (:mod:`garcom.stats.autocorrelation`). Errors of ``labels`` are
    0 or 1; others are scaled, so that their unit does not matter. Changes in both directions count, but DDM's.
    ``before`` and ``after`` are mean errors, in their own unit, from the change before the last to where the last is
    thought to have come, and from there to the end. Of more than 50,000 errors the latest are taken.
    """
    stream = _Stream(errors, times, came)
    n, least = len(stream.errors), max(min_rows, MIN_ROWS)
    if n < least:
        why = f"not enough rows: {n:,} of {least:,}"
        if stream.block > 1:
            why += f" ({stream.n_rows:,} errors hang together, and are worth so many)"
        return tuple(
            ConceptChange(method=method, changed=None, why=why)
            for method in ("adwin", "page_hinkley", "ddm", "kswin", "window_test")
        )
    bounded = stream.bounded
    deviation = float(bounded.std())
    standard = bounded / deviation if deviation > 0 else bounded
    window, newest = _KSWIN_LARGE if n >= _LARGE_FROM else _KSWIN_SMALL
    page_hinkley = PageHinkley(
        min_instances=least // 2, delta=_PAGE_HINKLEY_DELTA, threshold=_PAGE_HINKLEY_THRESHOLD, alpha=1.0
    )
    kswin = Kswin(alpha=_KSWIN_ALPHA, window_size=window, stat_size=newest)
    return (
        stream.told("adwin", changes(Adwin(), bounded)),
        stream.told("page_hinkley", changes(page_hinkley, standard)),
        _ddm(stream, labels),
        stream.told("kswin", kswin.update_many(bounded)),
        _window_test(stream, labels and stream.block == 1),
    )


def _ddm(stream: _Stream, labels: bool) -> ConceptChange:
    if not labels:
        return ConceptChange(method="ddm", changed=None, why="DDM takes errors of labels; this model answers numbers")
    if stream.block > 1:
        return ConceptChange(method="ddm", changed=None, why="DDM takes independent errors; these hang together")
    n = len(stream.errors)
    known = int(np.searchsorted(np.cumsum(stream.errors), _DDM_WARM_ERRORS))
    detector = Ddm(
        warm_start=min(max(MIN_ROWS, known), n // 2), drift_threshold=_DDM_THRESHOLD, min_errors=_DDM_MIN_ERRORS
    )
    return stream.told("ddm", changes(detector, stream.errors))


def _window_test(stream: _Stream, labels: bool) -> ConceptChange:
    """The last quarter against the rest."""
    cut = len(stream.errors) - len(stream.errors) // 4
    found = (two_proportions if labels else welch)(stream.errors[:cut], stream.errors[cut:])
    # Without any spread the effect is not a number but beyond all bounds.
    large = found.effect is None or abs(found.effect) >= MIN_EFFECT
    changed = None if found.p_value is None else found.p_value < SIGNIFICANT and large
    return ConceptChange(
        method="window_test",
        changed=changed,
        at=(moment(int(stream.times[cut])),) if changed else (),
        before=found.before,
        after=found.after,
        p_value=found.p_value,
        why=found.why,
    )
