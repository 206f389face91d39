"""DDM: the rate of errors, against the lowest that it has been."""

from __future__ import annotations

import math

import msgspec

from garcom.errors import InputError
from garcom.stats.change.detector import Change


class Ddm(msgspec.Struct):
    """The drift detection method (Gama et al. 2004), for streams of errors: 1 is an error, 0 is none.

    The rate of errors of a model that fits does not rise. A change is where the rate and its standard deviation exceed
    the lowest such sum by ``drift_threshold`` standard deviations; ``warning`` tells where they exceed it by
    ``warning_threshold``. It sees only rates that rise, and rises within a short time better than slow ones. Nothing is
    seen before ``warm_start`` values. The change is thought to have come where the rate was lowest.

    The defaults and the results are those of river's ``DDM``, which begins anew after a change. Without an error among
    the values before, those results call the first error a change; with ``min_errors`` so many errors must have come
    since the rate was lowest.

    >>> detector = Ddm()
    >>> [i for i, x in enumerate([0, 0, 0, 0, 1] * 100 + [1] * 50) if detector.update(x)]
    [521]

    Raises InputError for values other than 0 and 1.

    Reference: J. Gama, P. Medas, G. Castillo and P. Rodrigues, «Learning with drift detection», Brazilian Symposium on
    Artificial Intelligence 2004, 286-295.
    """

    warm_start: int = 30
    warning_threshold: float = 2.0
    drift_threshold: float = 3.0
    min_errors: int = 0
    n: int = 0
    last: Change | None = None
    warning: bool = False
    #: Values since the last change, and their mean.
    n_since: int = 0
    rate: float = 0.0
    #: The rate, its standard deviation and the number of values where their sum was lowest.
    lowest_rate: float = 0.0
    lowest_deviation: float = math.inf
    n_lowest: int = 0
    changed: bool = False

    def update(self, x: float) -> bool:
        """Take a value; whether a change was seen at it. A value that is not finite is left out."""
        if not math.isfinite(x):
            return False
        if x not in (0, 1):
            raise InputError(f"Expected 1 for an error or 0 for none, got {x}. DDM takes no other numbers: use ADWIN.")
        if self.changed:
            self._reset()
        self.n += 1
        self.n_since += 1
        self.rate += (x - self.rate) / self.n_since
        rate = min(max(self.rate, 0.0), 1.0)  # rounding may lead out of it
        deviation = math.sqrt(rate * (1 - rate) / self.n_since)
        if self.n_since > self.warm_start:
            self._compare(rate, deviation)
        return self.changed

    def _compare(self, rate: float, deviation: float) -> None:
        if rate + deviation <= self.lowest_rate + self.lowest_deviation:
            self.lowest_rate, self.lowest_deviation, self.n_lowest = rate, deviation, self.n_since
        above = rate + deviation - self.lowest_rate
        errors = self.rate * self.n_since - self.lowest_rate * self.n_lowest
        self.changed = above > self.drift_threshold * self.lowest_deviation and errors > self.min_errors - 0.5
        self.warning = above > self.warning_threshold * self.lowest_deviation and not self.changed
        if self.changed:
            n_after = self.n_since - self.n_lowest
            self.last = Change(self.n_lowest, self.lowest_rate, n_after, errors / n_after)

    def _reset(self) -> None:
        self.n_since, self.rate, self.n_lowest = 0, 0.0, 0
        self.lowest_rate, self.lowest_deviation = 0.0, math.inf
        self.changed = self.warning = False
