"""Data quality: what is wrong with rows by themselves, beside what the reference rows were like."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta

import numpy as np

from garcom.moments import hour_of
from garcom.monitoring.records import ColumnQuality, Figure, Finding, QualityReport, Scope, Traffic
from garcom.profiles.columns import CategoryColumn, NumberColumn
from garcom.profiles.profile import Profile, Tally
from garcom.profiles.repeats import Repeated
from garcom.stats.good_turing import unseen_share
from garcom.stats.performance.intervals import Z

#: Shares that are findings: of missing values and of repeated rows beside the reference's, of values out of range, of
#: unseen categories, and of values of the wrong type.
MORE_MISSING = 0.05
MORE_DUPLICATES = 0.1
OUT_OF_RANGE = 0.01
UNSEEN = 0.01
#: A new number lies outside of n others with a chance of 2 / (n + 1): of n + 1 one is the greatest, and one the least.
#: Given the n, the chance has the distribution Beta(2, n - 1): it is six times as much once in ten thousand.
OUT_OF_RANGE_BY_CHANCE = 12.0
UNREADABLE = 0.001
MIN_ROWS = 100
#: An hour's traffic is a jump beside the median of the same hour of so many days before, if as many of them as the
#: second are known: when it is so many times as much, or as little, by as many of Poisson's standard deviations, and by
#: so many times as those days differ among themselves.
_DAYS_BEFORE, _LEAST_DAYS = 7, 3
_TIMES = 3.0
_DEVIATIONS = 6.0
_SPREADS = 4.0
#: The standard deviation of normal numbers, in median distances from their median.
_NORMAL = 1.4826
_HOURS_OF_DAY = 24
#: Silence: so many times the longest pause before, and at least so long.
_TIMES_LONGEST = 3.0
_LEAST_SILENCE = timedelta(hours=2)


def quality(
    profile: Profile,
    scope: Scope,
    *,
    reference: Profile | None = None,
    traffic: Sequence[Traffic] = (),
    last_row: datetime | None = None,
    refused: int | None = None,
    now: datetime | None = None,
    min_rows: int = MIN_ROWS,
) -> QualityReport:
    """The quality of the rows of a profile.

    ``traffic`` are the hours of the window and of some time before it, in order, those without rows too; or days, which
    are not looked at for silence and jumps. The last of the hours is looked at only when it is over by ``now``; without
    ``now`` it is. Findings that are shares need ``min_rows`` rows; counts are there whatever their number.
    """
    n = profile.n_rows
    columns = tuple(_column(profile, at, reference) for at in range(len(profile.layout.columns)))
    duplicates = _duplicates(profile)
    is_hourly = len(traffic) < 2 or traffic[1].since - traffic[0].since == timedelta(hours=1)
    findings = [*_silence_and_jumps(traffic if is_hourly else (), last_row, now)]
    if n >= min_rows:
        # All rows of a segment have one value in its field.
        chosen_by = (scope.segment or "").partition("=")[0]
        findings += [
            finding
            for at in range(len(columns))
            for finding in _findings(columns[at], profile, at, reference, chosen_by)
        ]
        findings += _repeated(profile, reference)
    inside = [each for each in traffic if scope.since is None or each.since >= hour_of(scope.since)]
    return QualityReport(
        scope=scope,
        rows=n,
        columns=columns,
        duplicates=duplicates,
        refused=refused,
        traffic=tuple(inside),
        last_row=last_row,
        findings=tuple(findings),
        why=None if n >= min_rows else f"not enough rows: {n:,} of {min_rows:,}",
    )


def shares(profile: Profile) -> tuple[float | None, float | None, float | None]:
    """Of all values of the features: the shares that are missing, out of range, and unseen; None where none can be."""
    missing = below = unseen = of_numbers = of_categories = of_all = 0
    for at, column in enumerate(profile.layout.columns):
        if column.role != "feature":
            continue
        tally, present = profile.tally(at), profile.present(at)
        missing += tally.missing
        of_all += profile.n_rows
        if isinstance(column, NumberColumn):
            below += tally.below + tally.above
            of_numbers += present
        else:
            unseen += tally.above
            of_categories += present
    return _share(missing, of_all), _share(below, of_numbers), _share(unseen, of_categories)


def _column(profile: Profile, at: int, reference: Profile | None) -> ColumnQuality:
    column, tally = profile.layout.columns[at], profile.tally(at)
    is_number = isinstance(column, NumberColumn)
    has_range = isinstance(column, NumberColumn) and column.least is not None
    return ColumnQuality(
        column=column.name,
        kind="number" if is_number else "category",
        rows=profile.n_rows,
        missing=tally.missing,
        missing_reference=None if reference is None else _share(reference.tally(at).missing, reference.n_rows),
        out_of_range=_outside(tally) if has_range else None,
        unseen=None if is_number else tally.above,
        unseen_values=_most_frequent(profile.unseen.get(column.name, {})),
        type_failures=tally.unreadable,
        constant=_is_constant(profile, at),
    )


def _most_frequent(counts: Mapping[str, int]) -> tuple[str, ...]:
    return tuple(sorted(counts, key=lambda value: (-counts[value], value)))


def _is_constant(profile: Profile, at: int) -> bool:
    """Whether more than one row has a value and all have the same."""
    if profile.present(at) < 2:
        return False
    if isinstance(profile.layout.columns[at], CategoryColumn):
        named = profile.unseen.get(profile.layout.columns[at].name, {})
        cells = profile.cells_of(at)
        # Not all unseen values are named: there may be too many, or they are forgotten with the rows.
        return sum(named.values()) == int(cells[-1]) and int(np.count_nonzero(cells[:-1])) + len(named) == 1
    least, greatest = profile.sums[at, 2:].tolist()
    return bool(least == greatest) and not profile.tally(at).infinite


def _findings(
    found: ColumnQuality, profile: Profile, at: int, reference: Profile | None, chosen_by: str
) -> Iterator[Finding]:
    name, n = found.column, found.rows
    tally, present = profile.tally(at), profile.present(at)
    usual = found.missing_reference or 0.0
    missing = found.missing / n
    if tally.absent == n:
        yield Finding(kind="vanished", column=name, share=1.0, text=f"No row has the column {name!r}.")
    elif found.missing == n and usual < 1.0:
        yield Finding(kind="vanished", column=name, share=1.0, text=f"No row has a value in {name!r}.")
    elif missing >= usual + MORE_MISSING:
        text = f"{name!r} is missing in {missing:.1%} of the rows, in the reference in {usual:.1%}."
        yield Finding(kind="missing", column=name, share=missing, text=text)
    if tally.unreadable / n >= UNREADABLE:
        share = tally.unreadable / n
        text = f"{name!r} has a value of the wrong type in {share:.1%} of the rows."
        yield Finding(kind="type_failures", column=name, share=share, text=text)
    if not present:
        return
    is_feature = profile.layout.columns[at].role == "feature"
    beyond = max(OUT_OF_RANGE, 0.0 if reference is None else OUT_OF_RANGE_BY_CHANCE / (reference.present(at) + 1))
    # Infinite numbers lie outside, even of the range of the rows that have them.
    there = 0.0 if reference is None else _share(_outside(reference.tally(at)), reference.present(at)) or 0.0
    if is_feature and found.out_of_range is not None and found.out_of_range / present >= there + beyond:
        share = found.out_of_range / present
        text = f"{share:.1%} of the values of {name!r} are outside the range of the reference."
        yield Finding(kind="out_of_range", column=name, share=share, text=text)
    if found.unseen is not None and found.unseen / present >= max(UNSEEN, unseen_by_chance(reference, at, present)):
        share = found.unseen / present
        named = ", ".join(repr(value) for value in found.unseen_values[:5])
        names = f": {named}" if named else ""
        text = f"{share:.1%} of the values of {name!r} are categories that the reference does not have{names}."
        yield Finding(kind="unseen", column=name, share=share, text=text)
    varied = reference is not None and reference.present(at) > 0 and not _is_constant(reference, at)
    if found.constant and varied and name != chosen_by:
        text = f"All rows have the same value in {name!r}, which varies in the reference."
        yield Finding(kind="constant", column=name, share=1.0, text=text)


def unseen_by_chance(reference: Profile | None, at: int, present: int) -> float:
    """The share of so many values, at the most, of whose categories a reference like this one has no row.

    It is what Good and Turing's estimate says of it, with four standard deviations.
    """
    n = 0 if reference is None else reference.present(at)
    if reference is None or not n:
        return 0.0
    expected = unseen_share(reference.cells_of(at)[:-1], present)
    return expected.share + 4 * expected.deviation


def _duplicates(profile: Profile) -> Figure:
    """The share of rows that repeat another, as the sample of the profile tells it."""
    found = profile.repeated()
    if found is None:
        return Figure(value=None, n=0, why="not enough rows: 0 of 1")
    return Figure(value=found.share, low=found.low, high=found.high, n=found.rows)


def _repeated(profile: Profile, reference: Profile | None) -> Iterator[Finding]:
    """More repetitions than among as many rows of the reference; few possible rows repeat each other by themselves."""
    found = profile.repeated(reference.n_compared if reference is not None and reference.n_compared else None)
    usual = None if reference is None else reference.repeated(profile.n_compared)
    if found is not None and _more_repeated(found, usual) >= MORE_DUPLICATES:
        before = 0.0 if usual is None else usual.share
        text = f"{found.share:.1%} of the rows repeat another, in the reference {before:.1%}."
        yield Finding(kind="duplicates", share=found.share, text=text)


def _more_repeated(found: Repeated, usual: Repeated | None) -> float:
    """How much greater the share is at the least: of all repetitions, or of those that the samples show.

    Samples are uncertain, and rows come by chance. The interval of the difference is that of Zou and Donner (2008).
    """
    if usual is None:
        return found.low - Z * found.error
    by_chance = Z * math.hypot(found.error, usual.error)
    return max(
        found.share - usual.share - math.hypot(found.share - found.low, usual.high - usual.share, by_chance),
        found.seen - usual.seen - math.hypot(found.seen_within, usual.seen_within, by_chance),
    )


def _silence_and_jumps(
    traffic: Sequence[Traffic], last_row: datetime | None, now: datetime | None
) -> Iterator[Finding]:
    if now is not None and last_row is not None:
        usual = max(_LEAST_SILENCE, _TIMES_LONGEST * _longest_pause(traffic))
        if now - last_row > usual:
            hours = (now - last_row) / timedelta(hours=1)
            yield Finding(kind="silence", text=f"No row has come for {hours:,.1f} hours.")
    is_over = not traffic or now is None or now >= traffic[-1].since + timedelta(hours=1)
    yield from _jump([each.rows for each in (traffic if is_over else traffic[:-1])])


def _jump(hours: Sequence[int]) -> Iterator[Finding]:
    """Whether the last of these hours has far more or fewer rows than that hour of the day has on other days.

    Nights are no jumps, nor are weekends once a week is known: then the same hour of the weekday has to be otherwise
    too. Before enough days are known, all hours of a day at least have to be.
    """
    if len(hours) <= _HOURS_OF_DAY:
        return
    latest, before = hours[-1], hours[:-1]
    same = before[-_HOURS_OF_DAY::-_HOURS_OF_DAY][:_DAYS_BEFORE]
    if len(same) >= _LEAST_DAYS:
        usual, others = float(np.median(same)), same[_DAYS_BEFORE - 1 :]
        spread = _spread(same, usual)
    else:
        usual, others, spread = float(np.median(before)), [min(before), max(before)], 0.0
    is_more = latest > usual
    if usual > 0 and _is_far(latest, usual, is_more, spread) and all(_is_far(latest, n, is_more) for n in others):
        text = f"{latest:,} rows in the last whole hour, where {usual:,.0f} are usual."
        yield Finding(kind="jump", share=latest / usual, text=text)


def _is_far(rows: int, usual: float, is_more: bool, spread: float = 0.0) -> bool:
    """Whether rows are so many more, or else fewer, than usual that neither chance nor the spread explains it."""
    far = _DEVIATIONS * math.sqrt(usual + 1.0)  # what is usual came by chance too
    times = math.exp(min(max(math.log(_TIMES), _SPREADS * spread), 700.0))
    return rows >= max(usual * times, usual + far) if is_more else rows <= min(usual / times, usual - far)


def _spread(counts: Sequence[int], usual: float) -> float:
    """The standard deviation of the logarithms of counts, beyond Poisson's; one that is far off does not move it."""
    apart = np.abs(np.log((np.array(counts) + 0.5) / (usual + 0.5)))
    return math.sqrt(max(0.0, (_NORMAL * float(np.median(apart))) ** 2 - 1 / (usual + 0.5)))


def _longest_pause(traffic: Sequence[Traffic]) -> timedelta:
    """The longest run of hours without rows between hours that have some."""
    longest = run = 0
    seen = False
    for each in traffic:
        if each.rows:
            longest, run, seen = max(longest, run), 0, True
        elif seen:
            run += 1
    return timedelta(hours=longest)


def _outside(tally: Tally) -> int:
    return tally.below + tally.above


def _share(count: int, of: int) -> float | None:
    return count / of if of else None
