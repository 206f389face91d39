from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from garcom.errors import InputError
from garcom.moments import in_utc, moment_at, parse_duration, parse_moment

NOW = datetime(2026, 11, 21, 16, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("90s", timedelta(seconds=90)),
        ("30m", timedelta(minutes=30)),
        ("1h", timedelta(hours=1)),
        ("1.5h", timedelta(minutes=90)),
        ("7d", timedelta(days=7)),
        ("2w", timedelta(days=14)),
        (" 1h30m ", timedelta(minutes=90)),
        ("0s", timedelta()),
    ],
)
def test_durations(text: str, expected: timedelta) -> None:
    assert parse_duration(text) == expected


@pytest.mark.parametrize("text", ["", "h", "1", "1y", "-1h", "1 h", "1h later", "1h-30m", "٣h", "9" * 400 + "d"])
def test_what_is_no_duration(text: str) -> None:
    with pytest.raises(InputError, match="duration"):
        parse_duration(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1h", NOW - timedelta(hours=1)),
        ("2026-11-21", datetime(2026, 11, 21, tzinfo=UTC)),
        ("2026-11-21T10:30:00", datetime(2026, 11, 21, 10, 30, tzinfo=UTC)),
        ("2026-11-21T10:30:00Z", datetime(2026, 11, 21, 10, 30, tzinfo=UTC)),
        ("2026-11-21T10:30:00.123456-03:00", datetime(2026, 11, 21, 13, 30, 0, 123456, tzinfo=UTC)),
    ],
)
def test_moments(text: str, expected: datetime) -> None:
    moment = parse_moment(text, NOW)
    assert moment == expected
    assert moment.tzinfo is UTC


@pytest.mark.parametrize("text", ["", "yesterday", "2026-13-01", "9999999d", "0001-01-01T00:00:00+10:00", "1h ago"])
def test_what_is_no_moment(text: str) -> None:
    with pytest.raises(InputError, match="got"):
        parse_moment(text, NOW)


def test_other_offsets_become_utc() -> None:
    assert in_utc(datetime(2026, 11, 21, 10, tzinfo=timezone(timedelta(hours=-3)))).hour == 13


@pytest.mark.parametrize("year", [1, 1970, 9999])
def test_microseconds_as_a_moment(year: int) -> None:
    moment = datetime(year, 6, 1, tzinfo=UTC)
    microseconds = (moment - datetime(1970, 1, 1, tzinfo=UTC)) / timedelta(microseconds=1)
    assert moment_at(microseconds) == moment
    assert moment_at(microseconds + 1e18) is None
    assert moment_at(-6.3e16) is None
    assert moment_at(float("nan")) is None
