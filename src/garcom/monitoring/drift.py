"""Drift: whether current rows come from where the reference rows came from, told from their profiles alone."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Literal, NamedTuple

import msgspec
import numpy as np

from garcom.monitoring.bars import bars_of
from garcom.monitoring.records import Bar, ColumnDrift, DriftReport, JointDrift, Measure, Scope
from garcom.profiles.columns import CategoryColumn, NumberColumn
from garcom.profiles.profile import Profile
from garcom.records import FloatArray, IntArray
from garcom.stats.benjamini_hochberg import benjamini_hochberg
from garcom.stats.cells import Counts
from garcom.stats.chi_square import chi_square, rare_cells
from garcom.stats.good_turing import unseen_test
from garcom.stats.hellinger import hellinger_distance
from garcom.stats.jensen_shannon import jensen_shannon_distance
from garcom.stats.kolmogorov_smirnov import kolmogorov_smirnov
from garcom.stats.population_stability import population_stability_index
from garcom.stats.tested import Tested
from garcom.stats.total_variation import total_variation
from garcom.stats.wasserstein import wasserstein_distance

#: Bins of about equal numbers of reference rows, of which the index and the distances of shares are made.
N_BINS = 10
#: The chance that a window without drift is called drifted: a quarter of it for the columns, a quarter for the
#: reconstruction errors, half for the domain classifier, whose least p-value takes as many permutations as it is rare.
FALSE_ALARM_RATE = 0.002
#: Less is no drift however certain: the greatest difference of distribution functions, or the total variation.
LEAST_EFFECT = 0.1
#: The least effect of the domain classifier, 2 · (AUC − ½).
LEAST_SEPARATION = 0.2
MIN_ROWS = 100
#: Categories that the reference does not have are told apart from its rare ones where they are no likelier by chance.
NEW_BY_CHANCE = 1e-4
#: Enough for a p-value that decides nothing, because the effect is small.
_FEW_PERMUTATIONS = 200

ReferenceKind = Literal["training", "seasonal", "previous", "file"]
#: Those whose rows the layout was made of.
_FITTED = frozenset({"training", "file"})


class JointRows(NamedTuple):
    """Some rows of both sides (float64 ``[n, d]``, NaN where a value is missing), for the domain classifier."""

    reference: FloatArray
    current: FloatArray


def drift(
    reference: Profile,
    current: Profile,
    scope: Scope,
    *,
    kind: ReferenceKind = "training",
    chosen_by: str | None = None,
    importance: Mapping[str, float] | None = None,
    rows: JointRows | None = None,
    false_alarm_rate: float = FALSE_ALARM_RATE,
    least_effect: float = LEAST_EFFECT,
    min_rows: int = MIN_ROWS,
) -> DriftReport:
    """Compare two profiles of one layout.

    A column has drifted when its test is significant after the correction for the number of columns *and* its effect
    is at least ``least_effect``: the first alone alarms over nothing in large windows, the second alone in small ones.
    ``importance`` ranks them. Where a side has fewer than ``min_rows`` rows, or a column fewer values, the report says
    so and judges nothing. ``chosen_by`` is the column by whose value the current rows were chosen and the reference's
    were not: neither it nor all columns together are judged.
    """
    n, m = reference.n_rows, current.n_rows
    report = DriftReport(
        scope=scope,
        reference=kind,
        rows_reference=n,
        rows_current=m,
        false_alarm_rate=false_alarm_rate,
        effect_threshold=least_effect,
    )
    if why := too_few(n, min_rows, "of the reference") or too_few(m, min_rows):
        return msgspec.structs.replace(report, why=why)
    found = [_column(reference, current, at, min_rows, chosen_by) for at in range(len(reference.layout.columns))]
    adjusted = benjamini_hochberg([_p_value(each) for each in found]).tolist()
    columns = [
        _judged(each, p, false_alarm_rate / 4, least_effect, (importance or {}).get(each.column))
        for each, p in zip(found, adjusted, strict=True)
    ]
    if chosen_by is None:
        joint = _joint(reference, current, kind in _FITTED, rows, false_alarm_rate, least_effect, min_rows)
    else:
        joint = _unsaid(_of_all(chosen_by), rows is not None)
    verdicts = [each.drifted for each in columns] + [each.drifted for each in joint]
    known = [verdict for verdict in verdicts if verdict is not None]
    return msgspec.structs.replace(
        report,
        columns=tuple(sorted(columns, key=_rank)),
        joint=joint,
        drifted=any(known) if known else None,
        why=None if known else "no column could be compared: each says why",
    )


def too_few(n: int, least: int, whose: str = "") -> str | None:
    """What is said where there are fewer rows than needed."""
    return f"not enough rows{' ' + whose if whose else ''}: {n:,} of {least:,}" if n < least else None


def _of_all(column: str) -> str:
    return f"the reference is of all rows, whatever their {column}"


def _column(reference: Profile, current: Profile, at: int, min_rows: int, chosen_by: str | None) -> ColumnDrift:
    column = reference.layout.columns[at]
    left, right = reference.cells_of(at), current.cells_of(at)
    n, m = int(left.sum()), int(right.sum())
    is_number = isinstance(column, NumberColumn)
    found = ColumnDrift(
        column=column.name,
        role=column.role,
        kind="number" if is_number else "category",
        of=column.of if isinstance(column, NumberColumn) else "value",
        rows_reference=n,
        rows_current=m,
        mean_reference=reference.mean(at),
        mean_current=current.mean(at),
    )
    why = None
    if current.tally(at).absent == current.n_rows:
        why = "the column has vanished: no row has it"
    elif column.name == chosen_by:
        why = _of_all(column.name)
    elif m == 0:
        why = "no row has a value"
    else:
        why = too_few(n, min_rows, "of the reference with a value") or too_few(m, min_rows, "with a value")
    if why is not None:
        return msgspec.structs.replace(found, why=why)
    if isinstance(column, CategoryColumn):
        measures, effect = _category_measures(left, right)
        bars = tuple(
            Bar(label=label, reference=float(p), current=float(q))
            for label, p, q in zip((*column.values, "…"), left / n, right / m, strict=True)
            if p or q
        )
    else:
        deviation = math.sqrt(reference.variance(at) or 0.0)
        measures, effect = _number_measures(column, left, right, deviation)
        bars = bars_of(column.grid, left, right, column.of)
    return msgspec.structs.replace(found, measures=measures, effect=effect, bars=bars)


def _number_measures(
    column: NumberColumn, left: IntArray, right: IntArray, deviation: float
) -> tuple[tuple[Measure, ...], float]:
    used = np.flatnonzero(left + right)
    test = _tested(left, right)
    beyond = left[0] + left[-1] + right[0] + right[-1]  # how far those are is not known
    moved = wasserstein_distance(column.grid.positions()[used], left[used], right[used])
    bins = bin_of_cells(left)
    p, q = (np.bincount(bins, side, N_BINS).astype(np.float64) for side in (left, right))
    square = chi_square(p, q)
    measures = (
        _measure("kolmogorov_smirnov", test.statistic, test.p_value),
        # In standard deviations of the reference, so that columns can be compared; without one, in its own unit.
        _measure("wasserstein", math.nan if beyond else moved / deviation if deviation > 0 else moved),
        *_share_measures(p, q),
        _measure("chi_square", square.statistic, square.p_value),
    )
    return measures, float(test.statistic)


def _category_measures(left: IntArray, right: IntArray) -> tuple[tuple[Measure, ...], float]:
    left, right, test = compared_categories(left, right)
    effect = total_variation(left, right)
    measures = (
        _measure("chi_square", test.statistic, test.p_value),
        *_share_measures(left.astype(float), right.astype(float)),
        _measure("total_variation", effect),
    )
    return measures, float(effect)


class Categories(NamedTuple):
    """The cells of both sides as they are compared, and the test of their difference."""

    reference: IntArray
    current: IntArray
    test: Tested


def compared_categories(left: IntArray, right: IntArray) -> Categories:
    """The cells of categories, of which the last counts those that the reference does not have.

    Which categories a reference lacks is chance where it has rare ones: they are rare on both sides, and only together
    can be compared. But together they hide that all are new: whether more are new than chance explains is tested beside
    that, and twice the smaller p-value is taken (Bonferroni). What chance does not explain has a cell of its own.
    """
    rare = rare_cells(left, right)
    rare[-1] = True
    pooled = [np.append(side[~rare], side[rare].sum()) for side in (left, right)]
    test = chi_square(pooled[0], pooled[1])
    if not left[rare].any():
        return Categories(pooled[0], pooled[1], test)
    p_new = unseen_test(left, right)
    p_value = min(1.0, 2 * float(np.fmin(test.p_value, p_new)))  # all cells may be rare, and chi-square say nothing
    if p_new > NEW_BY_CHANCE:
        return Categories(pooled[0], pooled[1], Tested(test.statistic, p_value))
    new = left == 0
    apart = [np.append(side[~rare & ~new], [side[rare & ~new].sum(), side[new].sum()]) for side in (left, right)]
    return Categories(apart[0], apart[1], Tested(chi_square(apart[0], apart[1]).statistic, p_value))


def _share_measures(p: FloatArray, q: FloatArray) -> tuple[Measure, ...]:
    return (
        _measure("population_stability", population_stability_index(p, q)),
        _measure("jensen_shannon", jensen_shannon_distance(p, q)),
        _measure("hellinger", hellinger_distance(p, q)),
    )


def bin_of_cells(reference: IntArray) -> IntArray:
    """The bin (0 to :data:`N_BINS` - 1) of each cell, so that each has about as many reference rows as the others.

    A cell is never parted, so a value that many rows have is a bin of its own, and there are fewer of them.
    """
    before = np.concatenate([[0], np.cumsum(reference)[:-1]])
    middle = before + reference / 2
    bins: IntArray = np.minimum((middle * N_BINS / max(1, int(reference.sum()))).astype(np.int64), N_BINS - 1)
    return bins


def _judged(
    found: ColumnDrift, p_adjusted: float, significance: float, least_effect: float, importance: float | None
) -> ColumnDrift:
    if found.why is not None or found.effect is None:
        return found
    deciding = _deciding(found)
    known = not math.isnan(p_adjusted)
    measures = tuple(
        msgspec.structs.replace(each, p_adjusted=p_adjusted) if each is deciding and known else each
        for each in found.measures
    )
    return msgspec.structs.replace(
        found,
        measures=measures,
        drifted=p_adjusted <= significance and found.effect >= least_effect if known else None,
        importance=importance,
        impact=None if importance is None else importance * found.effect,
        why=None if known else "too few rows are expected in each category for a test",
    )


def _rank(found: ColumnDrift) -> tuple[bool, float, float]:
    """What has drifted comes first: the effects of the others are chance."""
    return not found.drifted, -(found.impact or 0.0), -(found.effect or 0.0)


def _p_value(found: ColumnDrift) -> float:
    p_value = _deciding(found).p_value if found.measures else None
    return math.nan if p_value is None else p_value


def _deciding(found: ColumnDrift) -> Measure:
    """The test that decides: the first measure."""
    return found.measures[0]


def _joint(
    reference: Profile,
    current: Profile,
    is_fitted: bool,
    rows: JointRows | None,
    false_alarm_rate: float,
    least_effect: float,
    min_rows: int,
) -> tuple[JointDrift, ...]:
    if (gone := _vanished(reference, current)) is not None:
        why = f"the column {gone} has vanished: what the others have in common with it cannot be told"
        return _unsaid(why, rows is not None)
    found = [_reconstruction(reference, current, is_fitted, false_alarm_rate / 4, least_effect, min_rows)]
    if rows is not None:
        found.append(_classifier(rows, false_alarm_rate / 2, min_rows))
    return tuple(found)


def _unsaid(why: str, also_classifier: bool) -> tuple[JointDrift, ...]:
    unsaid = JointDrift(method="pca", value=None, why=why)
    return (unsaid, msgspec.structs.replace(unsaid, method="domain_classifier")) if also_classifier else (unsaid,)


def _vanished(reference: Profile, current: Profile) -> str | None:
    """The first of the columns that are looked at together that no current row has."""
    together, n = reference.layout.together, current.n_rows
    names = () if together is None or not n else together.names
    return next((name for name in names if current.tally(reference.layout.names.index(name)).absent == n), None)


def _reconstruction(
    reference: Profile, current: Profile, is_fitted: bool, significance: float, least_effect: float, min_rows: int
) -> JointDrift:
    """Kolmogorov and Smirnov's test of the errors: their distribution has long tails, so means say little of it.

    Components rebuild the rows that they were fitted to better than others. Current rows may be others, or the same, or
    some of each: they have not moved if their distribution lies between these two.
    """
    left, right = reference.together_cells, current.together_cells
    n, m = int(left.sum()), int(right.sum())
    together = reference.layout.together
    if together is None:
        why: str | None = "fewer than two columns vary in the reference"
    else:
        why = too_few(n, min_rows, "of the reference") or too_few(m, min_rows)
    if together is None or why is not None:
        return JointDrift(method="pca", value=None, why=why)
    of_others = together.errors_of_others() if is_fitted else None
    test = _tested(left if of_others is None else _likest(left, of_others, right), right)
    mean = reference.together_mean
    if of_others is not None:
        mean = float(np.average(together.grid.positions(), weights=of_others))
    return JointDrift(
        method="pca",
        value=current.together_mean,
        reference=mean,
        effect=float(test.statistic),
        p_value=float(test.p_value),
        drifted=test.p_value <= significance and test.statistic >= least_effect,
    )


def _likest(one: IntArray, other: IntArray, current: IntArray) -> FloatArray:
    """Of the distributions between two, the one that is most like the current one; as many rows as the first has."""
    n = int(one.sum())
    borders = np.stack([np.cumsum(one) / n, np.cumsum(other) / int(other.sum())])
    likest = np.clip(np.cumsum(current) / int(current.sum()), borders.min(axis=0), borders.max(axis=0))
    found: FloatArray = n * np.diff(likest, prepend=0.0)
    return found


def _tested(left: Counts, right: IntArray) -> Tested:
    used = np.flatnonzero(left + right)
    return kolmogorov_smirnov(left[used], right[used])


def _classifier(rows: JointRows, significance: float, min_rows: int) -> JointDrift:
    from garcom.stats.domain_classifier import domain_classifier

    why = too_few(len(rows.reference), min_rows, "of the reference") or too_few(len(rows.current), min_rows)
    if why is not None:
        return JointDrift(method="domain_classifier", value=None, reference=0.5, why=why)
    # Below a half it learned the opposite: of rows that are on both sides each teaches it to be wrong about the other.
    effect = max(0.0, 2 * (domain_classifier(rows.reference, rows.current, permutations=0).auc - 0.5))
    # Where the p-value decides, as many permutations as its least value takes.
    permutations = math.ceil(1 / significance) if effect >= LEAST_SEPARATION else _FEW_PERMUTATIONS
    found = domain_classifier(rows.reference, rows.current, permutations=permutations)
    if math.isnan(found.auc):
        return JointDrift(method="domain_classifier", value=None, reference=0.5, why="no column varies")
    return JointDrift(
        method="domain_classifier",
        value=found.auc,
        reference=0.5,
        effect=effect,
        p_value=found.p_value,
        drifted=found.p_value <= significance and effect >= LEAST_SEPARATION,
    )


def _measure(name: str, value: float, p_value: float | None = None) -> Measure:
    """A measure; what is not a number is None."""
    return Measure(name=name, value=_finite(value), p_value=None if p_value is None else _finite(p_value))


def _finite(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None
