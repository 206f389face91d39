"""What a report on performance reads: the window's rows, and those before it from which estimates learn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

import polars as pl

from garcom.lake.tables import Lake
from garcom.lake.undrained import Undrained
from garcom.model.signature import Output
from garcom.moments import EARLIEST
from garcom.monitoring.performance.counting import Counts, at_most, counted, number_and_first
from garcom.monitoring.performance.estimation import MOST_ROWS
from garcom.monitoring.performance.joined import Wanted, joined, newest_known
from garcom.monitoring.performance.spans import Span, micros, moment

#: Estimates learn from rows of so long before the window.
_BEFORE = timedelta(days=90)
#: About so many inputs are read for the model of the error.
_INPUTS = 40_000


class Read(NamedTuple):
    """``n_rows`` predictions were there, of which ``window`` are all or an even sample; by rising time.

    ``since`` is when the window begins, without a beginning the time of its first row; None where there is none. Of
    ``before`` the columns are the same, but for the fields of segments (``field_0`` …).
    """

    window: pl.DataFrame
    before: pl.DataFrame
    n_rows: int
    since: datetime | None
    is_sample: bool

    @property
    def together(self) -> pl.DataFrame:
        """Those before the window, then those of it."""
        return pl.concat([self.before, _without_fields(self.window)])


@dataclass(frozen=True)
class Reader:
    """Reads the predictions of a model and their actuals; those before a window only for ``estimates``."""

    lake: Lake
    undrained: Undrained
    output: Output
    estimates: bool

    def rows(self, wanted: Wanted, fields: Sequence[str], most: int) -> Read:
        """The rows with the values of these fields; an even sample of about so many where there are more."""
        n_rows, first, share = self._share(wanted, most)
        inputs = _INPUTS if self._has_inputs else 0
        frame = joined(self.lake, self.undrained, wanted, self.output, fields=fields, inputs=inputs, share=share)
        if share == 1:
            n_rows, first = frame.height, None if frame.is_empty() else moment(micros(frame["time"][0]))
        since = wanted.scope.since or first
        before = _without_fields(frame).clear() if since is None or not self.estimates else self._before(wanted, since)
        return Read(frame, before, n_rows, since, share < 1)

    def counts(self, wanted: Wanted, cut: Sequence[Span]) -> Counts:
        """Of every row in these parts, of which there is at least one."""
        borders = [*(span.since for span in cut), cut[-1].until]
        return counted(self.lake, self.undrained, wanted, self.output, borders)

    @property
    def _has_inputs(self) -> bool:
        return self.estimates and self.output.task == "regression"

    def _share(self, wanted: Wanted, most: int) -> tuple[int, datetime | None, float]:
        """How many rows there are, the time of the first, and which share of them is scored; if all, only this."""
        if at_most(self.undrained, wanted) <= most:
            return 0, None, 1.0
        n_rows, first = number_and_first(self.undrained, wanted)
        return n_rows, first, most / n_rows if n_rows > most else 1.0

    def _before(self, wanted: Wanted, since: datetime) -> pl.DataFrame:
        """The newest rows with actuals before the window, which estimates learn from."""
        earlier = wanted.at(max(EARLIEST, since - _BEFORE), since)
        inputs = MOST_ROWS if self._has_inputs else 0
        return newest_known(self.lake, self.undrained, earlier, self.output, MOST_ROWS, inputs=inputs)


def _without_fields(rows: pl.DataFrame) -> pl.DataFrame:
    return rows.select(pl.exclude("^field_[0-9]+$"))
