"""The load client against a small server whose every request is counted."""

from __future__ import annotations

import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from bench.framing import BadAnswer, post
from bench.load import drive, run_load

REQUESTS = [post("/", "text/plain", b"row %d" % i) for i in range(3)]


class Echo(socketserver.StreamRequestHandler):
    """Answers with the request's body, ``padding`` bytes longer; the way it does so is the server's."""

    def handle(self) -> None:
        server = self.server
        assert isinstance(server, Server)
        while self.rfile.readline():
            length = 0
            while (line := self.rfile.readline().strip()) != b"":
                if line.lower().startswith(b"content-length:"):
                    length = int(line.split(b":")[1])
            body = self.rfile.read(length) + b"." * server.padding
            with server.lock:
                server.seen += 1
            close = b"Connection: close\r\n" if server.closes else b""
            head = b"HTTP/1.1 %d X\r\n%sContent-Length: %d\r\n\r\n" % (server.status, close, len(body))
            self.wfile.write(head)
            self.wfile.write(body + b"!" * server.excess)
            if server.closes:
                return


class Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    status = 200
    padding = 0
    excess = 0
    closes = False
    seen = 0

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Echo)
        self.lock = threading.Lock()

    def handle_error(self, request: object, client_address: object) -> None:
        """Silent: the client ends its load by closing connections that have a request under way."""

    @property
    def port(self) -> int:
        return int(self.socket.getsockname()[1])


@contextmanager
def serving(**settings: object) -> Iterator[Server]:
    with Server() as server:
        for name, value in settings.items():
            setattr(server, name, value)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


@pytest.mark.parametrize("connections", [1, 4])
def test_counts_what_the_server_answered(connections: int) -> None:
    with serving() as server:
        load = drive(server.port, REQUESTS, connections, seconds=0.2, warm_up_s=0.0)
    assert load.requests <= server.seen <= load.requests + connections
    assert load.answers == {i: b"row %d" % i for i in range(3)}
    assert 0 < load.p50_ms <= load.p99_ms
    assert load.per_second == pytest.approx(load.requests / load.seconds)


def test_the_warm_up_is_not_counted() -> None:
    with serving() as server:
        load = drive(server.port, REQUESTS, 1, seconds=0.0, warm_up_s=0.2)
    assert load.requests == 1
    assert server.seen > 2


def test_long_answers_in_many_parts() -> None:
    with serving(padding=3_000_000) as server:
        load = drive(server.port, REQUESTS[:1], 2, seconds=0.1, warm_up_s=0.0)
    assert load.answers[0] == b"row 0" + b"." * 3_000_000


def test_long_requests() -> None:
    body = b"x" * 5_000_000
    with serving() as server:
        load = drive(server.port, [post("/", "text/plain", body)], 1, seconds=0.0, warm_up_s=0.0)
    assert load.answers[0] == body


def test_a_server_that_closes_after_each_answer() -> None:
    with serving(closes=True) as server:
        load = drive(server.port, REQUESTS, 2, seconds=0.1, warm_up_s=0.0)
    assert load.requests > 2
    assert set(load.answers) == {0, 1, 2}


def test_another_status_ends_the_load() -> None:
    with serving(status=503) as server, pytest.raises(BadAnswer, match="503"):
        drive(server.port, REQUESTS, 1, seconds=0.1, warm_up_s=0.0)


def test_more_bytes_than_announced_end_the_load() -> None:
    with serving(excess=3) as server, pytest.raises(BadAnswer):
        drive(server.port, REQUESTS, 1, seconds=0.5, warm_up_s=0.0)


def test_in_a_process_of_its_own() -> None:
    with serving() as server:
        load = run_load(server.port, REQUESTS, 2, seconds=0.1, warm_up_s=0.0)
        server.status = 500
        with pytest.raises(BadAnswer, match="500"):
            run_load(server.port, REQUESTS, 2, seconds=0.1, warm_up_s=0.0)
    assert load.answers == {i: b"row %d" % i for i in range(3)}
