"""The Hellinger distance: a metric from 0 to 1 that weighs rare cells more than the total variation does."""

from __future__ import annotations

import math

import numpy as np

from garcom.stats.cells import Counts, both_shares


def hellinger_distance(reference: Counts, current: Counts) -> float:
    """√(½ Σ (√p − √q)²): 0 where the shares are equal, 1 where no cell is shared.

    The same with the sides exchanged; empty cells need no smoothing. With H and the total variation T, H² ≤ T ≤ √2 · H.
    NaN where a side has no rows.

    >>> hellinger_distance(np.array([3, 1]), np.array([3, 1]))
    0.0

    Source: Hellinger (1909); Pardo, Statistical Inference Based on Divergence Measures (2006).
    """
    shares = both_shares(reference, current)
    if shares is None:
        return np.nan
    p, q = shares
    return min(math.sqrt(float(((np.sqrt(p) - np.sqrt(q)) ** 2).sum()) / 2), 1.0)
