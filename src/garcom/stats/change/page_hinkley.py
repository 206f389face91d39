"""Page–Hinkley: the sum of deviations from the mean, which turns when the mean does."""

from __future__ import annotations

import math
from typing import Literal

import msgspec

from garcom.stats.change.detector import Change


class _Mark(msgspec.Struct):
    """Where a sum had its extreme: how many values had come, and their mean."""

    n: int = 0
    mean: float = 0.0


class PageHinkley(msgspec.Struct):
    """The test of Page (1954) and Hinkley (1971) for a change of the mean, in the form that fades old values.

    Quick for sudden changes of a known size: ``delta`` is the change that does not matter and ``threshold`` the sum of
    what exceeds it, both in the values' own unit, so scale the values. ``alpha`` is the factor by which sums fade,
    ``mode`` the directions that count. Nothing is seen before ``min_instances`` values. The change is thought to have
    come where the sum had its extreme.

    The defaults and the results are those of river's ``PageHinkley``, which begins anew after a change.

    >>> detector = PageHinkley(threshold=5.0)
    >>> [i for i, x in enumerate([0.0, 0.2] * 50 + [1.0, 1.2] * 50) if detector.update(x)]
    [105]
    >>> detector.last.n_before, detector.last.n_after
    (99, 7)

    References: E. S. Page, «Continuous inspection schemes», Biometrika 41 (1954), 100-115; D. V. Hinkley, «Inference
    about the change-point from cumulative sum tests», Biometrika 58 (1971), 509-523.
    """

    min_instances: int = 30
    delta: float = 0.005
    threshold: float = 50.0
    alpha: float = 1 - 0.0001
    mode: Literal["up", "down", "both"] = "both"
    n: int = 0
    last: Change | None = None
    #: Values since the last change, and their mean.
    n_since: int = 0
    mean: float = 0.0
    sum_up: float = 0.0
    sum_down: float = 0.0
    least_up: float = math.inf
    most_down: float = -1.0
    at_least_up: _Mark = msgspec.field(default_factory=_Mark)
    at_most_down: _Mark = msgspec.field(default_factory=_Mark)
    changed: bool = False

    def update(self, x: float) -> bool:
        """Take a value; whether a change was seen at it. A value that is not finite is left out."""
        if not math.isfinite(x):
            return False
        if self.changed:
            self._reset()
        self.n += 1
        self.n_since += 1
        self.mean += (x - self.mean) / self.n_since
        deviation = x - self.mean
        self.sum_up = self.alpha * self.sum_up + deviation - self.delta
        self.sum_down = self.alpha * self.sum_down + deviation + self.delta
        if self.sum_up < self.least_up:
            self.least_up = self.sum_up
            self.at_least_up.n, self.at_least_up.mean = self.n_since, self.mean
        if self.sum_down > self.most_down:
            self.most_down = self.sum_down
            self.at_most_down.n, self.at_most_down.mean = self.n_since, self.mean
        if self.n_since >= self.min_instances:
            up = self.mode != "down" and self.sum_up - self.least_up > self.threshold
            if up or (self.mode != "up" and self.most_down - self.sum_down > self.threshold):
                self.changed = True
                self.last = self._change(self.at_least_up if up else self.at_most_down)
        return self.changed

    def _reset(self) -> None:
        self.n_since, self.mean, self.sum_up, self.sum_down = 0, 0.0, 0.0, 0.0
        self.least_up, self.most_down, self.changed = math.inf, -1.0, False
        self.at_least_up, self.at_most_down = _Mark(), _Mark()

    def _change(self, mark: _Mark) -> Change:
        n_after = self.n_since - mark.n
        after = (self.mean * self.n_since - mark.mean * mark.n) / n_after
        # A sum that only fell from its start on has its extreme there: nothing lies before it.
        return Change(mark.n, mark.mean if mark.n else None, n_after, after)
