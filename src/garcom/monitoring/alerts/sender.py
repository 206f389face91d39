"""Puts what is to be told into messages, and sees to it that each arrives.

What is to be told, and then the messages, are in the database until they have been taken: a process that is killed in
between goes on where it was. A message may arrive twice (killed between the delivery and writing that down). One that
its receiver will not take is set aside, so that those after it arrive; it stays in the database, to be tried again.
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

#: A message that was not taken for so long is set aside: the longest weekend is over.
GIVEN = timedelta(days=7)

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
            waiting = storage.list_waiting(connection)
        for destination in self._destinations:
            self._deliver([row for row in waiting if row.destination == destination.key], destination, now)

    def _deliver(self, waiting: Sequence[MessageRow], destination: Destination, now: datetime) -> None:
        held: set[str] = set()  # the models of which people hear in order, so that what comes later has to wait
        failures = 0
        for row in waiting:
            if row.model in held:
                continue
            if row.next_at > now:
                held.add(row.model)
                continue
            failure = _failure(self._deliverer, destination, row.body, now)
            if failure is None:
                logger.info("alert delivered", extra=_told(row))
                self._note(row, attempts=row.attempts + 1, delivered_at=now, why=None)
                continue
            if not self._is_set_aside(row, failure, now):
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
                told = _readable(events)
                if not told:
                    continue
                message = grouped(model, list(told.values()), self._language, now)
                for row in self._rows(message, now):
                    storage.add_message(connection, row)
                storage.drop_events(connection, told)

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

    def _is_set_aside(self, row: MessageRow, failure: DeliveryFailed, now: datetime) -> bool:
        """Write down that an attempt failed; whether it was the last one."""
        attempts, told = row.attempts + 1, _told(row) | {"why": str(failure)}
        if failure.is_final or is_given_up(attempts):
            logger.error("alert set aside; `garcom alert retry` tries it again", extra=told)
            self._note(row, attempts=attempts, set_aside_at=now, why=str(failure))
            return True
        pause = pause_after(attempts)
        logger.warning("alert not delivered", extra=told | {"again_in_s": pause.seconds})
        self._note(row, attempts=attempts, next_at=now + pause, why=str(failure))
        return False

    def _note(self, row: MessageRow, **values: object) -> None:
        with self._database.write() as connection:
            storage.change_message(connection, row.id, row.destination, **values)


def pause_after(attempts: int) -> timedelta:
    """How long to wait after so many attempts (1 or more) have failed."""
    return min(FIRST_PAUSE * (1 << min(attempts - 1, 20)), LONGEST_PAUSE)


def is_given_up(attempts: int) -> bool:
    """Whether so many attempts, which have all failed, have taken the time that a message is given.

    What counts is the pauses between them: while the server is off nothing is tried.
    """
    return sum(map(pause_after, range(1, attempts)), timedelta()) >= GIVEN


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
    failures = [_attempt(deliverer, destination, message, now) for destination in destinations]
    return [
        (destination, None if failure is None else str(failure))
        for destination, failure in zip(destinations, failures, strict=True)
    ]


def _failure(deliverer: Deliverer, destination: Destination, body: str, now: datetime) -> DeliveryFailed | None:
    """Why a message that was written down could not be delivered; None if it was."""
    try:
        message = _decode_message(body)
    except msgspec.DecodeError:  # another version of Garçom wrote it, or somebody's hand
        return DeliveryFailed("it is no message that this version of Garçom can read", is_final=True)
    return _attempt(deliverer, destination, message, now)


def _attempt(deliverer: Deliverer, destination: Destination, message: Message, now: datetime) -> DeliveryFailed | None:
    try:
        deliverer.deliver(destination, message, now)
    except DeliveryFailed as error:
        return error
    except Exception as error:
        # The boundary of one receiver: its fault must not keep the others from hearing. What the fault itself says may
        # repeat the address, which holds secrets; where it happened does not.
        fault = DeliveryFailed(f"it could not be sent ({type(error).__name__}); the server's log says where")
        told = {"message_id": message.id, "to": destination.shown}
        logger.error("alert could not be sent", exc_info=fault.with_traceback(error.__traceback__), extra=told)
        return fault
    return None


def _readable(events: Sequence[storage.EventRow]) -> dict[str, Told]:
    """What the events tell, by their ids; without those that another version of Garçom wrote, which are kept."""
    found: dict[str, Told] = {}
    for event in events:
        try:
            found[event.id] = _decode_told(event.body)
        except msgspec.DecodeError as error:
            logger.error("event of an alert cannot be read", extra={"event": event.id, "why": str(error)})
    return found


def _told(row: MessageRow) -> dict[str, object]:
    return {"message_id": row.id, "to": row.shown, "attempt": row.attempts + 1}
