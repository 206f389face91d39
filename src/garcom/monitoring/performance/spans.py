"""The parts into which a report's time is cut."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import numpy as np

from garcom.errors import InputError
from garcom.records import IntArray

#: So many parts fit on a page when nobody says how long they should be.
AT_MOST = 60
#: Nobody reads more, and each costs an answer of some hundred bytes.
MOST = 2000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
#: A Monday: weeks begin with it.
_MONDAY = datetime(1970, 1, 5, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_MINUTE, _HOUR, _DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
_LENGTHS = (
    *(n * _MINUTE for n in (1, 5, 15, 30)),
    *(n * _HOUR for n in (1, 3, 6, 12)),
    *(n * _DAY for n in (1, 7, 28, 91, 364, 3640)),
)


class Span(NamedTuple):
    """One part, from ``since`` (included) to ``until`` (excluded), and its rows: positions ``[first, end)``."""

    since: datetime
    until: datetime
    first: int
    end: int


def length(since: datetime, until: datetime, n_rows: int, min_rows: int) -> timedelta:
    """The shortest of the usual lengths that gives at most 60 parts, and most of them enough rows.

    Rows do not make it so long that fewer than 6 parts are left.
    """
    span = until - since
    chosen = next((each for each in _LENGTHS if span <= AT_MOST * each), _LENGTHS[-1])
    longer = [each for each in _LENGTHS if each > chosen and span >= 6 * each]
    for each in longer:
        if n_rows * (chosen / span) >= 2 * min_rows:
            break
        chosen = each
    return chosen


def spans(times: IntArray, since: datetime, until: datetime, every: timedelta) -> list[Span]:
    """The parts of the window, with the rows of each: ``times`` are in microseconds since 1970 UTC, rising.

    They begin at multiples of ``every`` from midnight UTC (weeks on Monday), but for the first one. Raises InputError
    for a length that is not positive, or that gives more than 2,000.
    """
    if every <= timedelta():
        raise InputError(f"Expected windows longer than nothing, got {every}. Give them as 1h or 1d.")
    if (until - since) / every > MOST:
        raise InputError(
            f"Expected windows that are long enough for at most {MOST:,} of them, got {every} for "
            f"{until - since}. Make them longer."
        )
    origin = _MONDAY if every % timedelta(days=7) == timedelta() else _EPOCH
    begin = since - (since - origin) % every
    borders = [since]
    while (begin := begin + every) < until:
        borders.append(begin)
    borders.append(until)
    places = np.searchsorted(times, [micros(border) for border in borders])
    return [
        Span(borders[i], borders[i + 1], int(places[i]), int(places[i + 1]))
        for i in range(len(borders) - 1)
        if borders[i] < borders[i + 1]
    ]


def micros(moment: datetime) -> int:
    """Microseconds since 1970 UTC."""
    return (moment - _EPOCH) // _MICROSECOND


def moment(at: int) -> datetime:
    """The moment of so many microseconds since 1970 UTC."""
    return _EPOCH + int(at) * _MICROSECOND
