"""The population stability index: how far shares have moved, in the units that credit scoring knows by heart."""

from __future__ import annotations

import numpy as np

from garcom.stats.cells import Counts, both_shares

#: A share below it counts as it: one row in ten thousand.
LEAST_SHARE = 1e-4


def population_stability_index(reference: Counts, current: Counts) -> float:
    """Σ (p − q) · ln(p / q) over cells: 0 where the shares are equal, the same with the sides exchanged.

    By custom below 0.1 is stable and above 0.25 is a great change. It has no scale that holds for every number of
    cells and rows: where n and m rows of k cells come from the same distribution, its mean is about
    (k − 1) · (1/n + 1/m). Prefer the Jensen–Shannon distance where a value from 0 to 1 is wanted.

    The logarithm has no answer for an empty cell. So a share below 1/10,000 counts as 1/10,000 on either side (with
    more than 1,000 cells: a tenth of the mean share): an empty cell is told from one with a few rows in a million
    neither way, a category that is new adds at most 9.2 times its share, and the index does not depend on which side
    is which or on how many rows there are. Cells that both lack do not count. NaN where a side has no rows.

    >>> round(population_stability_index(np.array([50, 30, 20]), np.array([30, 30, 40])), 4)
    0.2408

    Source: Siddiqi, Credit Risk Scorecards (2006); it is the sum of both Kullback–Leibler divergences (Jeffreys 1946).
    """
    shares = both_shares(reference, current)
    if shares is None:
        return np.nan
    least = min(LEAST_SHARE, 0.1 / len(shares[0]))
    p, q = np.maximum(shares[0], least), np.maximum(shares[1], least)
    return float(((p - q) * np.log(p / q)).sum())
