"""Moments and durations as people write them: ``30m``, ``7d``, ``2026-11-21``, ``2026-11-21T10:00:00-03:00``."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from garcom.errors import InputError

#: No prediction is from before; those that were made elsewhere may be of any time since.
EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_PART = re.compile(r"([0-9]+(?:\.[0-9]+)?)([smhdw])")
#: Microseconds since 1970 past which there is no date.
_FIRST_MOMENT, _LAST_MOMENT = -6.2135e16, 2.534e17
_DURATION = re.compile(rf"(?:{_PART.pattern})+")


def parse_duration(text: str) -> timedelta:
    """The length of time in ``90s``, ``30m``, ``1h``, ``7d``, ``2w`` or several of them, as in ``1h30m``.

    Raises InputError for anything else, and for what is longer than a calendar.
    """
    written = text.strip()
    if not _DURATION.fullmatch(written):
        raise InputError(
            f"Expected a duration such as 30m, 1h or 7d (s, m, h, d and w are seconds to weeks), got {text!r}."
        )
    try:
        parts = [timedelta(**{_UNITS[unit]: float(amount)}) for amount, unit in _PART.findall(written)]
        return sum(parts, timedelta())
    except OverflowError as error:
        raise InputError(f"Expected a duration of less than 2,700,000 years, got {text!r}.") from error


def parse_moment(text: str, now: datetime) -> datetime:
    """The moment in UTC that a text means: so long before ``now`` for a duration, otherwise a date (ISO 8601).

    A date without a time is its first moment; one without an offset is in UTC. Raises InputError for other texts.
    """
    written = text.strip()
    try:
        if _DURATION.fullmatch(written):
            return in_utc(now - parse_duration(written))
        return in_utc(datetime.fromisoformat(written))
    except (ValueError, OverflowError) as error:
        raise InputError(
            f"Expected a duration before now (30m, 1h, 7d) or a date (2026-11-21, 2026-11-21T10:00:00Z), got {text!r}."
        ) from error


def in_utc(moment: datetime) -> datetime:
    """The moment in UTC, as which one without an offset is taken. Raises OverflowError outside the years 1 to 9999."""
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def hour_of(moment: datetime) -> datetime:
    """When the hour of a moment begins."""
    return moment.replace(minute=0, second=0, microsecond=0)


def moment_at(microseconds: float) -> datetime | None:
    """The moment so many microseconds after 1970 (UTC); None for NaN, and where there is no date."""
    is_one = _FIRST_MOMENT < microseconds < _LAST_MOMENT
    return datetime.fromtimestamp(microseconds / 1e6, UTC) if is_one else None
