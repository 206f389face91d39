"""The Jensen–Shannon distance: a metric from 0 to 1 that needs no smoothing."""

from __future__ import annotations

import math

import numpy as np

from garcom.records import FloatArray
from garcom.stats.cells import Counts, both_shares


def jensen_shannon_distance(reference: Counts, current: Counts) -> float:
    """The square root of the Jensen–Shannon divergence in bits: 0 for equal shares, 1 where no cell is shared.

    The same with the sides exchanged; empty cells need no smoothing. The order of the cells does not matter: prefer
    Wasserstein's distance where it matters how far values have moved. NaN where a side has no rows.

    >>> jensen_shannon_distance(np.array([10, 0]), np.array([0, 7]))
    1.0

    Source: Lin, Divergence measures based on the Shannon entropy (1991); Endres and Schindelin (2003).
    """
    shares = both_shares(reference, current)
    if shares is None:
        return np.nan
    p, q = shares
    middle = (p + q) / 2
    # With p = m (1 + d) and q = m (1 - d) nearly equal shares lose no digits to cancellation.
    gap = (p - q) / (p + q)
    bits = float((middle * (_entropy(gap) + _entropy(-gap))).sum()) / (2 * math.log(2))
    return math.sqrt(min(max(bits, 0.0), 1.0))


def _entropy(gap: FloatArray) -> FloatArray:
    """(1 + d) · ln(1 + d), which is 0 at d = −1."""
    some = np.maximum(gap, np.nextafter(-1.0, 0.0))
    found: FloatArray = np.where(gap > -1.0, (1 + some) * np.log1p(some), 0.0)
    return found
