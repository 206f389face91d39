"""Puts what is to be told into messages, and sees to it that each arrives.

What is to be told, and then the messages, are in the database until they have been taken: a process that is killed in
between goes on where it was. A message may arrive twice (killed between the delivery and writing that down), and never
not at all.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Protocol

import msgspec

from garcom.errors import DeliveryFailed
from garcom.ids import uuid7s
from garcom.monitoring.alerts.destinations import Destination
from garcom.monitoring.alerts.messages import Message, Told
from garcom.monitoring.alerts.phrases import text, title, trial_message
from garcom.storage import alerts as storage
from garcom.storage.alerts import MessageRow
from garcom.storage.database import Database

logger = logging.getLogger("garcom.alerts")

#: After a failed attempt; each pause is twice the one before.
FIRST_PAUSE, LONGEST_PAUSE = timedelta(seconds=10), timedelta(hours=1)

#: A receiver that fails so often in one round is left alone until the next: each failure may take seconds.
MOST_FAILURES = 3

_decode_told = msgspec.json.Decoder(Told).decode
_decode_message = msgspec.json.Decoder(Message).decode


class Deliverer(Protocol):
    """Whoever takes a message to its receiver."""

    def deliver(self, destination: Destination, message: Message, now: datetime) -> None:
        """Raises DeliveryFailed."""
        ...


class Sender:
    """Sends to these receivers what the database has for them."""

    def __init__(
        self,
        database: Database,
        destinations: Sequence[Destination],
        deliverer: Deliverer,
        *,
        language: str,
        group_s: float,
    ) -> None:
        self._database = database
        self._destinations = destinations
        self._deliverer = deliverer
        self._language = language
        self._group = timedelta(seconds=group_s)

    def run(self, now: datetime) -> None:
        """Make the messages that are due, and try to deliver those that wait.

        The oldest go first, and of one model they reach a receiver in their order.
        """
        self._group_events(now)
        with self._database.read() as connection:
            waiting = storage.list_undelivered(connection)
        for destination in self._destinations:
            held: set[str] = set()  # the models of which people hear in order, so that what comes later has to wait
            failures = 0
            for row in waiting:
                if row.destination != destination.key or row.model in held:
                    continue
                if row.next_at > now:
                    held.add(row.model)
                elif not self._is_delivered(row, destination, now):
                    held.add(row.model)
                    failures += 1
                    if failures == MOST_FAILURES:
                        break

    def _group_events(self, now: datetime) -> None:
        """Put the events of a model into one message, once the first of them has waited for others."""
        with self._database.read() as connection:
            if not storage.list_events(connection):
                return
        with self._database.write() as connection:
            by_model: dict[str, list[storage.EventRow]] = defaultdict(list)
            for event in storage.list_events(connection):
                by_model[event.model].append(event)
            for model, events in by_model.items():
                if now - events[0].at < self._group:
                    continue
                message = grouped(model, [_decode_told(event.body) for event in events], self._language, now)
                for row in self._rows(message, now):
                    storage.add_message(connection, row)
                storage.drop_events(connection, [event.id for event in events])

    def _rows(self, message: Message, now: datetime) -> list[MessageRow]:
        return [
            MessageRow(
                id=message.id,
                destination=destination.key,
                shown=destination.shown,
                model=message.model or "",
                created_at=now,
                body=msgspec.json.encode(message).decode(),
                attempts=0,
                next_at=now,
                delivered_at=None,
                why=None,
            )
            for destination in self._destinations
        ]

    def _is_delivered(self, row: MessageRow, destination: Destination, now: datetime) -> bool:
        attempts = row.attempts + 1
        told = {"message_id": row.id, "to": row.shown, "attempt": attempts}
        try:
            self._deliverer.deliver(destination, _decode_message(row.body), now)
        except DeliveryFailed as error:
            pause = pause_after(attempts)
            logger.warning("alert not delivered", extra=told | {"why": str(error), "again_in_s": pause.seconds})
            self._note(row, attempts=attempts, next_at=now + pause, why=str(error))
            return False
        logger.info("alert delivered", extra=told)
        self._note(row, attempts=attempts, delivered_at=now, why=None)
        return True

    def _note(self, row: MessageRow, **values: object) -> None:
        with self._database.write() as connection:
            storage.change_message(connection, row.id, row.destination, **values)


def pause_after(attempts: int) -> timedelta:
    """How long to wait after so many attempts (1 or more) have failed."""
    return min(FIRST_PAUSE * (1 << min(attempts - 1, 20)), LONGEST_PAUSE)


def grouped(model: str, alerts: Sequence[Told], language: str, now: datetime) -> Message:
    """The message that tells what happened to these alerts of a model; of each the last thing that did."""
    last = {told.id: told for told in alerts}
    shown = sorted(last.values(), key=lambda told: (told.happened == "resolved", told.rule))
    id = uuid7s(1)[0]
    return Message(
        id=id,
        model=model,
        made_at=now,
        title=title(shown, language),
        text=text(shown, language, id),
        alerts=tuple(shown),
    )


def try_out(
    destinations: Sequence[Destination], deliverer: Deliverer, language: str, now: datetime
) -> list[tuple[Destination, str | None]]:
    """Send a test message to each receiver; beside each why it did not take it, or None."""
    id = uuid7s(1)[0]
    heading, body = trial_message(language, id)
    message = Message(id=id, kind="test", made_at=now, title=heading, text=body)
    found: list[tuple[Destination, str | None]] = []
    for destination in destinations:
        try:
            deliverer.deliver(destination, message, now)
        except DeliveryFailed as error:
            found.append((destination, str(error)))
        else:
            found.append((destination, None))
    return found
