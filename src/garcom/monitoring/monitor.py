"""Reports over any window of a model: drift and quality from profiles by the hour, performance from joined actuals."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple, cast

import msgspec
import polars as pl
from sqlalchemy import Connection

from garcom.errors import BundleError, InputError
from garcom.lake.predictions import Predictions
from garcom.lake.tables import Lake
from garcom.lake.undrained import Undrained
from garcom.model.signature import Output
from garcom.moments import hour_of
from garcom.monitoring.acknowledged import Acknowledged, in_hours
from garcom.monitoring.alerts.alert_list import STATES, AlertList
from garcom.monitoring.days import hours_since
from garcom.monitoring.drift import MIN_ROWS, JointRows, ReferenceKind, drift
from garcom.monitoring.lake_rows import condition_of, profile_of_rows, sample_rows
from garcom.monitoring.performance.report import performance
from garcom.monitoring.quality import quality, shares
from garcom.monitoring.records import (
    DriftReport,
    PerformanceReport,
    QualityReport,
    Report,
    Scope,
    Traffic,
)
from garcom.monitoring.references import Reference, References
from garcom.monitoring.rows import table_of
from garcom.monitoring.segments import canonical, rows_of
from garcom.profiles.layout import Layout
from garcom.profiles.profile import Profile
from garcom.registry.records import Model
from garcom.registry.registry import Registry
from garcom.settings import ModelMonitoring, Settings, load_settings
from garcom.storage import profiles
from garcom.storage.database import Database
from garcom.storage.profiles import ProfileRow

#: The window where none is named.
USUAL_WINDOW = timedelta(days=7)
#: Seasons are made of so many weeks before the window.
SEASON_WEEKS = 4
#: Traffic is told for so long before the window too, so that what is usual is known.
_BEFORE = timedelta(days=7)
#: Hours of longer windows are not looked into one by one.
_MOST_HOURS = 24 * 31
_HOUR, _DAY = timedelta(hours=1), timedelta(days=1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
#: There is nothing before, and nothing much later than now.
_FIRST, _AHEAD = datetime(2000, 1, 1, tzinfo=UTC), timedelta(days=1)
#: Rows of a part of an hour are read up to so many; a window that ends this near to now goes on.
_ROWS_READ = 200_000
_JUST_NOW = timedelta(seconds=5)
#: So many rows of the journal are looked at together.
_WAITING_AT_ONCE = 50_000
#: The day of the week and the hour of it.
_OF_WEEK = "%w %H"
#: No field has this name.
_TIME = "\0time"
_KINDS = ("training", "seasonal", "previous")


class _Window(NamedTuple):
    """The hours that a report is about, and the version whose layout they follow; None where no version answered."""

    scope: Scope
    since: datetime
    until: datetime
    version: int
    reference: Reference


class Monitor:
    """The monitors of one home. Safe across threads."""

    def __init__(
        self,
        settings: Settings,
        database: Database,
        registry: Registry,
        lake: Lake,
        undrained: Undrained,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._settings = settings
        self._database = database
        self._registry = registry
        self._lake = lake
        self._undrained = undrained
        self._acknowledged = Acknowledged(database, undrained)
        self._now = now
        self._references = References(registry.blobs)

    @classmethod
    def open(cls, home: Path) -> Monitor:
        """The monitors of a home folder, whether its server runs or not."""
        from garcom.lake.opening import open_lake

        settings = load_settings({"home": str(home)})
        registry = Registry.open(home)
        lake = open_lake(home, settings.lake.url)
        return cls(settings, registry.database, registry, lake, Undrained(lake))

    def drift(
        self,
        scope: Scope,
        *,
        reference: str | None = None,
        classifier: bool = False,
        min_rows: int = MIN_ROWS,
    ) -> DriftReport:
        """How far the data of a window have moved; ``reference`` is ``training``, ``seasonal`` or ``previous``.

        With the ``classifier`` some rows of the lake are told from the reference's sample, which takes about a second.
        Windows are of whole days (UTC) where no hours are kept any more. Without a version it is the one that
        answered last in the window. Raises ModelNotFound, VersionNotFound, and InputError for a reference or segment
        that is none.
        """
        kind = cast(ReferenceKind, reference or "training")
        if kind not in _KINDS:
            raise InputError(f"Expected a reference of {', '.join(_KINDS)}, got {reference!r}.")
        window = self._window(scope)
        told, training = window.reference.told, window.reference.profile
        empty = DriftReport(scope=window.scope, reference=kind, rows_reference=0, rows_current=0)
        if told is None or training is None:
            return msgspec.structs.replace(empty, why=_no_reference(window))
        current = self._profile(window, told.layout)
        before = training if kind == "training" else self._before(window, told.layout, kind)
        rows = None
        if classifier and told.layout.together is not None and len(told.rows):
            found = sample_rows(self._undrained, window.scope, window.reference.signature)
            rows = JointRows(told.rows, told.layout.together.matrix(found))
        return drift(before, current, window.scope, kind=kind, importance=told.importance, rows=rows, min_rows=min_rows)

    def quality(
        self,
        scope: Scope,
        *,
        min_rows: int = MIN_ROWS,
    ) -> QualityReport:
        """What is wrong with the data of a window. Raises as :meth:`drift` does."""
        window = self._window(scope)
        told, training = window.reference.told, window.reference.profile
        hours = self._traffic(window)
        last = self._last_row(window)
        now = self._now()
        ends_now = window.until >= now - _HOUR
        if told is None or training is None:
            rows = sum(each.rows for each in hours if each.since >= self._begin(window.since))
            report = QualityReport(scope=window.scope, rows=rows, traffic=tuple(hours), last_row=last)
            return msgspec.structs.replace(report, why=_no_reference(window))
        return quality(
            self._profile(window, told.layout),
            window.scope,
            reference=training,
            traffic=hours,
            last_row=last,
            now=now if ends_now else None,
            min_rows=min_rows,
        )

    def performance(
        self,
        scope: Scope,
        *,
        every: timedelta | None = None,
        estimates: bool = True,
        changes: bool = True,
        parts: bool = True,
        min_rows: int = MIN_ROWS,
    ) -> PerformanceReport:
        """How good the answers of a window were, and are thought to be. Raises as :meth:`drift` does.

        What is not asked for of ``estimates``, ``changes`` and ``parts`` (windows and segments) is not calculated.
        """
        found = self._registry.model(scope.model)
        number = self._number(scope) or _answering(found)
        known = next(each for each in found.versions if each.number == number)
        reference = self._references.of(known.digest)
        first, last = self._bounded(scope)
        segment = canonical(scope.segment, reference.signature)
        wanted = self._settings.monitoring.models.get(scope.model, ModelMonitoring())
        few = () if reference.told is None else reference.told.layout.segments
        return performance(
            self._lake,
            self._undrained,
            msgspec.structs.replace(scope, segment=segment, since=first, until=last),
            reference.signature.output,
            by=() if segment is not None else wanted.segments or few,
            every=every,
            cost=wanted.value or None,
            positive=wanted.positive or None,
            baseline=_comparable(known.metrics, reference.signature.output),
            estimates=estimates,
            changes=changes,
            parts=parts,
            min_rows=min_rows,
            now=self._now(),
        )

    def report(
        self,
        scope: Scope,
        *,
        reference: str | None = None,
    ) -> Report:
        """Everything about a window. Raises as :meth:`drift` does."""
        first, last = self._asked(scope)
        scope = msgspec.structs.replace(scope, since=first, until=last)
        found = self.drift(scope, reference=reference, classifier=True)
        return Report(
            title=scope.model if found.scope.version is None else f"{scope.model}:{found.scope.version}",
            made_at=self._now(),
            drift=found,
            quality=self.quality(scope),
            performance=self.performance(scope),
            alerts=AlertList(self._database).page(models=[scope.model], states=STATES, since=first).alerts,
        )

    def _window(self, scope: Scope) -> _Window:
        model, stage = scope.model, scope.stage
        found = self._registry.model(model)
        first, last = self._bounded(scope)
        start = first if first >= hours_since(self._now()) else self._begin(first)
        if last < hours_since(self._now()):
            last = -(-(last - _EPOCH) // _DAY) * _DAY + _EPOCH
        number = self._number(scope)
        if number is None:
            living = {each.number for each in found.versions}
            number = self._latest(model, start, last, stage, living) or _answering(found)
        digest = next(each.digest for each in found.versions if each.number == number)
        try:
            reference = self._references.of(digest)
        except BundleError as error:
            raise InputError(f"The bundle of {model}:{number} cannot be read: {error}") from error
        chosen = canonical(scope.segment, reference.signature)
        scope = msgspec.structs.replace(scope, version=number, segment=chosen, since=start, until=last)
        return _Window(scope, start, last, number, reference)

    def _number(self, scope: Scope) -> int | None:
        """The version that is asked about, which there must be."""
        return None if scope.version is None else self._registry.version(scope.model, scope.version).number

    def _asked(self, scope: Scope) -> tuple[datetime, datetime]:
        """The beginning and the end that are meant."""
        last = scope.until or self._now()
        return scope.since or last - USUAL_WINDOW, last

    def _bounded(self, scope: Scope) -> tuple[datetime, datetime]:
        """The window, or an empty one where it lies before the first moment or much later than now."""
        since, until = self._asked(scope)
        if since >= until:
            raise InputError(f"Expected a window that begins before it ends, got {since} to {until}.")
        last = max(min(until, self._now() + _AHEAD), _FIRST + _HOUR)
        return min(max(since, _FIRST), last - timedelta(seconds=1)), last

    def _begin(self, moment: datetime) -> datetime:
        """The hour that a window begins with, or the day where no hours are kept any more."""
        is_old = moment < hours_since(self._now())
        return profiles.day_of(moment) if is_old else hour_of(moment)

    def _latest(
        self, model: str, since: datetime, until: datetime, stage: str | None, living: Collection[int]
    ) -> int | None:
        """The version that answered last in a window; of several in the last hour the one with most rows.

        One that was removed since, which is not ``living``, has no reference any more.
        """
        scope = Scope(model=model, stage=stage, since=since, until=until)
        with self._acknowledged.rows(model) as (connection, waiting):
            found = profiles.list_hours(connection, model, since=since, until=until, stage=stage)
        waiting = waiting.filter(condition_of(scope), pl.col("version").is_in(list(living)))
        if not waiting.is_empty():  # they came after all that have a profile
            return int(waiting.sort("id")["version"][-1])
        hours = [each for each in found if each.version in living]
        if not hours:
            return None
        last = max(each.hour for each in hours)
        return max((each for each in hours if each.hour == last), key=lambda each: each.n_rows).version

    def _profile(self, window: _Window, layout: Layout) -> Profile:
        """The rows of the window; of a segment that is not kept by the hour, they are read from the lake."""
        scope = window.scope
        if scope.segment is not None:
            field = scope.segment.partition("=")[0]
            if field not in layout.segments:
                return profile_of_rows(self._undrained, scope, window.reference.signature, layout)
        since, until = self._whole_hours(window)
        profile = self._of_hours(window, layout, since, until) if since < until else Profile(layout)
        for first, last in {(window.since, min(since, window.until)), (max(until, since), window.until)}:
            if first < last:  # a part of an hour
                part = msgspec.structs.replace(scope, since=first, until=last)
                profile.merge(profile_of_rows(self._undrained, part, window.reference.signature, layout))
        return profile

    def _whole_hours(self, window: _Window) -> tuple[datetime, datetime]:
        """The hours whose profiles tell of the window; the rows of the parts of hours beside them are read.

        An hour of very many rows counts as a whole, and so does the one that is not over.
        """
        since, until = hour_of(window.since), hour_of(window.until)
        if window.since < hours_since(self._now()):
            return window.since, window.until
        scope = window.scope
        with self._database.read() as connection:
            ends = [
                row
                for begin in {since, until}
                for row in profiles.list_hours(
                    connection, scope.model, since=begin, until=begin + _HOUR, version=window.version, stage=scope.stage
                )
            ]
        rows = {begin: sum(each.n_rows for each in ends if each.hour == begin) for begin in (since, until)}
        if window.since != since and rows[since] <= _ROWS_READ:
            since += _HOUR
        goes_on = window.until >= self._now() - _JUST_NOW
        if window.until != until and (goes_on or rows[until] > _ROWS_READ):
            until += _HOUR
        return since, max(since, until)

    def _of_hours(
        self, window: _Window, layout: Layout, since: datetime, until: datetime, only: Collection[str] | None = None
    ) -> Profile:
        """The rows of the hours that begin in a time, those of the journal too: a first look should not have to wait.

        ``only`` are hours of the week (:data:`_OF_WEEK`), for which whole days are of no use.
        """
        scope = msgspec.structs.replace(window.scope, since=since, until=until)
        with self._acknowledged.rows(scope.model) as (connection, waiting):
            rows = self._bodies(connection, window, since, until, days=only is None)
        waiting = waiting.filter(in_hours(scope))
        if only is not None:
            rows = [row for row in rows if row.key.hour.astimezone(UTC).strftime(_OF_WEEK) in only]
            waiting = waiting.filter(pl.col("time").dt.strftime(_OF_WEEK).is_in(list(only)))
        profile, signature = _merged(layout, rows), window.reference.signature
        for part in waiting.iter_slices(_WAITING_AT_ONCE):
            profile.add(rows_of(table_of(part, signature), scope.segment, signature))
        return profile

    def _before(self, window: _Window, layout: Layout, kind: ReferenceKind) -> Profile:
        """The rows that the window is compared with where it is not the training data."""
        length = window.until - window.since
        if window.scope.segment is not None and window.scope.segment.partition("=")[0] not in layout.segments:
            raise InputError(
                f"Expected a segment of {', '.join(layout.segments) or 'no field'} with this reference: of other "
                f"fields no profiles are kept by the hour. Compare with the training data, or leave the segment out."
            )
        if kind == "previous":
            return self._of_hours(window, layout, self._begin(window.since - length), self._begin(window.since))
        n_hours = -(-length // _HOUR)
        wanted = {(window.since + at * _HOUR).astimezone(UTC).strftime(_OF_WEEK) for at in range(min(n_hours, 168))}
        first = self._begin(window.since - timedelta(weeks=SEASON_WEEKS))
        return self._of_hours(window, layout, first, self._begin(window.since), only=wanted)

    def _bodies(
        self, connection: Connection, window: _Window, since: datetime, until: datetime, *, days: bool = True
    ) -> list[ProfileRow]:
        scope, told = window.scope, window.reference.told
        return profiles.list_bodies(
            connection,
            scope.model,
            since=since,
            until=until,
            version=window.version,
            stage=scope.stage,
            segment=scope.segment,
            layout=None if told is None else told.layout.digest,
            days=days,
        )

    def _traffic(self, window: _Window) -> list[Traffic]:
        """The hours of the window and of a week before it, those without rows too, since the first that has any.

        Days in their place, where the hours of some are not kept any more.
        """
        scope = window.scope
        first = max(window.since - _BEFORE, window.until - timedelta(hours=_MOST_HOURS))
        kept = hours_since(self._now())
        if window.since >= kept:
            first = max(first, kept)
        with self._acknowledged.rows(scope.model) as (connection, waiting):
            found = profiles.list_hours(
                connection,
                scope.model,
                since=first,
                until=window.until,
                version=scope.version,
                stage=scope.stage,
                segment=scope.segment,
            )
        step = _HOUR if all(each.hours == profiles.HOUR for each in found) else _DAY
        rows: dict[datetime, int] = {}
        for each in found:
            begin = each.hour if step == _HOUR else profiles.day_of(each.hour)
            rows[begin] = rows.get(begin, 0) + each.n_rows
        every = "1h" if step == _HOUR else "1d"
        times = _times(waiting.filter(in_hours(msgspec.structs.replace(scope, since=first))), window)
        for begin, n in times.dt.truncate(every).value_counts().iter_rows():
            rows[begin] = rows.get(begin, 0) + n
        if not rows:
            return []
        told = self._shares(window, step) if window.reference.told is not None else {}
        begin, traffic = min(rows), []
        while begin < window.until:
            missing, out_of_range, unseen = told.get(begin, (None, None, None))
            traffic.append(
                Traffic(since=begin, rows=rows.get(begin, 0), missing=missing, out_of_range=out_of_range, unseen=unseen)
            )
            begin += step
        return traffic

    def _shares(
        self, window: _Window, step: timedelta
    ) -> dict[datetime, tuple[float | None, float | None, float | None]]:
        """How much of each hour, or day, of the window was missing, out of range and unseen."""
        told = window.reference.told
        if told is None or window.until - window.since > timedelta(hours=_MOST_HOURS):
            return {}
        parts: dict[datetime, list[ProfileRow]] = {}
        with self._database.read() as connection:
            found = self._bodies(connection, window, self._begin(window.since), window.until, days=step == _DAY)
        for row in found:
            parts.setdefault(row.key.hour if step == _HOUR else profiles.day_of(row.key.hour), []).append(row)
        return {begin: shares(_merged(told.layout, rows)) for begin, rows in parts.items()}

    def _last_row(self, window: _Window) -> datetime | None:
        """When the last row of the window was answered."""
        page = Predictions(self._lake, self._undrained).page(
            window.scope.model, since=window.since, until=window.until, version=window.scope.version, limit=1
        )
        return page.predictions[0].time if page.predictions else None


def _times(rows: pl.DataFrame, window: _Window) -> pl.Series:
    """When these rows were answered; of a segment those that are in it, if it has profiles by the hour."""
    segment, told, signature = window.scope.segment, window.reference.told, window.reference.signature
    if segment is None:
        return rows["time"]
    if told is None or segment.partition("=")[0] not in told.layout.segments:
        return rows["time"].clear()
    table = table_of(rows, signature).with_columns(rows["time"].alias(_TIME))
    return rows_of(table, segment, signature)[_TIME]


def _merged(layout: Layout, rows: Sequence[ProfileRow]) -> Profile:
    profile = Profile(layout)
    profile.merge_encoded([row.body for row in rows])
    return profile


def _comparable(metrics: Mapping[str, float], output: Output) -> dict[str, float]:
    """The bundle's metrics that are of the same definition: of two labels it has means over both, here it is one's."""
    of_one = {"precision", "recall", "f1"} if len(output.classes) == 2 else set()
    return {name: value for name, value in metrics.items() if name not in of_one}


def _answering(model: Model) -> int:
    """The version that answers, or else the newest."""
    answering = model.answers
    return answering if answering is not None else max(each.number for each in model.versions)


def _no_reference(window: _Window) -> str:
    return (
        f"{window.scope.model}:{window.version} has no reference profile: it was packed without rows, or by an older "
        "Garçom. Pack it again with --data."
    )
