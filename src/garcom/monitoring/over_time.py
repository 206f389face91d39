"""Drift and quality of each column over time: in which parts of a window it had moved or was at fault, and since when.

Parts are hours, days or weeks, told from the profiles that the window itself is told from.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from statistics import median_low
from typing import NamedTuple

import msgspec
import numpy as np
import polars as pl

from garcom.monitoring.drift import FALSE_ALARM_RATE, LEAST_EFFECT, MIN_ROWS, compared_categories, too_few
from garcom.monitoring.quality import (
    MORE_MISSING,
    OUT_OF_RANGE,
    OUT_OF_RANGE_BY_CHANCE,
    UNSEEN,
    unseen_by_chance,
)
from garcom.monitoring.records import (
    DriftOverTime,
    DriftReport,
    Fault,
    Part,
    QualityOverTime,
    QualityReport,
    Spell,
)
from garcom.monitoring.window_profiles import WindowProfiles, is_hourly
from garcom.monitoring.windows import ReportWindow
from garcom.profiles.columns import NumberColumn
from garcom.profiles.layout import Layout
from garcom.profiles.profile import Profile
from garcom.records import FloatArray
from garcom.stats.benjamini_hochberg import benjamini_hochberg
from garcom.stats.kolmogorov_smirnov import beside_a_mode
from garcom.stats.performance.intervals import wilson
from garcom.stats.survival import kolmogorov_survival
from garcom.stats.total_variation import total_variation
from garcom.storage.profiles import ProfileRow

#: A window has at most so many parts: two months of days.
_MOST_PARTS = 62
#: Longer windows are parted by days at least, whose profiles are summed up: reading their hours takes long, and many
#: columns have nights that are no drift.
_HOURLY = timedelta(days=2.5)
_HOUR, _DAY, _WEEK = timedelta(hours=1), timedelta(days=1), timedelta(weeks=1)
_PARTS_OF_DAYS = tuple(n * _HOUR for n in (1, 2, 3, 6, 12))
#: Parts begin where whole ones do since then, so that weeks begin on Mondays and tomorrow's report has the same.
_MONDAY = datetime(1970, 1, 5, tzinfo=UTC)
#: The share of the false alarms of a window that all its parts are given, as its columns are.
_SHARE_OF_ALARMS = 0.25
#: So many rows stand for very many.
_ENDLESS = 10**12


class _Rule(NamedTuple):
    """When a part of a column has drifted: so small an adjusted p-value, and so large an effect."""

    significance: float
    least: float


class _Rows(NamedTuple):
    """What a part is made of."""

    since: datetime
    until: datetime
    profiles: list[ProfileRow]
    waiting: pl.DataFrame


class Parts:
    """The parts of a window, in order, without those before its first row; none where ``why`` says why.

    Their rows are read once. Profiles of many columns are large: they are made one at a time.
    """

    def __init__(
        self, profiles: WindowProfiles, window: ReportWindow, layout: Layout, rows: Sequence[_Rows], why: str | None
    ) -> None:
        self._profiles = profiles
        self._window = window
        self._layout = layout
        self._rows = rows
        self.why = why

    @classmethod
    def of(cls, profiles: WindowProfiles, window: ReportWindow, layout: Layout, min_rows: int = MIN_ROWS) -> Parts:
        """The parts of a window: the shortest of which a typical one has ``min_rows`` rows."""
        segment = window.scope.segment
        if not is_hourly(segment, layout):
            field = str(segment).partition("=")[0]
            return cls(profiles, window, layout, (), f"of {field} no profiles are kept by the hour")
        is_short = window.until - window.since <= _HOURLY and window.since >= window.kept_since
        found, waiting = profiles.apart(window, layout, days=not is_short)
        counts: defaultdict[datetime, int] = defaultdict(int)
        for row in found:
            counts[row.key.hour] += row.n_rows
        for hour, n in waiting["time"].dt.truncate("1h").value_counts().iter_rows():
            counts[hour] += n
        length, why = _length(counts, window, _PARTS_OF_DAYS if is_short else (), min_rows)
        rows = [] if length is None else _parted(found, waiting, min(counts), window.until, length)
        return cls(profiles, window, layout, rows, why)

    def __len__(self) -> int:
        return len(self._rows)

    def __iter__(self) -> Iterator[tuple[Part, Profile]]:
        for rows in self._rows:
            profile = self._profiles.merged(self._window, self._layout, rows.profiles, rows.waiting)
            yield Part(since=rows.since, until=rows.until, rows=profile.n_rows), profile


def _length(
    counts: dict[datetime, int], window: ReportWindow, parts_of_days: Sequence[timedelta], min_rows: int
) -> tuple[timedelta | None, str | None]:
    """How long parts are; or why there are none. ``counts`` are rows by their hour, or their day."""
    if not counts:
        return None, "no rows"
    first, typical = min(counts), None
    for length in (*parts_of_days, _DAY, *(_WEEK * 2**n for n in range(10))):
        n_parts = (window.until - _begin(first, length)) / length
        if n_parts <= 1:
            break
        if n_parts > _MOST_PARTS:
            continue
        rows: defaultdict[datetime, int] = defaultdict(int)
        for hour, n in counts.items():
            rows[_begin(hour, length)] += n
        typical = median_low(rows.values())
        if typical >= min_rows:
            return length, None
    return None, "all rows came in one part of the time" if typical is None else too_few(typical, min_rows, "in a part")


def _parted(
    found: Sequence[ProfileRow], waiting: pl.DataFrame, first: datetime, until: datetime, length: timedelta
) -> list[_Rows]:
    by_begin: defaultdict[datetime, list[ProfileRow]] = defaultdict(list)
    for row in found:
        by_begin[_begin(row.key.hour, length)].append(row)
    parts, begin = [], _begin(first, length)
    while begin < until:
        end = begin + length
        rows = waiting.filter(pl.col("time").is_between(begin, end, closed="left"))
        parts.append(_Rows(max(begin, first), min(end, until), by_begin[begin], rows))
        begin = end
    return parts


def _begin(moment: datetime, length: timedelta) -> datetime:
    return _MONDAY + (moment - _MONDAY) // length * length


def drift_over_time(
    report: DriftReport, reference: Profile, parts: Parts, min_rows: int = MIN_ROWS, *, chosen_by: str | None = None
) -> DriftReport:
    """The report with the drift of its columns in each part, against the reference of the report.

    Of a column by whose value the current rows were chosen, and the reference's were not, nothing is told.
    """
    report = msgspec.structs.replace(report, parts_why=parts.why)
    if not len(parts):
        return report
    columns = reference.layout.columns
    sides = [_Side(reference, at) for at in range(len(columns))]
    times, effects, p_values = [], [], []
    for part, profile in parts:
        found = [side.against(profile, min_rows) for side in sides]
        times.append(part)
        effects.append([each[0] for each in found])
        p_values.append([each[1] for each in found])
    adjusted = benjamini_hochberg(np.ravel(p_values)).reshape(len(times), len(columns))
    rate = FALSE_ALARM_RATE if report.false_alarm_rate is None else report.false_alarm_rate
    rule = _Rule(rate * _SHARE_OF_ALARMS, LEAST_EFFECT if report.effect_threshold is None else report.effect_threshold)
    sizes = np.array(effects, np.float64)
    told = {
        column.name: _drift_of(times, sizes[:, at], adjusted[:, at], rule)
        for at, column in enumerate(columns)
        if column.name != chosen_by
    }
    return msgspec.structs.replace(
        report,
        parts=tuple(times),
        columns=tuple(msgspec.structs.replace(each, over_time=told.get(each.column)) for each in report.columns),
    )


class _Side:
    """A column of the reference, which parts are held against."""

    def __init__(self, reference: Profile, at: int) -> None:
        self._at = at
        self._cells = reference.cells_of(at)
        self._n = int(self._cells.sum())
        self._is_number = isinstance(reference.layout.columns[at], NumberColumn)
        self._lower = np.cumsum(self._cells) / max(self._n, 1) if self._is_number else None

    def against(self, profile: Profile, min_rows: int) -> tuple[float, float]:
        """The effect and the p-value of a part; NaN where there are too few values.

        For numbers they are those of Kolmogorov and Smirnov's test, whose exact p-value of few rows would take long.
        """
        cells = profile.cells_of(self._at)
        n, m = self._n, int(cells.sum())
        if min(n, m) < max(min_rows, 1):
            return math.nan, math.nan
        if self._lower is not None:
            effect = float(np.abs(self._lower - np.cumsum(cells) / m).max())
            return effect, beside_a_mode(kolmogorov_survival(math.sqrt(n * m / (n + m)) * effect), self._cells, cells)
        left, right, test = compared_categories(self._cells, cells)
        return float(total_variation(left, right)), test.p_value


def _drift_of(times: Sequence[Part], sizes: FloatArray, p_values: FloatArray, rule: _Rule) -> DriftOverTime | None:
    effects, adjusted = _numbers(sizes), _numbers(p_values)
    if all(effect is None for effect in effects):
        return None
    is_large = [effect is not None and effect >= rule.least for effect in effects]
    drifted = tuple(
        None if p is None else large and p <= rule.significance for p, large in zip(adjusted, is_large, strict=True)
    )
    return DriftOverTime(effects=effects, drifted=drifted, spell=spell_of(times, effects, drifted, is_large))


def quality_over_time(
    report: QualityReport, reference: Profile, parts: Parts, min_rows: int = MIN_ROWS
) -> QualityReport:
    """The report with the shares of its columns in each part, judged beside those of the reference."""
    report = msgspec.structs.replace(report, parts_why=parts.why)
    if not len(parts):
        return report
    times, found = [], []
    for part, profile in parts:
        times.append(part)
        found.append([_shares(profile, at, min_rows) for at in range(len(report.columns))])
    n_tests = sum(len(shares) for each in found for shares in each)
    significance = FALSE_ALARM_RATE * _SHARE_OF_ALARMS / max(n_tests, 1)
    columns = [
        msgspec.structs.replace(
            column, over_time=_quality_of(times, [each[at] for each in found], _usual(reference, at), significance)
        )
        for at, column in enumerate(report.columns)
    ]
    return msgspec.structs.replace(report, parts=tuple(times), columns=tuple(columns))


class _Share(NamedTuple):
    """A share of so many values; None where they are too few."""

    value: float | None
    of: int


class _Usual(NamedTuple):
    """What a share is by chance at the most, and what is too much however certain."""

    share: float
    least: float


def _shares(profile: Profile, at: int, min_rows: int) -> dict[Fault, _Share]:
    column, tally, present = profile.layout.columns[at], profile.tally(at), profile.present(at)

    def share(count: int, of: int) -> _Share:
        return _Share(count / of if of >= max(min_rows, 1) else None, of)

    found: dict[Fault, _Share] = {"missing": share(tally.missing, profile.n_rows)}
    if not isinstance(column, NumberColumn):
        found["unseen"] = share(tally.above, present)
    elif column.least is not None:
        found["out_of_range"] = share(tally.below + tally.above, present)
    return found


def _usual(reference: Profile, at: int) -> dict[Fault, _Usual]:
    """By the rules of the findings of a whole window; of answers no range is known that they should keep to."""
    n, present = reference.n_rows, reference.present(at)
    missing = reference.tally(at).missing / n if n else 0.0
    unseen = max(unseen_by_chance(reference, at, _ENDLESS), 3 / max(present, 1))
    beyond = OUT_OF_RANGE_BY_CHANCE / (present + 1)
    usual: dict[Fault, _Usual] = {
        "missing": _Usual(float(wilson(missing, n)[1]), missing + MORE_MISSING),
        "unseen": _Usual(unseen, max(UNSEEN, unseen)),
    }
    if reference.layout.columns[at].role == "feature":
        usual["out_of_range"] = _Usual(beyond, max(OUT_OF_RANGE, beyond))
    return usual


def _quality_of(
    times: Sequence[Part], found: Sequence[dict[Fault, _Share]], usual: dict[Fault, _Usual], significance: float
) -> QualityOverTime:
    shares: dict[Fault, tuple[float | None, ...]] = {}
    spells: dict[Fault, Spell] = {}
    at_fault: dict[Fault, tuple[bool | None, ...]] = {}
    for fault in found[0]:
        shares[fault] = tuple(each[fault].value for each in found)
        if fault in usual:
            is_large = [each is not None and each >= usual[fault].least for each in shares[fault]]
            was_so = tuple(_is_fault(each[fault], usual[fault], significance) for each in found)
            spell = spell_of(times, shares[fault], was_so, is_large)
            if spell is not None:
                spells[fault], at_fault[fault] = spell, was_so
    return QualityOverTime(
        missing=shares["missing"],
        out_of_range=shares.get("out_of_range", ()),
        unseen=shares.get("unseen", ()),
        spells=spells,
        at_fault=at_fault,
    )


def _is_fault(share: _Share, usual: _Usual, significance: float) -> bool | None:
    """Whether a share is too large; None where it cannot be said."""
    if share.value is None:
        return None
    return share.value >= usual.least and _tail(share.value, share.of, usual.share) <= significance


def _tail(share: float, n: int, usual: float) -> float:
    """The chance of so great a share of n values at the most, where each is counted with the chance ``usual``.

    Source: Chernoff (1952); Hoeffding, Probability inequalities for sums of bounded random variables (1963), (2.1).
    """
    if share <= usual:
        return 1.0
    distance = share * math.log(share / usual) if usual > 0 else math.inf
    if share < 1:
        distance += (1 - share) * math.log((1 - share) / (1 - usual))
    return math.exp(-n * distance)


def spell_of(
    parts: Sequence[Part], sizes: Sequence[float | None], was_so: Sequence[bool | None], is_large: Sequence[bool]
) -> Spell | None:
    """The last unbroken run of parts in which something was so; None where it never was.

    A part of which nothing is known (None) neither breaks a run nor is its end. Nor does one alone that was not so for
    certain although its size ``is_large``: it may have had too few rows.
    """
    so = [at for at, each in enumerate(was_so) if each]
    if not so:
        return None
    known = [at for at, each in enumerate(was_so) if each is not None]
    breaks = []
    for place, at in enumerate(known):
        beside = known[max(place - 1, 0) : place] + known[place + 1 : place + 2]
        if not was_so[at] and not (is_large[at] and all(was_so[each] for each in beside)):
            breaks.append(at)
    last = so[-1]
    broken = max((at for at in breaks if at < last), default=-1)
    run = [at for at in so if at > broken]
    most = max(run, key=lambda at: sizes[at] or 0.0)
    return Spell(
        since=parts[run[0]].since,
        until=parts[last].until if any(at > last for at in breaks) else None,
        or_before=broken < 0,
        most=sizes[most] or 0.0,
        most_at=parts[most].since,
    )


def _numbers(values: FloatArray) -> tuple[float | None, ...]:
    return tuple(None if math.isnan(value) else value for value in values.tolist())
