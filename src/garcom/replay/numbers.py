"""The numerics of a replay: each takes numbers batch by batch and keeps little of them."""

from __future__ import annotations

import math

import numpy as np

from garcom.records import FloatArray
from garcom.replay.records import Distribution, Histogram, Share
from garcom.stats.performance.intervals import wilson

#: So many numbers are kept for quantiles.
KEPT = 1_000_000
QUANTILES = {"p1": 0.01, "p5": 0.05, "p25": 0.25, "p50": 0.5, "p75": 0.75, "p90": 0.9, "p95": 0.95, "p99": 0.99}
N_BINS = 30


def share(count: int, rows: int) -> Share:
    """The share with Wilson's score interval (Wilson 1927, without continuity correction), which stays in 0 to 1.

    >>> share(8, 10).share, round(share(8, 10).low, 4), round(share(8, 10).high, 4)
    (0.8, 0.4902, 0.9433)
    """
    if rows == 0:
        return Share(count=count, rows=0, share=None, low=None, high=None)
    low, high = map(float, wilson(count / rows, rows))
    return Share(count=count, rows=rows, share=count / rows, low=low, high=high)


class Numbers:
    """Finite numbers: count, mean and ends exactly, and all of them, or ``kept`` chosen uniformly, for the rest."""

    def __init__(self, kept: int = KEPT) -> None:
        self._kept = kept
        self._n = 0
        self._sum = 0.0
        self._least, self._greatest = math.inf, -math.inf
        self._random = np.random.default_rng(0)
        self._values, self._keys = np.empty(0), np.empty(0)
        self._new: list[FloatArray] = []
        self._n_new = 0

    def add(self, numbers: FloatArray) -> None:
        """Take the finite ones of these."""
        found = numbers[np.isfinite(numbers)]
        if not len(found):
            return
        self._n += len(found)
        self._sum += float(found.sum())
        self._least, self._greatest = min(self._least, float(found.min())), max(self._greatest, float(found.max()))
        self._new.append(found)
        self._n_new += len(found)
        if self._n_new >= self._kept:
            self._settle()

    def distribution(self) -> Distribution:
        """What was taken so far."""
        self._settle()
        if not self._n:
            return Distribution(n=0, mean=None, least=None, greatest=None, quantiles={}, histogram=None)
        quantiles = np.quantile(self._values, list(QUANTILES.values())).tolist()
        return Distribution(
            n=self._n,
            mean=self._sum / self._n,
            least=self._least,
            greatest=self._greatest,
            quantiles=dict(zip(QUANTILES, quantiles, strict=True)),
            histogram=_histogram(self._values),
            sampled=self._n > len(self._values),
        )

    def _settle(self) -> None:
        """Those with the smallest of random keys stay: each number has the same chance."""
        if self._new:
            values = np.concatenate([self._values, *self._new])
            keys = np.concatenate([self._keys, self._random.random(self._n_new)])
            if len(values) > self._kept:
                chosen = np.argpartition(keys, self._kept)[: self._kept]
                values, keys = values[chosen], keys[chosen]
            self._values, self._keys = values, keys
            self._new, self._n_new = [], 0


def _histogram(values: FloatArray) -> Histogram:
    least, greatest = float(values.min()), float(values.max())
    # Bins so narrow that floating point cannot tell their edges apart are one bin.
    narrow = greatest - least <= 1e-12 * max(abs(least), abs(greatest))
    if narrow or not math.isfinite(greatest - least):
        return Histogram(edges=(least, greatest), counts=(len(values),))
    counts, edges = np.histogram(values, N_BINS, (least, greatest))
    return Histogram(edges=tuple(edges.tolist()), counts=tuple(counts.tolist()))


class Correlation:
    """Pearson's, by the pairwise update of means and co-moments (Chan, Golub, LeVeque 1983)."""

    def __init__(self) -> None:
        self._n = 0
        self._means = np.zeros(2)
        self._moments = np.zeros((2, 2))

    def add(self, x: FloatArray, y: FloatArray) -> None:
        """Take the pairs in which both are finite."""
        both = np.isfinite(x) & np.isfinite(y)
        pairs = np.stack([x[both], y[both]])
        n = pairs.shape[1]
        if not n:
            return
        means = pairs.mean(axis=1)
        centred = pairs - means[:, None]
        step, total = means - self._means, self._n + n
        self._moments += centred @ centred.T + np.outer(step, step) * (self._n * n / total)
        self._means += step * (n / total)
        self._n = total

    def value(self) -> float | None:
        """From -1 to 1; None where either does not vary."""
        scale = math.sqrt(float(self._moments[0, 0]) * float(self._moments[1, 1]))
        if not 0.0 < scale < math.inf:
            return None
        return min(max(float(self._moments[0, 1]) / scale, -1.0), 1.0)
