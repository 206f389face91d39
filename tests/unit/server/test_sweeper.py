"""Which connections the sweeper closes, and when, with a clock that the test turns."""

from __future__ import annotations

from typing import Any

import pytest

from garcom.server.sweeper import GOODBYE_S, MIN_READ_BYTES, Sweeper


class Transport:
    def __init__(self) -> None:
        self.unread_bytes = 0
        self.aborted = False

        self.closing = False

    def is_closing(self) -> bool:
        return self.closing

    def abort(self) -> None:
        self.aborted = True


class Connection:
    """What the sweeper looks at of a protocol."""

    def __init__(self, **state: Any) -> None:
        self.transport = Transport()
        self.lingering = self.working = self.receiving = self.head_open = False
        self.n_requests = 0
        self.__dict__ |= state

    @property
    def unread_bytes(self) -> int:
        return self.transport.unread_bytes


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def closed_after(connection: Connection, seconds: float = 40.0, **change: Any) -> float | None:
    """When a connection that stands still is closed; ``change`` calls are made before each look."""
    clock = Clock()
    sweeper = Sweeper({connection}, 10.0, 20.0, clock)
    while clock.now < seconds:
        for make in change.values():
            make(clock.now)
        sweeper.sweep()
        if connection.transport.aborted:
            return clock.now
        clock.now += sweeper.interval_s
    return None


@pytest.mark.parametrize(
    ("state", "limit_s"),
    [
        ({}, 10),
        ({"receiving": True, "head_open": True, "n_requests": 1}, 10),
        ({"receiving": True, "n_requests": 3}, 10),
        ({"lingering": True, "working": True}, 10),
        ({"n_requests": 1}, 20),
    ],
    ids=["nothing sent", "head", "body", "lingering", "idle"],
)
def test_what_stands_still_is_closed_within_the_limit(state: dict[str, Any], limit_s: float) -> None:
    found = closed_after(Connection(**state))
    assert found is not None
    assert limit_s - 1.5 <= found <= limit_s


def test_a_process_that_has_slept_has_a_look_to_tell_who_is_late() -> None:
    connection, clock = Connection(n_requests=1, receiving=True), Clock()
    sweeper = Sweeper({connection}, 10.0, 20.0, clock)
    sweeper.sweep()
    clock.now = 60.0
    sweeper.sweep()
    assert not connection.transport.aborted
    sweeper.sweep()
    assert connection.transport.aborted


def test_who_says_no_goodbye_is_not_waited_for() -> None:
    connection = Connection(n_requests=1)
    connection.transport.closing = True
    found = closed_after(connection)
    assert found is not None
    assert found <= GOODBYE_S


def test_a_last_answer_may_be_read_slowly() -> None:
    connection = Connection(n_requests=1)
    connection.transport.closing = True

    def read(now: float) -> None:
        connection.transport.unread_bytes = int(max(0.0, 30 - now) * MIN_READ_BYTES)

    found = closed_after(connection, read=read)
    assert found is not None
    assert found >= 30


def test_what_is_computed_is_never_closed() -> None:
    assert closed_after(Connection(working=True, n_requests=1), 10_000) is None


def test_requests_one_after_another_keep_a_connection() -> None:
    connection = Connection(n_requests=1)

    def ask(now: float) -> None:
        connection.n_requests = 1 + int(now / 8)

    assert closed_after(connection, 100, ask=ask) is None


def test_head_and_body_have_the_limit_each() -> None:
    connection = Connection(n_requests=1, receiving=True, head_open=True)

    def go_on(now: float) -> None:
        connection.head_open = now < 8

    found = closed_after(connection, go_on=go_on)
    assert found is not None
    assert 16 <= found <= 18


@pytest.mark.parametrize(("per_second", "kept"), [(2 * MIN_READ_BYTES / 9, True), (MIN_READ_BYTES / 20, False)])
def test_an_answer_has_to_be_read_at_some_pace(per_second: float, kept: bool) -> None:
    connection = Connection(n_requests=1)

    def read(now: float) -> None:
        connection.transport.unread_bytes = int(100e6 - per_second * now)

    assert (closed_after(connection, 100, read=read) is None) is kept


def test_the_sweeper_forgets_connections_that_are_gone() -> None:
    connections = {Connection(), Connection()}
    sweeper = Sweeper(connections, 10.0, 10.0, Clock())
    sweeper.sweep()
    connections.clear()
    sweeper.sweep()
    assert sweeper._seen == {}


@pytest.mark.parametrize(("timeout_s", "interval_s"), [(10.0, 0.5), (1.0, 0.05), (600.0, 0.5)])
def test_short_limits_are_looked_at_more_often(timeout_s: float, interval_s: float) -> None:
    assert Sweeper(set(), timeout_s, 600.0).interval_s == pytest.approx(interval_s)
