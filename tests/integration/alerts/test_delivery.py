from __future__ import annotations

import hashlib
import hmac
import io
import logging
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from garcom.errors import DeliveryFailed, SettingsError
from garcom.logs import JsonFormatter
from garcom.monitoring.alerts.destinations import Destination, destinations, signing_secret
from garcom.monitoring.alerts.messages import Message
from garcom.monitoring.alerts.post_office import PostOffice, check
from garcom.monitoring.alerts.sender import GIVEN, LONGEST_PAUSE, MOST_FAILURES, Sender, pause_after, try_out
from garcom.settings import AlertSettings
from garcom.storage import alerts as storage
from garcom.storage.alerts import MessageRow
from garcom.storage.database import Database
from garcom.storage.models import make_model
from tests.integration.alerts.receivers import PATIENCE_S, Request, mails, webhooks
from tests.unit.monitoring.alerts.opened import NOON, RULE, Watched

BROKEN = "https://u:pw@[bad/x"
SECRET = b"0123456789abcdef0123456789abcdef"


def to(*urls: str) -> tuple[Destination, ...]:
    return destinations(AlertSettings(to=urls))


def sender(database: Database, *urls: str, language: str = "en", group_s: float = 0, secret: bytes = b"") -> Sender:
    return Sender(database, to(*urls), PostOffice(secret), language=language, group_s=group_s)


def waiting(database: Database) -> list[MessageRow]:
    with database.read() as connection:
        return storage.list_waiting(connection)


def undelivered(database: Database) -> list[MessageRow]:
    with database.read() as connection:
        return storage.list_undelivered(connection)


def message(request: Request) -> Message:
    return msgspec.json.decode(request.body, type=Message)


def at(minute: float) -> datetime:
    return NOON + timedelta(minutes=minute)


def test_a_webhook_gets_signed_json(tmp_path: Path) -> None:
    watched = Watched(tmp_path)
    watched.run(0, 0.7)
    with webhooks() as hooks:
        sender(watched.database, hooks.url, secret=SECRET).run(at(0))
        came = hooks.next()
    told = message(came)
    (alert,) = told.alerts
    assert (told.kind, told.model, told.title) == ("alerts", "wine", "wine: 1 alert, FIRING, critical")
    assert (alert.rule, alert.happened, alert.value, alert.threshold, alert.actuals) == (
        "quality",
        "firing",
        0.7,
        0.8,
        500,
    )
    assert came.headers["idempotency-key"] == told.id
    assert came.headers["content-type"] == "application/json"
    moment, signed = (part.partition("=")[2] for part in came.headers["garcom-signature"].split(","))
    assert hmac.new(SECRET, moment.encode() + b"." + came.body, hashlib.sha256).hexdigest() == signed
    assert waiting(watched.database) == []


@pytest.mark.parametrize(
    ("language", "title", "line"),
    [
        ("en", "wine: 1 alert, FIRING, critical", "value 0.7 (from 500 rows, 500 actuals)"),
        ("pt", "wine: 1 alerta, DISPARADO, crítico", "valor 0,7 (500 linhas, 500 com valor real)"),
    ],
)
def test_a_mail_is_for_people(tmp_path: Path, language: str, title: str, line: str) -> None:
    watched = Watched(tmp_path)
    watched.run(0, 0.7)
    with mails() as received:
        address = (
            f"mailto://robot:secretpassword@127.0.0.1:{received.port}/?smtp=127.0.0.1&mode=insecure"
            "&from=garcom@example.com&to=team@example.com"
        )
        sender(watched.database, address, language=language).run(at(0))
        mail = received.next()
    assert mail["subject"] == title
    assert "team@example.com" in mail["to"]
    body = mail.get_body(("plain", "html"))
    assert body is not None
    assert line in body.get_content().replace("&nbsp;", " ")


def test_alerts_that_come_together_go_out_together(tmp_path: Path) -> None:
    watched = Watched(tmp_path, quality=RULE, other="wine.accuracy < 0.9 over 1h resolve at 0.95")
    watched.run(0, 0.85)
    with webhooks() as hooks:
        waits = sender(watched.database, hooks.url, group_s=120)
        waits.run(at(1))
        watched.run(1, 0.7)
        waits.run(at(1.9))
        assert hooks.came.empty()
        waits.run(at(2))
        told = message(hooks.next())
        assert [alert.rule for alert in told.alerts] == ["other", "quality"]
        assert told.title == "wine: 2 alerts, FIRING, critical"
        watched.run(3, 0.96)
        waits.run(at(5))
        assert message(hooks.next()).title == "wine: 2 alerts, RESOLVED"


def test_what_is_refused_is_tried_again_with_growing_pauses(tmp_path: Path) -> None:
    watched = Watched(tmp_path)
    watched.run(0, 0.7)
    with webhooks() as hooks:
        hooks.statuses = [500, 302, 200]
        sends = sender(watched.database, hooks.url)
        sends.run(at(0))
        (row,) = waiting(watched.database)
        assert (row.attempts, row.why, row.next_at) == (1, "it answered 500, and not 2xx", at(0) + pause_after(1))
        sends.run(row.next_at - timedelta(seconds=1))
        assert hooks.came.qsize() == 1
        sends.run(row.next_at)
        (row,) = waiting(watched.database)
        assert (row.attempts, row.why) == (2, "it answered 302, and not 2xx")
        sends.run(row.next_at)
        assert waiting(watched.database) == []
        assert len({hooks.next().headers["idempotency-key"] for _ in range(3)}) == 1


def test_pauses_grow_to_an_hour() -> None:
    pauses = [pause_after(attempts) for attempts in range(1, 100)]
    assert pauses == sorted(pauses)
    assert (pauses[0], pauses[-1]) == (timedelta(seconds=10), LONGEST_PAUSE)


def test_one_receiver_that_is_away_holds_up_no_other(tmp_path: Path) -> None:
    watched = Watched(tmp_path)
    watched.run(0, 0.7)
    with webhooks() as hooks:
        away = "http://127.0.0.1:9/hooks"
        sender(watched.database, away, hooks.url).run(at(0))
        hooks.next()
    (row,) = waiting(watched.database)
    assert (row.shown, row.why) == ("http://127.0.0.1", "it cannot be reached (ConnectError)")


def test_messages_reach_a_receiver_in_their_order(tmp_path: Path) -> None:
    watched = Watched(tmp_path, quality=RULE.replace("1h", "10m"))
    with webhooks() as hooks:
        hooks.statuses = [503]
        sends = sender(watched.database, hooks.url)
        watched.run(0, 0.7)
        sends.run(at(0))
        hooks.next()
        watched.run(0.1, 0.9)
        sends.run(at(0.1))
        assert hooks.came.empty()
        sends.run(at(60))
        assert [message(hooks.next()).alerts[0].happened for _ in range(2)] == ["firing", "resolved"]


def test_a_message_that_is_not_taken_holds_up_those_of_its_model_only(tmp_path: Path) -> None:
    watched = Watched(tmp_path, quality="*.accuracy < 0.8 over 10m resolve at 0.85")
    with watched.database.write() as connection:
        make_model(connection, "beer", NOON)
    with webhooks() as hooks:
        hooks.statuses = [503, 200]
        sends = sender(watched.database, hooks.url)
        watched.run(0, 0.7)
        sends.run(at(0))
        refused, taken = message(hooks.next()), message(hooks.next())
        assert {refused.model, taken.model} == {"beer", "wine"}
        watched.run(0.1, 0.9)
        sends.run(at(0.1))
        later = message(hooks.next())
        assert (later.model, later.alerts[0].happened) == (taken.model, "resolved")
        assert [row.model for row in waiting(watched.database)] == [refused.model] * 2


@pytest.mark.parametrize("status", [400, 410, 413, 415, 422])
def test_a_message_that_its_receiver_will_never_take_is_set_aside_and_the_later_ones_go_on(
    tmp_path: Path, status: int
) -> None:
    watched = Watched(tmp_path)
    with webhooks() as hooks, logged() as log:
        hooks.statuses = [status]
        sends = sender(watched.database, hooks.url)
        watched.run(0, 0.7)
        sends.run(at(0))
        refused = message(hooks.next())
        watched.run(1, 0.9)
        sends.run(at(1))
        assert message(hooks.next()).alerts[0].happened == "resolved"
        sends.run(at(600))
        assert hooks.came.empty()
    (row,) = undelivered(watched.database)
    assert (row.id, row.attempts, row.set_aside_at) == (refused.id, 1, at(0))
    assert row.why == f"it answered {status}, and not 2xx"
    assert [line for line in log.getvalue().splitlines() if "alert set aside" in line and "ERROR" in line.upper()]


@pytest.mark.parametrize("status", [401, 403, 404, 408, 409, 425, 429, 500])
def test_what_can_be_mended_is_no_refusal_for_good(tmp_path: Path, status: int) -> None:
    watched = Watched(tmp_path)
    watched.run(0, 0.7)
    with webhooks() as hooks:
        hooks.statuses = [status]
        sender(watched.database, hooks.url).run(at(0))
    (row,) = waiting(watched.database)
    assert (row.attempts, row.set_aside_at) == (1, None)


class Refusing:
    """Delivers nothing."""

    def deliver(self, destination: Destination, message: Message, now: datetime) -> None:
        raise DeliveryFailed("no")


def test_what_is_not_taken_for_a_week_is_set_aside_and_the_later_ones_go_on(tmp_path: Path) -> None:
    watched = Watched(tmp_path)
    sends = Sender(watched.database, to("http://example.com/x"), Refusing(), language="en", group_s=0)
    watched.run(0, 0.7)
    sends.run(at(0))
    watched.run(1, 0.9)
    sends.run(at(1))
    first, second = waiting(watched.database)
    assert second.attempts == 0
    moment = at(0)
    while first.set_aside_at is None and moment < at(0) + 2 * GIVEN:
        moment = first.next_at
        sends.run(moment)
        second, first = undelivered(watched.database)
    assert first.set_aside_at is not None
    assert GIVEN <= first.set_aside_at - at(0) < GIVEN + LONGEST_PAUSE
    assert (second.attempts, second.set_aside_at) == (1, None)


class Faulty:
    """Delivers to one receiver, and has a fault of its own with another."""

    def __init__(self) -> None:
        self.taken: list[str] = []

    def deliver(self, destination: Destination, message: Message, now: datetime) -> None:
        if "faulty" in destination.url:
            raise ZeroDivisionError(destination.url)
        self.taken.append(destination.shown)


def test_a_fault_with_one_receiver_keeps_no_other_from_hearing(tmp_path: Path) -> None:
    watched = Watched(tmp_path)
    watched.run(0, 0.7)
    deliverer, receivers = Faulty(), to("http://faulty.example/secretpassword", "http://example.com/x")
    with logged() as log:
        Sender(watched.database, receivers, deliverer, language="en", group_s=0).run(at(0))
    assert deliverer.taken == ["http://example.com"]
    (row,) = waiting(watched.database)
    why = "it could not be sent (ZeroDivisionError); the server's log says where"
    assert (row.shown, row.why, row.next_at) == ("http://faulty.example", why, at(0) + pause_after(1))
    assert "in deliver" in log.getvalue()
    assert "secretpassword" not in log.getvalue()
    assert [told for _, told in try_out(receivers, deliverer, "en", at(0))] == [why, None]


def test_what_cannot_be_read_keeps_nothing_else_from_arriving(tmp_path: Path) -> None:
    watched = Watched(tmp_path)
    watched.run(0, 0.7)
    deliverer = Faulty()
    sends = Sender(watched.database, to("http://example.com/x"), deliverer, language="en", group_s=0)
    with watched.database.write() as connection:
        unreadable = storage.EventRow("0", "beer", NOON, "{}")
        storage.add_event(connection, unreadable)
        for id, model in (("0", "wine"), ("1", "beer")):
            row = MessageRow(id, to("http://example.com/x")[0].key, "…", model, NOON, "[]", 0, NOON, None, None)
            storage.add_message(connection, row)
    sends.run(at(0))
    assert deliverer.taken == ["http://example.com"]
    with watched.database.read() as connection:
        assert storage.list_events(connection) == [unreadable]
    assert {row.id: row.why for row in undelivered(watched.database) if row.set_aside_at} == dict.fromkeys(
        ("0", "1"), "it is no message that this version of Garçom can read"
    )


def test_a_receiver_that_takes_nothing_is_left_alone_until_the_next_round(tmp_path: Path) -> None:
    watched = Watched(tmp_path, quality="*.accuracy < 0.8 over 10m resolve at 0.85")
    with watched.database.write() as connection:
        for name in ("ale", "beer", "cider", "gin"):
            make_model(connection, name, NOON)
    watched.run(0, 0.7)
    with webhooks() as hooks:
        hooks.statuses = [500] * MOST_FAILURES
        sends = sender(watched.database, hooks.url)
        sends.run(at(0))
        assert hooks.came.qsize() == MOST_FAILURES
        sends.run(at(0))
        assert len(waiting(watched.database)) == MOST_FAILURES


def test_without_receivers_nothing_waits(tmp_path: Path) -> None:
    watched = Watched(tmp_path)
    watched.run(0, 0.7)
    sender(watched.database).run(at(0))
    assert (watched.told(), waiting(watched.database)) == ([], [])


@contextmanager
def logged() -> Iterator[io.StringIO]:
    """Everything that reaches the root logger, as in a server that logs all it can."""
    stream, root = io.StringIO(), logging.getLogger()
    handler, level = logging.StreamHandler(stream), root.level
    handler.setFormatter(JsonFormatter())
    handler.addFilter(lambda record: record.name != "mail.log")  # the receiver's own
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    try:
        yield stream
    finally:
        root.setLevel(level)
        root.removeHandler(handler)


def test_no_secret_is_logged_stored_or_told(tmp_path: Path) -> None:
    watched = Watched(tmp_path)
    watched.run(0, 0.7)
    with webhooks() as hooks, mails() as received, logged() as log:
        received.refusal = "554 no secretpassword here"
        urls = [
            hooks.url,
            f"mailto://robot:secretpassword@127.0.0.1:{received.port}/?smtp=127.0.0.1&mode=insecure&from=g@example.com&to=a@example.com",
            f"mailto://robot:wrongsecretpassword@127.0.0.1:{received.port}/?mode=insecure&to=a@example.com",
            f"json://robot:secretpassword@127.0.0.1:{hooks.port}/T0PSECRET",
        ]
        hooks.statuses = [500, 500]
        sender(watched.database, *urls).run(at(0))
        told = try_out(to(*urls[1:3]), PostOffice(), "en", at(0))
    rows = waiting(watched.database)
    assert len(rows) == 4
    assert all(row.why for row in rows)
    assert [why for _, why in told if why is None] == []
    seen = log.getvalue() + repr(told) + repr(to(*urls))
    assert seen.count("alert not delivered") == 4
    for text in (seen, (tmp_path / "garcom.db").read_bytes().decode("latin-1")):
        for secret in ("secretpassword", "T0PSECRET", "alsosecret"):
            assert secret not in text


def test_receivers_of_the_settings(tmp_path: Path) -> None:
    file = tmp_path / "to"
    file.write_text("# the team\nmailtos://u:p@example.com?to=t@example.com\n\ntgram://123456:secret/5\n")
    found = destinations(AlertSettings(to=("https://example.com/x", "https://example.com/x"), to_file=str(file)))
    assert [each.shown for each in found] == ["https://example.com", "mailtos://example.com", "tgram://…"]
    check(found)
    for wrong in ("example.com/secret", "mailto://a b"):
        with pytest.raises(SettingsError, match=r"alerts\.to, number 1: expected an address") as told:
            destinations(AlertSettings(to=(wrong,)))
        assert wrong not in str(told.value)
    for place, settings in (
        ("to, number 2", {"to": ("tgram://1:2/3", BROKEN)}),
        ("to_file, line 1", {"to_file": str(file)}),
    ):
        file.write_text(BROKEN)
        with pytest.raises(SettingsError, match=rf"^alerts\.{place}: expected an address whose host") as told:
            destinations(msgspec.convert(settings, AlertSettings))
        assert "bad" not in str(told.value)
        assert "pw" not in str(told.value).replace("password", "")
    with pytest.raises(SettingsError, match="foo://… is none"):
        check(destinations(AlertSettings(to=("foo://secret",))))
    with pytest.raises(SettingsError, match=r"alerts\.to_file: expected a file at .*, and nothing is there"):
        destinations(AlertSettings(to_file=str(tmp_path / "absent")))
    file.write_text("short")
    with pytest.raises(SettingsError, match="at least 16 bytes"):
        signing_secret(AlertSettings(secret_file=str(file)))
    file.write_bytes(SECRET + b"\n")
    assert signing_secret(AlertSettings(secret_file=str(file))) == SECRET
    assert signing_secret(AlertSettings()) == b""


# The process: fires an alert, says so, then sends it when it is told to.
_PROCESS = """
import sys
from pathlib import Path
from garcom.storage.database import Database
from tests.integration.alerts.test_delivery import at, sender
from tests.unit.monitoring.alerts.opened import Watched
watched = Watched(Path(sys.argv[1]))
watched.run(0, 0.7)
print("fired", flush=True)
sys.stdin.readline()
sender(watched.database, sys.argv[2]).run(at(0))
"""


def test_a_kill_between_the_change_and_its_delivery_loses_nothing(tmp_path: Path) -> None:
    with webhooks() as hooks:
        for home, is_sending in ((tmp_path / "before", False), (tmp_path / "during", True)):
            command = [sys.executable, "-c", _PROCESS, str(home), hooks.url]
            with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
                assert process.stdin is not None
                assert process.stdout is not None
                assert process.stdout.readline() == "fired\n"
                hooks.free.clear()
                if is_sending:
                    process.stdin.write("\n")
                    process.stdin.flush()
                    first = hooks.next()
                os.kill(process.pid, signal.SIGKILL)
                process.wait(PATIENCE_S)
            hooks.free.set()
            sender(Database.open(home), hooks.url).run(datetime.now(UTC))
            came = hooks.next()
            assert message(came).alerts[0].happened == "firing"
            if is_sending:
                assert came.headers["idempotency-key"] == first.headers["idempotency-key"]
                assert came.body == first.body
            assert waiting(Database.open(home)) == []
