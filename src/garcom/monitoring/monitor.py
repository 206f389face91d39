"""Reports over any window of a model: drift and quality from profiles by the hour, performance from joined actuals."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple, cast

import msgspec

from garcom.errors import InputError
from garcom.lake.tables import Lake
from garcom.lake.undrained import Undrained
from garcom.model.reference_profile import ReferenceProfile
from garcom.model.signature import Output
from garcom.monitoring.acknowledged import Acknowledged
from garcom.monitoring.alerts.alert_list import STATES, AlertList
from garcom.monitoring.drift import MIN_ROWS, JointRows, ReferenceKind, drift
from garcom.monitoring.lake_rows import last_row, sample_rows
from garcom.monitoring.over_time import Parts, drift_over_time, quality_over_time
from garcom.monitoring.performance.report import performance
from garcom.monitoring.quality import quality
from garcom.monitoring.records import (
    OTHER_VERSIONS,
    DriftReport,
    PerformanceReport,
    QualityReport,
    Report,
    Scope,
    Traffic,
)
from garcom.monitoring.references import References
from garcom.monitoring.segments import canonical
from garcom.monitoring.traffic import COUNTED, traffic
from garcom.monitoring.window_profiles import WindowProfiles, is_hourly
from garcom.monitoring.windows import ReportWindow, Windows, asked, bounds
from garcom.profiles.profile import Profile
from garcom.records import FloatArray
from garcom.registry.registry import Registry
from garcom.settings import ModelMonitoring, Settings, load_settings
from garcom.storage.database import Database

_KINDS = ("training", "seasonal", "previous")
_HOUR = timedelta(hours=1)


class _Look(NamedTuple):
    """The rows that a version was packed with, and the profile of those of a window.

    ``training`` are those of the window's segment, where they are known by its ``field``; else all rows, and what a
    segment has in common is no difference from them.
    """

    told: ReferenceProfile
    training: Profile
    sample: FloatArray
    current: Profile
    field: str | None


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
        self._lake = lake
        self._undrained = undrained
        self._now = now
        self._references = References(registry.blobs)
        self._acknowledged = Acknowledged(database, undrained)
        self._windows = Windows(registry, self._references, self._acknowledged, now)
        self._profiles = WindowProfiles(self._acknowledged)

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
        parts: bool = False,
        min_rows: int = MIN_ROWS,
    ) -> DriftReport:
        """How far the data of a window have moved; ``reference`` is ``training``, ``seasonal`` or ``previous``.

        With the ``classifier`` some rows of the lake are told from the reference's sample, which takes about a second;
        with ``parts`` each column is told over time too. Windows are of whole days (UTC) where no hours are kept any
        more. Without a version it is the one that answered last in the window. Raises ModelNotFound, VersionNotFound,
        and InputError for a reference or segment that is none.
        """
        kind, window = _kind(reference), self._windows.of(scope)
        look = self._look(window)
        times = self._parts(window, look, min_rows) if parts else None
        return self._drift(window, look, kind, classifier=classifier, parts=times, min_rows=min_rows)

    def quality(self, scope: Scope, *, parts: bool = False, min_rows: int = MIN_ROWS) -> QualityReport:
        """What is wrong with the data of a window, with ``parts`` over time too. Raises as :meth:`drift` does."""
        window = self._windows.of(scope)
        look = self._look(window)
        times = self._parts(window, look, min_rows) if parts else None
        return self._quality(window, look, parts=times, min_rows=min_rows)

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

        Without a version it is about the answers of all versions, beside what their bundles promised. What is not asked
        for of ``estimates``, ``changes`` and ``parts`` (windows and segments) is not calculated.
        """
        now, versions = self._now(), self._windows.versions(scope)
        reference = self._references.of(versions[0].digest)
        first, last = bounds(scope, now)
        segment = canonical(scope.segment, reference.signature)
        wanted = self._settings.monitoring.models.get(scope.model, ModelMonitoring())
        few = () if reference.layout is None else reference.layout.segments
        return performance(
            self._lake,
            self._undrained,
            msgspec.structs.replace(scope, segment=segment, since=first, until=last),
            reference.signature.output,
            by=() if segment is not None else wanted.segments or few,
            every=every,
            cost=wanted.value or None,
            positive=wanted.positive or None,
            baselines={each.number: _comparable(each.metrics, reference.signature.output) for each in versions},
            estimates=estimates,
            changes=changes,
            parts=parts,
            min_rows=min_rows,
            now=now,
        )

    def report(self, scope: Scope, *, reference: str | None = None) -> Report:
        """Everything about a window, and about one version: without one the one that answered last in it.

        Raises as :meth:`drift` does.
        """
        now = self._now()
        first, last = asked(scope, now)
        scope = msgspec.structs.replace(scope, since=first, until=last)
        kind, window = _kind(reference), self._windows.of(scope)
        look = self._look(window)
        parts = self._parts(window, look)
        return Report(
            title=f"{scope.model}:{window.version}",
            made_at=now,
            drift=self._drift(window, look, kind, classifier=True, parts=parts),
            quality=self._quality(window, look, parts=parts),
            performance=self.performance(msgspec.structs.replace(scope, version=window.version)),
            alerts=AlertList(self._database).page(models=[scope.model], states=STATES, since=first).alerts,
            details={OTHER_VERSIONS: [f"{scope.model}:{each}" for each in window.others]} if window.others else {},
        )

    def _look(self, window: ReportWindow) -> _Look | None:
        """What drift and quality are told from; None where there is nothing to compare with."""
        training, segment = window.reference.training, window.scope.segment
        if training is None:
            return None
        told, current = training.told, self._profiles.of(window, training.told.layout)
        field = None if segment is None else segment.partition("=")[0]
        if segment is None or field is None or not told.has_segments_of(field):
            return _Look(told, training.profile, told.rows, current, field)
        return _Look(told, told.profile_of(segment), told.rows_of(segment), current, None)

    def _parts(self, window: ReportWindow, look: _Look | None, min_rows: int = MIN_ROWS) -> Parts | None:
        """The parts of the window that columns are told by; None where there is nothing to compare with."""
        return None if look is None else Parts.of(self._profiles, window, look.told.layout, min_rows)

    def _drift(
        self,
        window: ReportWindow,
        look: _Look | None,
        kind: ReferenceKind,
        *,
        classifier: bool = False,
        parts: Parts | None = None,
        min_rows: int = MIN_ROWS,
    ) -> DriftReport:
        if look is None:
            why = _no_reference(window)
            return DriftReport(scope=window.scope, reference=kind, rows_reference=0, rows_current=0, why=why)
        told, before, field = look.told, look.training, look.field
        if kind != "training":
            before, field = self._profiles.before(window, told.layout, kind), None
        rows = None
        if classifier and told.layout.together is not None and len(told.rows):
            found = sample_rows(self._undrained, window.scope, window.reference.signature)
            rows = JointRows(look.sample, told.layout.together.matrix(found))
        report = drift(
            before,
            look.current,
            window.scope,
            kind=kind,
            chosen_by=field,
            importance=told.importance,
            rows=rows,
            min_rows=min_rows,
        )
        return report if parts is None else drift_over_time(report, before, parts, min_rows, chosen_by=field)

    def _quality(
        self, window: ReportWindow, look: _Look | None, *, parts: Parts | None = None, min_rows: int = MIN_ROWS
    ) -> QualityReport:
        hours = traffic(self._acknowledged, window)
        last = self._last_row(window, hours)
        if look is None:
            rows = sum(each.rows for each in hours if each.since >= window.begin(window.since))
            why = _no_reference(window)
            return QualityReport(scope=window.scope, rows=rows, traffic=tuple(hours), last_row=last, why=why)
        report = quality(
            look.current,
            window.scope,
            reference=look.training,
            traffic=hours,
            last_row=last,
            now=window.now if window.until >= window.now - _HOUR else None,
            min_rows=min_rows,
        )
        return report if parts is None else quality_over_time(report, look.training, parts, min_rows)

    def _last_row(self, window: ReportWindow, hours: Sequence[Traffic]) -> datetime | None:
        """When the last row of the window was answered; the lake is asked for no longer time than it takes."""
        scope, layout = window.scope, window.reference.layout
        first = window.begin(window.since)
        busy = [each.since for each in hours if each.rows and first <= each.since < window.until]
        if busy:
            scope = msgspec.structs.replace(scope, since=max(window.since, busy[-1]))
        elif layout is not None and is_hourly(scope.segment, layout) and window.until - window.since <= COUNTED:
            return None
        return last_row(self._undrained, scope, window.reference.signature)


def _kind(reference: str | None) -> ReferenceKind:
    kind = reference or "training"
    if kind not in _KINDS:
        raise InputError(f"Expected a reference of {', '.join(_KINDS)}, got {reference!r}.")
    return cast(ReferenceKind, kind)


def _comparable(metrics: Mapping[str, float], output: Output) -> dict[str, float]:
    """The bundle's metrics that are of the same definition: of two labels it has means over both, here it is one's."""
    of_one = {"precision", "recall", "f1"} if len(output.classes) == 2 else set()
    return {name: value for name, value in metrics.items() if name not in of_one}


def _no_reference(window: ReportWindow) -> str:
    return (
        f"{window.scope.model}:{window.version} has no reference profile: it was packed without rows, or by an older "
        "Garçom. Pack it again with --data."
    )
