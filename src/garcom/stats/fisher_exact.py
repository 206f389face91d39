"""Fisher's exact test: whether two samples have the same share of a category, however few rows have it."""

from __future__ import annotations

import numpy as np

from garcom.stats.cells import Counts, both_counts

#: Tables that are as likely as the one that came count as no more likely, though sums of logarithms differ a little.
_AS_LIKELY = 1e-7


def fisher_exact(reference: Counts, current: Counts) -> float:
    """The two-sided p-value of a 2 × 2 table: the chance of a table no more likely than it, given its margins.

    ``reference`` and ``current`` count the rows with and without the category, ``[2]``; what is no whole number is
    rounded. NaN where a side has no rows; 1 where one is worth less than half a row, or where one of the cells has none
    on either side. Time and memory grow with the least of the four margins. Raises ValueError for more or fewer than
    two cells.

    >>> round(fisher_exact(np.array([8, 2]), np.array([1, 5])), 4)
    0.035

    Source: Fisher (1935); Agresti, Categorical Data Analysis (2013), 3.5.
    """
    left, right = both_counts(reference, current)
    if left.size != 2:
        raise ValueError(f"Expected two cells on each side, got {left.size}.")
    if not (left.any() and right.any()):
        return float("nan")
    table = np.rint(np.stack([left, right]))
    rows, columns = table.sum(axis=1), table.sum(axis=0)
    if not rows.all():
        return 1.0
    row, column = int(np.argmin(rows)), int(np.argmin(columns))
    n, k, total = rows[row], columns[column], rows.sum()
    # Each table that has these margins, by the count in the cell of both least ones; the chance of each is that of the
    # one before it times a quotient (the hypergeometric distribution).
    counts = np.arange(max(0.0, n + k - total), min(n, k) + 1)
    at = counts[:-1]
    steps = np.log((k - at) * (n - at)) - np.log((at + 1) * (total - k - n + at + 1))
    logs = np.concatenate([[0.0], np.cumsum(steps)])
    chances = np.exp(logs - logs.max())
    came = chances[int(table[row, column] - counts[0])]
    return min(1.0, float(chances[chances <= came * (1 + _AS_LIKELY)].sum() / chances.sum()))
