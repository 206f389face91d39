from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from garcom.client.retries import CAP_S, jitter, parse_retry_after, pause_s


def longest(low: float, high: float) -> float:
    return high


def shortest(low: float, high: float) -> float:
    return low


def test_the_longest_pause_doubles_up_to_the_cap() -> None:
    assert [pause_s(attempt, 0.0, longest) for attempt in range(8)] == [0.1, 0.2, 0.4, 0.8, 1.0, 1.0, 1.0, 1.0]


def test_full_jitter_reaches_down_to_nothing_but_not_below_what_the_server_asked() -> None:
    assert pause_s(5, 0.0, shortest) == 0.0
    assert pause_s(5, 2.0, shortest) == 2.0
    assert pause_s(0, 2.0, longest) == 2.1


@given(attempt=st.integers(0, 10_000), asked=st.floats(0, 60))
def test_pauses_stay_within_bounds(attempt: int, asked: float) -> None:
    assert asked <= pause_s(attempt, asked, jitter) <= asked + CAP_S


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, None),
        ("3", 3.0),
        ("0.5", 0.5),
        ("-4", 0.0),
        ("Sat, 21 Nov 2026 10:00:07 GMT", 7.0),
        ("Sat, 21 Nov 2026 10:00:07 -0000", 7.0),
        ("Sat, 21 Nov 2026 09:00:00 GMT", 0.0),
        ("soon", None),
        ("nan", None),
        ("inf", None),
    ],
)
def test_retry_after(header: str | None, seconds: float | None) -> None:
    now = datetime(2026, 11, 21, 10, tzinfo=UTC)
    assert parse_retry_after(header, lambda: now) == seconds
