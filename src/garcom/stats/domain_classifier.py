"""A classifier that tells current rows from reference rows: where it can, columns have moved, alone or together."""

from __future__ import annotations

from itertools import combinations
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from garcom.records import FloatArray, IntArray

N_FOLDS = 5
#: With fewer rows on a side nothing is told.
LEAST_ROWS = 10
#: With more columns, their products are left out.
MOST_COLUMNS_WITH_PRODUCTS = 20

Mask = npt.NDArray[np.bool_]


class Separation(NamedTuple):
    """How well the two sides can be told apart, from so many rows.

    ``auc`` is the chance that a current row looks more current than a reference row: 0.5 where they are alike, 1
    where they are apart. ``p_value`` is the chance of such an AUC, or a greater one, without drift. Both are NaN where
    a side has fewer than 10 rows.
    """

    auc: float
    p_value: float
    n_reference: int
    n_current: int


def domain_classifier(
    reference: FloatArray, current: FloatArray, *, permutations: int = 200, seed: int = 0
) -> Separation:
    """Train on the rows ``reference`` [n, d] and ``current`` [m, d], and test on rows that were not trained on.

    The classifier is a ridge regression of the side on the columns, their squares and (up to 20 columns) their
    products, so it sees means, spreads and correlations move. Columns are replaced by their ranks among all rows
    (ties share the mean rank), so no outlier and no skew hides the rest; a missing value (NaN) has the mean rank, and
    a column of its own tells where it was missing. Categories come as numbers, best one column each.

    The AUC is the mean over 5 folds of rows left out. The p-value comes from ``permutations`` exchanges of the sides
    among the rows of each fold, so it is exact whatever the columns look like; the least is 1 / (permutations + 1).
    The same ``seed`` gives the same answer. Time and memory grow with rows × permutations: give it some thousand rows
    a side. Raises ValueError where the two sides do not have the same columns.

    Source: Lopez-Paz and Oquab, Revisiting classifier two-sample tests (2017); Phipson and Smyth, Permutation p-values
    should never be zero (2010).
    """
    if reference.ndim != 2 or current.ndim != 2 or reference.shape[1] != current.shape[1]:
        raise ValueError(f"Expected rows of the same columns, got the shapes {reference.shape} and {current.shape}.")
    n, m = len(reference), len(current)
    if min(n, m) < LEAST_ROWS:
        return Separation(np.nan, np.nan, n, m)
    random = np.random.default_rng(seed)
    features = _features(np.concatenate([reference, current]).astype(np.float64, copy=False))
    # Each fold has its part of both sides, so that every model has seen the same mix.
    folds = [
        np.concatenate(parts)
        for parts in zip(
            np.array_split(random.permutation(n), N_FOLDS),
            np.array_split(n + random.permutation(m), N_FOLDS),
            strict=True,
        )
    ]
    # Column 0 is the truth, the others are the sides exchanged.
    sides = [_exchanged(rows >= n, permutations, random) for rows in folds]
    areas = _areas(features, folds, sides)
    reached = int(np.count_nonzero(areas[1:] >= areas[0] - 1e-12))
    return Separation(float(areas[0]), (1 + reached) / (1 + permutations), n, m)


def _areas(features: FloatArray, folds: list[IntArray], sides: list[Mask]) -> FloatArray:
    """The AUC on rows left out for each column of sides, the mean over the folds."""
    n_features = features.shape[1]
    parts = [features[rows] for rows in folds]
    # Training on all folds but one is subtraction: nothing is multiplied twice.
    grams = [part.T @ part for part in parts]
    moments = [part.T @ (side - side.mean(axis=0)) for part, side in zip(parts, sides, strict=True)]
    gram, moment = sum(grams, np.zeros_like(grams[0])), sum(moments, np.zeros_like(moments[0]))
    # As if each standardised feature were expected to tell 1 / n_features of the side.
    penalty = max(n_features, 1) * np.eye(n_features)
    areas = np.zeros(sides[0].shape[1])
    for part, side, its_gram, its_moment in zip(parts, sides, grams, moments, strict=True):
        weights = np.linalg.solve(gram - its_gram + penalty, moment - its_moment)
        # Rows that are equal may differ in the last digit of a float64, depending on where they stand in the block.
        areas += _areas_of_rows((weights.T @ part.T).astype(np.float32), side.T)
    return areas / len(folds)


def _areas_of_rows(scores: npt.NDArray[np.float32], side: Mask) -> FloatArray:
    """The ROC AUC of each row of ``scores`` [k, n], where ``side`` [k, n] tells the current ones.

    It is the share of pairs in which the current row has the greater score; equal scores count half (Mann and Whitney
    1947; Hanley and McNeil 1982).

    A score and its side, in the place of the score's last bit, are sorted as one whole number, once with the current
    rows last among equal scores and once with them first; the mean of both counts equal scores half.
    """
    bits = (scores + np.float32(0.0)).view(np.int32)  # -0.0 is 0.0
    order = (bits ^ ((bits >> 31) & 0x7FFF_FFFF)) & ~1  # in the order of the floats
    n, n_current = side.shape[1], np.count_nonzero(side, axis=1)
    places = np.arange(n, dtype=np.float64)
    total = np.zeros(len(side))
    for current_last in (True, False):
        last = np.sort(order | (side == current_last), axis=1) & 1
        at_last = last @ places
        total += at_last if current_last else places.sum() - at_last
    found: FloatArray = (total / 2 - n_current * (n_current - 1) / 2) / (n_current * (n - n_current))
    return found


def _exchanged(side: Mask, permutations: int, random: np.random.Generator) -> Mask:
    """The sides of a fold's rows, and ``permutations`` random orders of them: [n_rows, 1 + permutations]."""
    orders = random.permuted(np.broadcast_to(side, (permutations, len(side))), axis=1)
    return np.concatenate([side[None], orders]).T


def _features(rows: FloatArray) -> FloatArray:
    """Ranks, squares, products and what is missing, each with mean 0 and variance 1 (or 0 throughout)."""
    missing = np.isnan(rows)
    ranks = [_standardised(_ranks(column)) for column in rows.T]
    found = [*ranks, *(_standardised(each**2) for each in ranks)]
    if len(ranks) <= MOST_COLUMNS_WITH_PRODUCTS:
        found += [_standardised(one * other) for one, other in combinations(ranks, 2)]
    found += [_standardised(missing[:, i].astype(np.float64)) for i in np.flatnonzero(missing.any(axis=0))]
    return np.stack(found, axis=1) if found else np.zeros((len(rows), 0))


def _ranks(column: FloatArray) -> FloatArray:
    """Ranks from 0, the mean of them for ties; missing values have the mean of all."""
    present = ~np.isnan(column)
    _, inverse, counts = np.unique(column[present], return_inverse=True, return_counts=True)
    upper = np.cumsum(counts)
    ranks = np.full(len(column), (np.count_nonzero(present) - 1) / 2)
    ranks[present] = (upper - (counts + 1) / 2)[inverse]
    return ranks


def _standardised(feature: FloatArray) -> FloatArray:
    """Centred and scaled; zeros where nothing but rounding varies."""
    centred = feature - feature.mean()
    scale = float(centred.std())
    return centred / scale if scale > 1e-9 else np.zeros_like(centred)
