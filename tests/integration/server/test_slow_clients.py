"""Clients that are slow on purpose are cut off within the limit; good ones never notice."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.integration.server.running import Running, running
from tests.integration.server.wire import Closed, Connection, post, request

LINE = "/v1/models/line/predict"
LIMIT_S = 1.0


@pytest.fixture(scope="module")
def strict(tmp_path_factory: pytest.TempPathFactory, bundles: dict[str, Path]) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("strict")
    settings: dict[str, Any] = {"client_timeout_s": LIMIT_S, "keep_alive_s": 2 * LIMIT_S}
    with running(folder, "--allow-python", register=(bundles["line-1"], bundles["sleeper"]), **settings) as server:
        yield server


def seconds_until_closed(connection: Connection, trickle: Callable[[int], bytes] | None = None) -> float:
    """How long the server keeps a connection to which the client sends a little now and then."""
    began = time.monotonic()
    connection.socket.settimeout(0.1)
    for i in range(60):
        try:
            if trickle is not None:
                connection.send(trickle(i))
            if not connection.socket.recv(100_000):
                break
        except TimeoutError:
            continue
        except OSError:
            break
    else:
        return float("inf")
    return time.monotonic() - began


WHOLE = post(LINE, {"x": 1})
HEAD = WHOLE[: WHOLE.index(b"\r\n\r\n") + 4]
CHUNKED = request("POST", LINE, transfer_encoding="chunked", content_type="application/json")
SLOW = {
    "silent": (b"", None),
    "half a head": (HEAD[:30], None),
    "head by bytes": (b"POST / HTTP/1.1\r\n", lambda i: b"X-%d: 1\r\n" % i),
    "blank lines": (b"", lambda i: b"\r\n"),
    "half a short body": (WHOLE[:-3], None),
    "short body by bytes": (HEAD.replace(b": 8", b": 60"), lambda i: b" "),
    "long body by bytes": (HEAD.replace(b": 8", b": 600000"), lambda i: b" "),
    "chunks by bytes": (CHUNKED, lambda i: b"1\r\n \r\n"),
    "body nobody reads": (request("POST", "/healthz", b"a" * 99).replace(b": 99", b": 9999"), lambda i: b"a"),
    "second head": (WHOLE + HEAD[:30], None),
    "second body": (WHOLE + WHOLE[:-3], None),
}


def seconds_of_each(port: int, kinds: Iterable[str]) -> dict[str, float]:
    """How long the server keeps each kind of slow client, all at once."""

    def measure(kind: str) -> float:
        data, trickle = SLOW[kind]
        with Connection(port) as connection:
            return seconds_until_closed(connection.send(data), trickle)

    with ThreadPoolExecutor(len(SLOW)) as threads:
        return dict(zip(kinds, threads.map(measure, kinds), strict=True))


def test_slow_clients_are_cut_off_within_the_limit(strict: Running) -> None:
    found = seconds_of_each(strict.port, SLOW)
    # A loaded machine may look later than it wants to; never is told as infinity.
    assert {kind: seconds for kind, seconds in found.items() if not 0.5 * LIMIT_S < seconds < float("inf")} == {}


@pytest.mark.parametrize("trickled", [b" ", b""])
def test_a_body_that_takes_too_long_is_told_so(strict: Running, trickled: bytes) -> None:
    with Connection(strict.port) as connection:
        connection.send(HEAD.replace(b": 8", b": 600000"))
        answer = connection.send(trickled).answer()
        assert answer.status == 400
        assert "whole body within" in answer.json["detail"]
        assert connection.closed() == b""


def test_who_goes_on_after_the_last_answer_is_cut_off_too(strict: Running) -> None:
    with Connection(strict.port) as connection:
        assert connection.send(b"\0\0").answer().status == 400

        def go_on() -> None:
            for _ in range(600):
                connection.send(b"\0")
                time.sleep(0.1)

        with pytest.raises((BrokenPipeError, ConnectionResetError)):
            go_on()


def test_an_idle_connection_is_kept_for_as_long_as_was_set(strict: Running) -> None:
    for data in (WHOLE, request("GET", "/healthz")):
        with Connection(strict.port) as connection:
            assert connection.send(data).answer().status == 200
            assert 1.2 * LIMIT_S < seconds_until_closed(connection) < float("inf")


def test_who_does_not_read_is_cut_off_and_who_reads_slowly_is_not(strict: Running) -> None:
    data = post(LINE, [{"x": i} for i in range(30_000)])
    with Connection(strict.port, receive_buffer=4096) as deaf, Connection(strict.port, receive_buffer=65536) as slow:
        deaf.send(data)
        slow.send(data)
        began = time.monotonic()
        n_read = 0
        while time.monotonic() - began < 2.5 * LIMIT_S:
            n_read += len(slow.socket.recv(65536))
            time.sleep(0.1)
        assert n_read > 100_000
        rest = len(slow._exactly(500_000))
        assert rest == 500_000
        with pytest.raises(Closed):
            deaf.answer()


def test_good_clients_go_on_beside_two_hundred_bad_ones(strict: Running) -> None:
    bad = [Connection(strict.port).send(WHOLE[: 10 + i % 80]) for i in range(200)]
    try:
        with Connection(strict.port) as good:
            began = time.monotonic()
            while time.monotonic() - began < 2.5 * LIMIT_S:
                assert good.send(WHOLE).answer().status == 200
                assert good.send(request("GET", "/healthz")).answer().status == 200
                time.sleep(0.01)
        for connection in bad:
            assert connection.closed() == b""
    finally:
        for connection in bad:
            connection.socket.close()


def test_a_connection_whose_answer_takes_long_is_not_cut(strict: Running) -> None:
    long = post("/v1/models/sleeper/predict", {"x": 900})
    with Connection(strict.port) as connection:
        # Three in a row: two wait on the connection while the first is computed.
        connection.send(long * 3)
        assert [connection.answer().json["prediction"] for _ in range(3)] == [1800.0] * 3
        assert connection.send(WHOLE).answer().status == 200


def test_requests_behind_a_long_one_may_come_in_pieces(strict: Running) -> None:
    long = post("/v1/models/sleeper/predict", {"x": 900})
    with Connection(strict.port) as connection:
        connection.send(long + WHOLE + WHOLE[:-3])
        time.sleep(0.8)
        connection.send(WHOLE[-3:])
        assert [connection.answer().status for _ in range(3)] == [200, 200, 200]


def test_the_queue_is_bounded_and_recovers(tmp_path: Path, bundles: dict[str, Path]) -> None:
    with running(tmp_path, "--allow-python", register=(bundles["sleeper"],), max_queued_rows=4) as server:
        connections = [Connection(server.port) for _ in range(24)]
        answers = []
        threads = []
        for connection in connections:
            connection.send(post("/predict", {"x": 200}))
            thread = threading.Thread(target=lambda connection=connection: answers.append(connection.answer()))
            thread.start()
            threads.append(thread)
        for thread in threads:
            thread.join(20)
        statuses = [answer.status for answer in answers]
        assert len(statuses) == 24
        assert 0 < statuses.count(200) < 24
        assert set(statuses) == {200, 503}
        overloaded = next(answer for answer in answers if answer.status == 503)
        assert overloaded.headers["retry-after"] == "1"
        assert overloaded.headers["content-type"] == "application/problem+json"
        assert server.ask(post("/predict", {"x": 1})).json["prediction"] == 2.0
        for connection in connections:
            connection.socket.close()


def test_the_bodies_that_are_held_are_bounded(tmp_path: Path, bundles: dict[str, Path]) -> None:
    settings: dict[str, Any] = {"max_buffered_bytes": 1_000_000, "client_timeout_s": 20}
    with running(tmp_path, register=(bundles["line-1"],), **settings) as server:
        waiting = [Connection(server.port) for _ in range(4)]
        for connection in waiting:
            connection.send(HEAD.replace(b": 8", b": 500000") + b" " * 240_000)
        with Connection(server.port) as one_more:
            one_more.send(HEAD.replace(b": 8", b": 500000") + b" " * 500_000)
            assert one_more.answer().status == 503
            # Short bodies are not affected, and the rest neither once the others are gone.
            assert one_more.send(WHOLE).answer().status == 200
            for connection in waiting:
                connection.socket.close()
            big = post(LINE, [{"x": 1.0}] * 50_000)
            assert one_more.send(big).answer().status == 200


def test_granian_cuts_slow_heads_and_bodies(tmp_path: Path, bundles: dict[str, Path]) -> None:
    with running(tmp_path, "--server", "granian", register=(bundles["line-1"],), client_timeout_s=LIMIT_S) as server:
        kinds = ("half a head", "head by bytes", "half a short body", "short body by bytes", "silent")
        found = seconds_of_each(server.port, kinds)
        assert {kind: seconds for kind, seconds in found.items() if seconds > 2 * LIMIT_S} == {}
