"""What was served, asked afterwards: one prediction, a page of them, or all of them as a table."""

from __future__ import annotations

import base64
import binascii
import re
from datetime import datetime, timedelta
from typing import NamedTuple

import polars as pl

from garcom.errors import InputError
from garcom.lake.flat import flat
from garcom.lake.logged import logged
from garcom.lake.records import LoggedPrediction, Page
from garcom.lake.rereading import rereading
from garcom.lake.schemas import days_around
from garcom.lake.tables import Lake
from garcom.lake.truth import ORDER, known, latest, observations, observations_of
from garcom.lake.undrained import Undrained, View
from garcom.lake.window import Window, among, newest_first

MAX_LIMIT = 1000
_DAY = timedelta(days=1)
_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}")


class Wanted(NamedTuple):
    """Which predictions of a model; None does not matter. ``subject`` is the pseudonym."""

    since: datetime | None = None
    until: datetime | None = None
    version: int | None = None
    subject: str | None = None
    has_actual: bool | None = None

    @property
    def window(self) -> Window:
        """Their time."""
        return Window(self.since, self.until)

    @property
    def condition(self) -> pl.Expr:
        """What is true of their rows, but for the actual."""
        found = self.window.condition
        if self.version is not None:
            found &= pl.col("version") == self.version
        if self.subject is not None:
            found &= pl.col("subject") == self.subject
        return found


class Predictions:
    """The predictions of a lake and of the journal before it.

    Give it the ``undrained`` that others use, so that the journal is read once for all.
    """

    def __init__(self, lake: Lake, undrained: Undrained | None = None) -> None:
        self._lake = lake
        self._undrained = undrained or Undrained(lake)

    @rereading
    def find(self, id: str) -> LoggedPrediction | None:
        """The prediction of this id, with its actual and the actual's history; None where there is none."""
        wanted = id.lower()
        if not _ID.fullmatch(wanted):
            return None
        try:
            days = days_around(wanted)
        except OverflowError:
            return None
        rows = self._undrained.view().scan(days=days, ids=(wanted, wanted)).collect()
        found = self._records(rows.head(1))
        return found[0] if found else None

    @rereading
    def page(
        self,
        model: str,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        version: int | None = None,
        subject: str | None = None,
        has_actual: bool | None = None,
        limit: int = 100,
        cursor: str | None = None,
    ) -> Page:
        """At most ``limit`` (1 to 1,000) predictions, the newest first, from where the cursor's page ended.

        From ``since`` (included) to ``until`` (excluded); ``subject`` is the pseudonym. Raises InputError for another
        limit, and for a cursor that is none.
        """
        if not 1 <= limit <= MAX_LIMIT:
            raise InputError(
                f"Expected a limit from 1 to {MAX_LIMIT:,}, got {limit:,}. Ask for the next page by its cursor."
            )
        before = None if cursor is None else _id_of(cursor)
        wanted = Wanted(since, until, version, subject, has_actual)
        now = self._undrained.view()
        ids = self._newest(now, model, wanted, before, limit + 1)
        rows = among(now, model, sorted(ids[:limit])).collect().sort("id", descending=True)
        more = _cursor(ids[limit - 1]) if len(ids) > limit else None
        return Page(model=model, predictions=self._records(rows), next=more)

    @rereading
    def frame(
        self,
        model: str,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        version: int | None = None,
        subject: str | None = None,
        has_actual: bool | None = None,
        limit: int | None = None,
    ) -> pl.DataFrame:
        """The predictions as a flat table, the oldest first; with a limit the newest so many.

        The columns are those of :func:`~garcom.lake.flat.flat`.
        """
        wanted = Wanted(since, until, version, subject, has_actual)
        now = self._undrained.view()
        if limit is None:
            rows = _matching(now, model, wanted)
        else:
            rows = among(now, model, sorted(self._newest(now, model, wanted, None, limit)))
        actuals = self._lake.actuals.snapshot()
        truth = latest(observations(actuals, model, rows, wanted.window.days(_DAY)))
        joined = rows.join(truth.select("id", "actual", "observed_at"), on="id", how="left")
        if wanted.has_actual is not None:
            has = pl.col("actual").is_not_null()
            joined = joined.filter(has if wanted.has_actual else ~has)
        return flat(joined.sort("id").collect())

    def _records(self, rows: pl.DataFrame) -> list[LoggedPrediction]:
        if rows.is_empty():
            return []
        observed = observations_of(self._lake.actuals.snapshot(), rows["model"][0], rows)
        return logged(rows, observed.sort(ORDER))

    def _newest(self, now: View, model: str, wanted: Wanted, before: str | None, n: int) -> list[str]:
        """The greatest ``n`` ids of what is wanted, below ``before``, newest first.

        Only the columns that decide are read, and of the files only the newest that are needed.
        """
        actuals = self._lake.actuals.snapshot()
        found: list[str] = []
        for part in newest_first(now, model, wanted.window):
            if len(found) >= n and part.ids is not None and part.ids[1] < found[n - 1]:
                break
            matching = part.rows.filter(wanted.condition)
            if before is not None:
                matching = matching.filter(pl.col("id") < before)
            if wanted.has_actual is not None:
                there = known(actuals, model, matching, wanted.window.days(_DAY), part.ids)
                matching = matching.join(there, on="id", how="semi" if wanted.has_actual else "anti")
            top = matching.select("id").top_k(n, by="id").collect(engine="streaming")["id"]
            found = sorted({*found, *top}, reverse=True)[:n]
        return found


def _matching(now: View, model: str, wanted: Wanted) -> pl.LazyFrame:
    window = wanted.window
    return now.scan(model=model, days=window.days(), ids=window.ids).filter(wanted.condition)


def _cursor(id: str) -> str:
    return base64.urlsafe_b64encode(id.encode()).rstrip(b"=").decode()


def _id_of(cursor: str) -> str:
    try:
        id = base64.urlsafe_b64decode(cursor.encode() + b"=" * (-len(cursor) % 4)).decode()
    except (binascii.Error, UnicodeError):
        id = ""
    if not _ID.fullmatch(id):
        raise InputError("Expected a cursor that the page before gave as 'next', got another text.")
    return id
