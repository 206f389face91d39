"""A database with models, readings that a test sets, and an evaluator over both."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec

from garcom.monitoring.alerts.evaluation import Evaluator
from garcom.monitoring.alerts.messages import Told
from garcom.monitoring.alerts.readings import Asked, Reading
from garcom.monitoring.alerts.rule_book import RuleBook
from garcom.monitoring.records import Scope
from garcom.settings import AlertSettings
from garcom.storage import alerts as storage
from garcom.storage.audit import CONTROLLER
from garcom.storage.database import Database
from garcom.storage.models import make_model

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
RULE = "wine.accuracy < 0.8 over 1h with >= 100 actuals resolve at 0.85 critical"


class SetReadings:
    """Answers what a test has set, for each subject; an error is raised."""

    def __init__(self) -> None:
        self.found: dict[str, Reading | Exception] = {}
        self.asked: list[tuple[str, Scope]] = []
        self.expected: list[Asked] = []

    def expect(self, asked: Iterable[Asked]) -> None:
        self.expected += asked

    def read(self, asked: Asked) -> Reading:
        subject = asked.subject
        self.asked.append((subject.name, asked.scope))
        answer = self.found.get(subject.name, Reading(None, why="no rows"))
        if isinstance(answer, Exception):
            raise answer
        return answer


class Watched:
    """One model called wine, and a clock that stands at noon until it is told otherwise."""

    def __init__(self, home: Path, repeat_s: float = 3600.0, **rules: str) -> None:
        self.settings = AlertSettings(defaults=False, repeat_s=repeat_s, rules=rules or {"quality": RULE})
        self.database = Database.open(home).by(CONTROLLER)
        with self.database.write() as connection:
            make_model(connection, "wine", NOON)
        self.readings = SetReadings()
        self.book = RuleBook(self.settings, self.database)

    def run(self, minute: float, accuracy: float | None = None, why: str | None = None) -> None:
        """Evaluate at this minute after noon, by a new evaluator: what it knows is in the database."""
        self.readings.found["accuracy"] = Reading(accuracy, 500, 500, why)
        book = RuleBook(self.settings, self.database)
        evaluator = Evaluator(book, self.database, repeat_s=self.settings.repeat_s)
        evaluator.run(self.readings, NOON + timedelta(minutes=minute))

    def alerts(self) -> list[storage.AlertRow]:
        with self.database.read() as connection:
            return storage.list_alerts(connection)

    def states(self) -> list[str]:
        return [alert.state for alert in self.alerts()]

    def told(self) -> list[str]:
        """What is to be told, in its order."""
        with self.database.read() as connection:
            events = storage.list_events(connection)
        return [msgspec.json.decode(event.body, type=Told).happened for event in events]
