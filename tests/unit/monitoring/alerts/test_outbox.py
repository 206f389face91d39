from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from garcom.errors import InputError, NotFound
from garcom.monitoring.alerts.outbox import Outbox, Undelivered
from garcom.storage import alerts as storage
from garcom.storage.alerts import MessageRow
from garcom.storage.audit import Actor
from garcom.storage.audit_rows import Wanted, newest_entries
from garcom.storage.database import Database
from tests.unit.monitoring.alerts.opened import NOON

ASIDE, WAITING, BEER, ARRIVED = (f"019aa8f2-7f30-7a52-b2a6-{n}{n:011}" for n in range(4))


def opened(home: Path) -> Database:
    database = Database.open(home).by(Actor("user:ana", ""))
    body = '{"id": "1", "made_at": "2026-11-21T12:00:00Z", "title": "wine: 1 alert", "text": ""}'
    late = datetime(2999, 1, 1, tzinfo=UTC)
    rows = [
        MessageRow(ASIDE, "one", "https://one", "wine", NOON, body, 1, NOON, None, "it answered 413", NOON),
        MessageRow(ASIDE, "two", "https://two", "wine", NOON, body, 1, NOON, NOON, None),
        MessageRow(WAITING, "one", "https://one", "wine", NOON, body, 9, late, None, "it answered 500"),
        MessageRow(BEER, "one", "https://one", "beer", NOON, "[]", 1, NOON, None, "it is no message", NOON),
        MessageRow(ARRIVED, "one", "https://one", "wine", NOON, body, 1, NOON, NOON, None),
    ]
    with database.write() as connection:
        for row in rows:
            storage.add_message(connection, row)
    return database


def audited(database: Database) -> list[tuple[str, str]]:
    with database.read() as connection:
        return [(row.action, row.actor) for row in newest_entries(connection, 100, None, Wanted())]


def told(found: tuple[Undelivered, ...]) -> list[tuple[str, str, str]]:
    return [(each.id, each.state, each.title) for each in found]


def test_what_has_not_arrived_is_told_with_its_reason(tmp_path: Path) -> None:
    outbox = Outbox(opened(tmp_path))
    assert told(outbox.shown().messages) == [
        (BEER, "set_aside", ""),
        (WAITING, "waiting", "wine: 1 alert"),
        (ASIDE, "set_aside", "wine: 1 alert"),
    ]
    aside = outbox.shown(["wine"], ["set_aside"]).messages
    assert aside == (
        Undelivered(
            id=ASIDE,
            to="https://one",
            model="wine",
            title="wine: 1 alert",
            created_at=NOON,
            state="set_aside",
            attempts=1,
            set_aside_at=NOON,
            why="it answered 413",
        ),
    )
    assert [each.id for each in outbox.shown(states=["waiting"]).messages] == [WAITING]
    assert [each.id for each in outbox.shown(limit=1).messages] == [BEER]
    with pytest.raises(InputError, match="limit from 1 to 1,000, got 0"):
        outbox.shown(limit=0)
    with pytest.raises(InputError, match="among waiting, set_aside, got 'gone'"):
        outbox.shown(states=["gone"])


def test_one_message_is_tried_again(tmp_path: Path) -> None:
    database = opened(tmp_path)
    (again,) = Outbox(database).retry(ASIDE[:35]).messages
    assert (again.id, again.to, again.state, again.attempts) == (ASIDE, "https://one", "waiting", 0)
    with database.read() as connection:
        waiting = storage.list_waiting(connection)
    assert {row.id for row in waiting} == {ASIDE, WAITING}
    assert waiting[0].next_at <= datetime.now(UTC)
    assert audited(database) == [("alert_message.retry", "user:ana")]


def test_every_message_is_tried_again(tmp_path: Path) -> None:
    database = opened(tmp_path)
    assert [each.id for each in Outbox(database).retry().messages] == [BEER, WAITING, ASIDE]
    assert {each.state for each in Outbox(database).shown().messages} == {"waiting"}


@pytest.mark.parametrize(("id", "models"), [(ARRIVED, None), (BEER, ["wine"]), ("none", None)])
def test_what_has_arrived_or_is_of_another_model_is_not_there(
    tmp_path: Path, id: str, models: list[str] | None
) -> None:
    database = opened(tmp_path)
    with pytest.raises(NotFound, match="a message that has not arrived"):
        Outbox(database).retry(id, models)
    assert audited(database) == []
