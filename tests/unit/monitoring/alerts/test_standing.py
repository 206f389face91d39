from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from garcom.monitoring.alerts.parsing import parse_rule
from garcom.monitoring.alerts.readings import Reading
from garcom.monitoring.alerts.rule import Rule
from garcom.monitoring.alerts.standing import Standing, shortage, step

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
NOTHING = Reading(None, 500, 500, "it is not defined")
Said = list[tuple[int, float | Reading]]


def rule(text: str = "for 2 windows") -> Rule:
    """One whose windows count each quarter of an hour."""
    return parse_rule(f"wine.accuracy < 0.8 over 1h with >= 100 actuals {text}")


def states(said: Rule, readings: Said) -> list[str]:
    """The state after each reading, told by the minute at which its window ends."""
    standing = Standing(since=NOON)
    found: list[str] = []
    for minute, value in readings:
        reading = value if isinstance(value, Reading) else Reading(value, 500, 500)
        standing = step(said, standing, reading, NOON + timedelta(minutes=minute))
        found.append(standing.state)
    return found


def test_one_window_is_enough_where_no_more_are_asked_for() -> None:
    assert states(rule(""), [(0, 0.8), (1, 0.79)]) == ["inactive", "firing"]


def test_windows_count_a_quarter_of_the_span_apart() -> None:
    assert states(rule(), [(0, 0.7), (1, 0.7), (14, 0.7), (15, 0.7)]) == ["pending", "pending", "pending", "firing"]


def test_a_recovery_between_two_breaches_begins_anew() -> None:
    found = states(rule(), [(0, 0.7), (10, 0.9), (15, 0.7), (29, 0.7), (30, 0.7)])
    assert found == ["pending", "inactive", "pending", "pending", "firing"]


def test_a_window_without_data_is_neither_breach_nor_recovery() -> None:
    pending: Said = [(0, 0.7), (15, NOTHING), (16, 0.7)]
    assert states(rule(), pending) == ["pending", "pending", "firing"]
    firing: Said = [(0, 0.7), (1, NOTHING), (70, Reading(0.9, 500, 99)), (140, 0.9)]
    assert states(rule(""), firing) == ["firing"] * 4


def test_breaches_that_nobody_saw_are_not_in_a_row() -> None:
    assert states(rule(), [(0, 0.7), (76, 0.7), (91, 0.7)]) == ["pending", "pending", "firing"]


def test_the_threshold_has_to_be_left_for_a_whole_span() -> None:
    found = states(rule(""), [(0, 0.7), (10, 0.8), (69, 0.8), (70, 0.8)])
    assert found == ["firing", "firing", "firing", "resolved"]
    again = states(rule(""), [(0, 0.7), (10, 0.8), (40, 0.79), (70, 0.8), (129, 0.8), (130, 0.8)])
    assert again == ["firing"] * 5 + ["resolved"]


def test_a_level_ends_an_alert_at_once_and_nothing_below_it_does() -> None:
    found = states(rule("resolve at 0.85"), [(0, 0.7), (10, 0.84), (300, 0.84), (301, 0.85)])
    assert found == ["firing", "firing", "firing", "resolved"]


@pytest.mark.parametrize(
    ("sign", "breaching", "clear"), [("<", 0.4, 0.5), ("<=", 0.5, 0.6), (">", 0.6, 0.5), (">=", 0.5, 0.4)]
)
def test_comparisons(sign: str, breaching: float, clear: float) -> None:
    said = parse_rule(f"wine.accuracy {sign} 0.5")
    assert states(said, [(0, clear), (1, breaching)]) == ["inactive", "firing"]


@pytest.mark.parametrize(
    ("reading", "why"),
    [
        (Reading(0.7, 500, 100), None),
        (Reading(0.7, 500, 12), "not enough actuals: 12 of 100"),
        (Reading(None, 500, 500, "only one class"), "only one class"),
        (Reading(None, 500, 500), "there is no value"),
        (Reading(float("nan"), 500, 500), "there is no value"),
    ],
    ids=["enough", "few", "undefined", "no value", "nan"],
)
def test_why_a_window_says_nothing(reading: Reading, why: str | None) -> None:
    assert shortage(rule(), reading) == why


def test_nan_never_becomes_a_state() -> None:
    nan = float("nan")
    assert states(rule(""), [(0, nan), (1, 0.7), (2, nan)]) == ["inactive", "firing", "firing"]
