"""What people and programs are told of alerts."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec

Happened = Literal["firing", "repeated", "resolved"]


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """What happened to one alert; ``since`` is when it began to fire. No ``value`` where ``why`` says why."""

    id: str
    rule: str
    text: str
    happened: Happened
    severity: Literal["info", "warning", "critical"]
    model: str
    version: int | None = None
    stage: str | None = None
    segment: str | None = None
    value: float | None = None
    threshold: float | None = None
    rows: int = 0
    actuals: int = 0
    since: datetime | None = None
    at: datetime
    why: str | None = None


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """One message, the same for every receiver and every attempt: who gets an ``id`` twice has got it already.

    ``kind`` is ``test`` for one that only proves that messages arrive.
    """

    id: str
    kind: Literal["alerts", "test"] = "alerts"
    model: str | None = None
    made_at: datetime
    title: str
    text: str
    alerts: tuple[Told, ...] = ()
