"""What becomes of an alert from window to window. Nothing here knows a clock or a database."""

from __future__ import annotations

import math
from datetime import datetime
from typing import Literal

import msgspec

from garcom.monitoring.alerts.readings import Reading
from garcom.monitoring.alerts.rule import Rule

State = Literal["inactive", "pending", "firing", "resolved"]


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """Where a rule stands for one model.

    ``since`` is when it came to its state. ``counted`` windows in a row have breached, the last of them at
    ``counted_at``; ``clear_since`` is since when a firing alert's threshold is no longer breached.
    """

    state: State = "inactive"
    since: datetime
    counted: int = 0
    counted_at: datetime | None = None
    clear_since: datetime | None = None


def shortage(rule: Rule, reading: Reading) -> str | None:
    """Why a window says nothing; None where it says something."""
    is_value = reading.value is not None and math.isfinite(reading.value)
    if not is_value and reading.why:
        return reading.why
    found = reading.actuals if rule.counts == "actuals" else reading.rows
    if found < rule.least:
        return f"not enough {rule.counts}: {found:,} of {rule.least:,}"
    return None if is_value else "there is no value"


def step(rule: Rule, standing: Standing, reading: Reading, now: datetime) -> Standing:
    """Where the rule stands after the window that ends now. One that says nothing changes nothing."""
    value = reading.value
    if value is None or shortage(rule, reading) is not None:
        return standing
    if standing.state == "firing":
        return _firing(rule, standing, value, now)
    if not rule.is_breached_by(value):
        return standing if standing.state != "pending" else Standing(since=now)
    counted, counted_at = _counted(rule, standing, now)
    if counted >= rule.windows:
        return Standing(state="firing", since=now, counted=counted, counted_at=counted_at)
    since = standing.since if standing.state == "pending" else now
    return Standing(state="pending", since=since, counted=counted, counted_at=counted_at)


def _counted(rule: Rule, standing: Standing, now: datetime) -> tuple[int, datetime]:
    """How many windows in a row have breached, with this one where it is far enough from the last that counted."""
    if standing.state != "pending" or standing.counted_at is None:
        return 1, now
    passed = now - standing.counted_at
    if passed < rule.pace:
        return standing.counted, standing.counted_at
    if passed > rule.span + rule.pace:  # what lies between was seen by nobody, so they are not in a row
        return 1, now
    return standing.counted + 1, now


def _firing(rule: Rule, standing: Standing, value: float, now: datetime) -> Standing:
    resolved = Standing(state="resolved", since=now)
    if rule.is_breached_by(value):
        return msgspec.structs.replace(standing, clear_since=None)
    if rule.is_settled_by(value):
        return resolved
    if rule.resolve_at is not None:
        return standing
    clear_since = standing.clear_since or now
    if now - clear_since >= rule.span:
        return resolved
    return msgspec.structs.replace(standing, clear_since=clear_since)
