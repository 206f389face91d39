"""Good and Turing's estimate: how many rows are of categories that a sample has no row of."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from garcom.records import IntArray
from garcom.stats.cells import both_counts

#: More current rows than these tell no more of what is unseen than their share.
_MOST_ROWS = 100_000


class Unseen(NamedTuple):
    """The share of new rows whose categories a sample has no row of, as estimated, and its standard deviation."""

    share: float
    deviation: float


def unseen_share(sample: IntArray, n_new: int) -> Unseen:
    """What to expect of ``n_new`` rows from where the sample's ``[n_cells]`` came from.

    Those that are the only ones of their category are as many as what is unseen; the deviation is that of this estimate
    and of the new rows themselves. NaN where either has no rows.

    >>> expected = unseen_share(np.array([40, 30, 20, 1, 1]), 100)
    >>> round(expected.share, 4), round(expected.deviation, 4)
    (0.0217, 0.0212)

    Source: Good, The population frequencies of species (1953); Esty, A normal limit law for a nonparametric estimator
    of the coverage of a random sample (1983).
    """
    n = int(sample.sum())
    if not (n and n_new):
        return Unseen(math.nan, math.nan)
    once, twice = int((sample == 1).sum()), int((sample == 2).sum())
    share = once / n
    return Unseen(share, math.sqrt((once + 2 * twice) / n**2 + share * (1 - share) / n_new))


def unseen_test(reference: IntArray, current: IntArray) -> float:
    """The chance of at least as many current rows in cells of which the reference has none.

    The share of what is unseen is taken for beta-distributed, with the mean and the variance of the estimate, so the
    rows have the beta-binomial distribution: the normal limit is far too certain where few rows are the only ones of
    their category. One more such row is supposed, and with none it is the chance that all these rows, of both sides,
    happen to be on the current one. More than 100,000 current rows count as so many.
    NaN where a side has no rows.

    >>> unseen_test(np.array([60, 40, 0]), np.array([70, 20, 10])) < 1e-3
    True
    """
    left, right = both_counts(reference, current)
    n, m = left.sum(), right.sum()
    if not (n > 0 and m > 0):
        return math.nan
    once, twice = 1 + np.count_nonzero(left == 1), np.count_nonzero(left == 2)
    found = right[left == 0].sum()
    if m > _MOST_ROWS:
        found, m = math.floor(found * _MOST_ROWS / m), float(_MOST_ROWS)
    a = once**2 / (once + 2 * twice)
    b = max(n * a / once - a, a)
    at = np.arange(m)
    logs = np.append(0.0, np.cumsum(np.log((m - at) * (at + a)) - np.log((at + 1) * (m - at - 1 + b))))
    chances = np.exp(logs - logs.max())
    return min(1.0, float(chances[int(found) :].sum() / chances.sum()))
