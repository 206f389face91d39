from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from garcom.controller.audit_desk import MAX_LIMIT, AuditDesk
from garcom.controller.messages import ListAudit, ListPredictions, TakePredictions
from garcom.errors import InputError
from garcom.journal.pseudonyms import trail_name
from garcom.storage.audit import CONTROLLER, record
from garcom.storage.audit_rows import entries
from garcom.storage.database import Database

ASKS: dict[str, Any] = {"by": "user:ana", "address": "203.0.113.7", "model": "wine"}
PSEUDONYM = "ab" * 16


@pytest.fixture
def database(tmp_path: Path) -> Database:
    return Database.open(tmp_path).by(CONTROLLER)


def shown(desk: AuditDesk, **asked: Any) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(desk.show(ListAudit(**asked))[1])
    return found


def told(database: Database) -> list[tuple[str, ...]]:
    with database.read() as connection:
        return [(row.actor, row.address, row.action, row.target) for row in entries(connection)]


def test_pages_follow_each_other_the_newest_first(database: Database) -> None:
    desk = AuditDesk(database)
    assert shown(desk, limit=3) == {"entries": [], "next": None}
    for n in range(5):
        with database.write() as connection:
            record(connection, "model.use", f"wine:{n}", None, {"answers": n})
    seen, cursor = [], None
    for _ in range(3):
        page = shown(desk, limit=2, cursor=cursor)
        seen += [entry["after"]["answers"] for entry in page["entries"]]
        cursor = page["next"]
    assert (seen, cursor) == ([4, 3, 2, 1, 0], None)
    assert shown(desk, limit=5)["next"] is None
    assert shown(desk, limit=5, target="wine:3")["entries"][0]["number"] == 4
    assert shown(desk, limit=5, actor="user:ana")["entries"] == []


@pytest.mark.parametrize(
    "asked",
    [
        {"limit": 0},
        {"limit": MAX_LIMIT + 1},
        *({"limit": 1, "cursor": text} for text in ("", "x", "-1", "²", "9" * 19)),
    ],
)
def test_what_cannot_be_asked(database: Database, asked: dict[str, Any]) -> None:
    with pytest.raises(InputError, match="Expected a"):
        shown(AuditDesk(database), **asked)


def test_reading_what_is_about_a_person_is_told_and_reading_a_page_is_not(database: Database) -> None:
    desk = AuditDesk(database)
    desk.tell_reading(ListPredictions(**ASKS, limit=10), 7, is_export=False)
    assert told(database) == []
    desk.tell_reading(ListPredictions(**ASKS, limit=10, subject=PSEUDONYM), 7, is_export=False)
    desk.tell_reading(TakePredictions(**ASKS), 7, is_export=True)
    desk.tell_reading(TakePredictions(**ASKS, subject=PSEUDONYM), 7, is_export=True)
    assert told(database) == [
        ("user:ana", "203.0.113.7", "predictions.read_subject", trail_name(PSEUDONYM)),
        ("user:ana", "203.0.113.7", "predictions.export", "wine"),
        ("user:ana", "203.0.113.7", "predictions.read_subject", trail_name(PSEUDONYM)),
    ]
    assert PSEUDONYM not in trail_name(PSEUDONYM)
