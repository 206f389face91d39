from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from garcom.monitoring.performance.spans import length, micros, moment, spans

NOON = datetime(2026, 11, 18, 12, 30, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@pytest.mark.parametrize(
    ("span", "n_rows", "expected"),
    [
        (HOUR, 10**9, timedelta(minutes=1)),
        (DAY, 10**9, timedelta(minutes=30)),
        (7 * DAY, 10**9, 3 * HOUR),
        (30 * DAY, 10**9, 12 * HOUR),
        (365 * DAY, 10**9, 7 * DAY),
        (30 * DAY, 3000, DAY),
        (7 * DAY, 0, DAY),
        (400 * 365 * DAY, 10**9, 3640 * DAY),
    ],
    ids=["hour", "day", "week", "month", "year", "few-rows", "no-rows", "ages"],
)
def test_lengths_that_people_use(span: timedelta, n_rows: int, expected: timedelta) -> None:
    assert length(NOON, NOON + span, n_rows, 100) == expected


def test_parts_begin_at_midnight_and_weeks_on_monday() -> None:
    days = spans(np.array([], np.int64), NOON, NOON + 2 * DAY, DAY)
    assert [each.since.isoformat()[:16] for each in days] == [
        "2026-11-18T12:30",
        "2026-11-19T00:00",
        "2026-11-20T00:00",
    ]
    assert days[-1].until == NOON + 2 * DAY
    weeks = spans(np.array([], np.int64), NOON, NOON + 14 * DAY, 7 * DAY)
    assert [each.since.weekday() for each in weeks] == [2, 0, 0]


def test_each_row_is_in_one_part() -> None:
    times = np.array([micros(NOON + i * timedelta(minutes=10)) for i in range(30)])
    parts = spans(times, NOON, NOON + 5 * HOUR, HOUR)
    assert [each.first for each in parts[1:]] == [each.end for each in parts[:-1]]
    assert (parts[0].first, parts[-1].end) == (0, 30)
    for each in parts:
        assert all(each.since <= moment(int(at)) < each.until for at in times[each.first : each.end])
