"""The total variation distance: the share of rows that would have to move to another cell."""

from __future__ import annotations

import numpy as np

from garcom.stats.cells import Counts, both_shares


def total_variation(reference: Counts, current: Counts) -> float:
    """½ Σ |p − q|: the greatest difference of the chances of any set of cells, from 0 to 1.

    The order of the cells does not matter. Of small samples with many cells it is well above 0 without any drift, by
    about √(k / (2π) · (1/n + 1/m)) where k cells are alike. NaN where a side has no rows.

    >>> total_variation(np.array([50, 50]), np.array([75, 25]))
    0.25

    Source: Levin, Peres and Wilmer, Markov Chains and Mixing Times (2009), proposition 4.2.
    """
    shares = both_shares(reference, current)
    if shares is None:
        return np.nan
    return min(float(np.abs(shares[0] - shares[1]).sum()) / 2, 1.0)
