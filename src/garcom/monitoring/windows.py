"""What a report is about: of what is asked, the hours that it really covers, and the version that it follows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import msgspec
import polars as pl

from garcom.errors import BundleError, InputError
from garcom.moments import EARLIEST, hour_of
from garcom.monitoring.acknowledged import Acknowledged
from garcom.monitoring.days import hours_since
from garcom.monitoring.lake_rows import condition_of
from garcom.monitoring.records import Scope
from garcom.monitoring.references import Reference, References
from garcom.monitoring.segments import canonical
from garcom.registry.records import Model, Version
from garcom.registry.registry import Registry
from garcom.storage import profiles

#: The window where none is named.
USUAL_WINDOW = timedelta(days=7)
_HOUR, _DAY = timedelta(hours=1), timedelta(days=1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
#: There is nothing much later than now.
_AHEAD = timedelta(days=1)
#: A window that ends this near to now goes on.
_JUST_NOW = timedelta(seconds=5)


class ReportWindow(NamedTuple):
    """The hours that a report is about, and the version whose layout they follow, as of a moment (``now``).

    The scope is what was asked with all of this in it. ``others`` are the versions that answered in these hours too, of
    none where a version was asked for.
    """

    scope: Scope
    since: datetime
    until: datetime
    version: int
    reference: Reference
    now: datetime
    others: tuple[int, ...] = ()

    @property
    def kept_since(self) -> datetime:
        """When the hours begin that are kept; of days before there may be one profile only."""
        return hours_since(self.now)

    @property
    def goes_on(self) -> bool:
        """Whether it ends now."""
        return self.until >= self.now - _JUST_NOW

    def begin(self, moment: datetime) -> datetime:
        """The hour that a window from a moment begins with, or the day where no hours are kept any more."""
        return profiles.day_of(moment) if moment < self.kept_since else hour_of(moment)


class Windows:
    """Finds the windows of reports."""

    def __init__(
        self, registry: Registry, references: References, acknowledged: Acknowledged, now: Callable[[], datetime]
    ) -> None:
        self._registry = registry
        self._references = references
        self._acknowledged = acknowledged
        self._now = now

    def of(self, scope: Scope) -> ReportWindow:
        """The window of a scope: of whole days where no hours are kept any more.

        Without a version it is the one that answered last in it. Raises ModelNotFound, VersionNotFound, and InputError
        for a segment or a window that is none.
        """
        now, model = self._now(), self._registry.model(scope.model)
        since, until = bounds(scope, now)
        kept = hours_since(now)
        if since < kept:
            since = profiles.day_of(since)
        if until < kept:
            until = -(-(until - _EPOCH) // _DAY) * _DAY + _EPOCH
        scope = msgspec.structs.replace(scope, since=since, until=until)
        others: tuple[int, ...] = ()
        known = self._asked(scope, model)
        if known is None:
            known, others = self._latest(scope, model)
        try:
            reference = self._references.of(known.digest)
        except BundleError as error:
            raise InputError(f"The bundle of {scope.model}:{known.number} cannot be read: {error}") from error
        segment = canonical(scope.segment, reference.signature)
        scope = msgspec.structs.replace(scope, version=known.number, segment=segment)
        return ReportWindow(scope, since, until, known.number, reference, now, others)

    def versions(self, scope: Scope) -> tuple[Version, ...]:
        """The version that is asked about; without one, all that there are, the one that answers first.

        Raises ModelNotFound and VersionNotFound.
        """
        model = self._registry.model(scope.model)
        asked, first = self._asked(scope, model), _answering(model)
        return (first, *(each for each in model.versions if each is not first)) if asked is None else (asked,)

    def _asked(self, scope: Scope, model: Model) -> Version | None:
        if scope.version is None:
            return None
        return _numbered(model, self._registry.version(scope.model, scope.version).number)

    def _latest(self, scope: Scope, model: Model) -> tuple[Version, tuple[int, ...]]:
        """The version that answered last in a window, and the others that did.

        Of several in the last hour it is the one with the most rows; what a canary answered, and a version that was
        asked for by its number, only where no other rows are. One that was removed since has no reference any more.
        Where none has answered it is the one that would.
        """
        living = {each.number for each in model.versions}
        rows: Counter[tuple[datetime, int, str]] = Counter()
        with self._acknowledged.rows(scope.model) as (connection, waiting):
            for each in profiles.list_hours(
                connection, scope.model, since=scope.since, until=scope.until, stage=scope.stage
            ):
                rows[each.hour, each.version, each.stage] += each.n_rows
        hours = waiting.filter(condition_of(scope)).select(pl.col("time").dt.truncate("1h"), "version", "role")
        rows.update(hours.rows())
        answered = {key: n for key, n in rows.items() if n and key[1] in living}
        stable = {key: n for key, n in answered.items() if key[2] == "stable"} or answered
        if not stable:
            return _answering(model), ()
        _, _, number = max((hour, n, number) for (hour, number, _), n in stable.items())
        return _numbered(model, number), tuple(sorted({key[1] for key in answered} - {number}))


def asked(scope: Scope, now: datetime) -> tuple[datetime, datetime]:
    """The beginning and the end that are meant."""
    until = scope.until or now
    return scope.since or until - USUAL_WINDOW, until


def bounds(scope: Scope, now: datetime) -> tuple[datetime, datetime]:
    """The same, or those of an empty window where it lies before the first moment or much later than now.

    Raises InputError for a window that ends before it begins.
    """
    since, until = asked(scope, now)
    if since >= until:
        raise InputError(f"Expected a window that begins before it ends, got {since} to {until}.")
    last = max(min(until, now + _AHEAD), EARLIEST + _HOUR)
    return min(max(since, EARLIEST), last - timedelta(seconds=1)), last


def _numbered(model: Model, number: int) -> Version:
    return next(each for each in model.versions if each.number == number)


def _answering(model: Model) -> Version:
    """The version that answers, or else the newest."""
    return _numbered(model, model.answers if model.answers is not None else max(each.number for each in model.versions))
