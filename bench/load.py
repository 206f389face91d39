"""The load client: keep-alive HTTP/1.1 over raw sockets and epoll, faster than any server measured with it.

Every answer's status and framing is checked; the last answer to each distinct request is handed back, so
that the caller can check its content too. It runs in a process of its own (``python -m bench.load``, a JSON
specification on standard input, a JSON result on standard output), is bounded in time and count, and talks
to the loopback address only.
"""

from __future__ import annotations

import json
import select
import selectors
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from bench.framing import EXPECTED, BadAnswer, answer_length, body_of

HOST = "127.0.0.1"
#: Room for a small answer; more makes the allocation cost more than the system call.
READ_SIZE = 1 << 13
#: Once an answer is known to be long, it is read in parts of up to this size.
LONG_READ_SIZE = 1 << 20
#: A server that says nothing for this long has failed.
PATIENCE_S = 60.0
MAX_REQUESTS = 5_000_000


@dataclass(frozen=True)
class Load:
    """What one round of load measured.

    ``client_busy`` is the client's processor time divided by the time that passed: near 1 means that the
    client, not the server, set the limit. ``answers`` holds the last body answered to each request, ``refused`` counts
    answers with another status than 200 where that was allowed.
    """

    requests: int
    seconds: float
    p50_ms: float
    p99_ms: float
    client_busy: float
    answers: dict[int, bytes]
    refused: int = 0

    @property
    def per_second(self) -> float:
        """Answers per second."""
        return self.requests / self.seconds


def run_load(
    port: int,
    requests: Sequence[bytes],
    connections: int,
    seconds: float,
    warm_up_s: float = 0.2,
    statuses: Sequence[bytes] = EXPECTED,
) -> Load:
    """Load the server on ``port`` from a process of its own; raises BadAnswer when an answer is wrong."""
    spec = {
        "port": port,
        "requests": [request.decode("latin-1") for request in requests],
        "connections": connections,
        "seconds": seconds,
        "warm_up_s": warm_up_s,
        "statuses": [status.decode() for status in statuses],
    }
    done = subprocess.run(
        [sys.executable, "-m", "bench.load"],
        input=json.dumps(spec),
        capture_output=True,
        text=True,
        timeout=seconds + warm_up_s + 2 * PATIENCE_S,
        check=False,
    )
    if done.returncode:
        raise BadAnswer(done.stderr.strip() or f"the load client ended with status {done.returncode}")
    result = json.loads(done.stdout)
    answers = {int(index): answer.encode("latin-1") for index, answer in result.pop("answers").items()}
    return Load(**result, answers=answers)


class Connection:
    """One keep-alive connection with one request under way."""

    __slots__ = ("_statuses", "buffer", "index", "length", "sent_at", "socket")

    def __init__(self, port: int, index: int, statuses: Sequence[bytes]) -> None:
        self._statuses = statuses
        self.socket = socket.create_connection((HOST, port), timeout=PATIENCE_S)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.setblocking(False)
        self.index = index
        self.sent_at = 0.0
        self.length: int | None = None
        self.buffer = bytearray()

    def send(self, request: bytes) -> None:
        """Send the whole request; large ones wait for room in the socket."""
        sent = self.socket.send(request)
        while sent < len(request):
            select.select([], [self.socket], [], PATIENCE_S)
            sent += self.socket.send(memoryview(request)[sent:])

    def receive(self) -> bytes | bytearray | None:
        """The whole answer, or ``None`` while a part of it is missing."""
        data: bytes | bytearray = self.socket.recv(READ_SIZE if self.length is None else LONG_READ_SIZE)
        if not data:
            raise BadAnswer("the server closed a connection that had a request under way")
        if self.buffer:
            self.buffer += data
            data = self.buffer
        if self.length is None:
            self.length = answer_length(data, self._statuses)
        if self.length is None or len(data) < self.length:
            if data is not self.buffer:
                self.buffer += data
            return None
        if len(data) > self.length:
            raise BadAnswer(f"expected an answer of {self.length} bytes, got {len(data)}")
        self.length = None
        if data is self.buffer:
            self.buffer = bytearray()
        return data


class Poller:
    """The file descriptors that can be read: epoll itself where there is one, for its speed."""

    def __init__(self) -> None:
        self.watch: Callable[[int], object]
        self.forget: Callable[[int], object]
        self.ready: Callable[[float], list[int]]
        self.close: Callable[[], None]
        if hasattr(select, "epoll"):
            epoll = select.epoll()
            self.watch = lambda fd: epoll.register(fd, select.EPOLLIN)
            self.forget = epoll.unregister
            self.close = epoll.close
            self.ready = lambda timeout: [fd for fd, _ in epoll.poll(timeout)]
        else:
            selector = selectors.DefaultSelector()
            self.watch = lambda fd: selector.register(fd, selectors.EVENT_READ)
            self.forget = selector.unregister
            self.close = selector.close
            self.ready = lambda timeout: [key.fd for key, _ in selector.select(timeout)]


def drive(
    port: int,
    requests: Sequence[bytes],
    connections: int,
    seconds: float,
    warm_up_s: float,
    statuses: Sequence[bytes] = EXPECTED,
) -> Load:
    """Keep every connection busy with one request after the other; the warm-up is not counted."""
    poller = Poller()
    live: dict[int, Connection] = {}
    answers: dict[int, bytes | bytearray] = {}
    clock = time.perf_counter

    def open_connection(index: int) -> Connection:
        connection = Connection(port, index, statuses)
        live[connection.socket.fileno()] = connection
        poller.watch(connection.socket.fileno())
        return connection

    try:
        for index in range(connections):
            open_connection(index % len(requests))
        for connection in live.values():
            connection.sent_at = clock()
            connection.send(requests[connection.index])
        if warm_up_s:
            _exchange(open_connection, requests, live, poller, clock() + warm_up_s, answers)
        busy_before, start = time.process_time(), clock()
        latencies, refused = _exchange(open_connection, requests, live, poller, start + seconds, answers)
        passed, busy = clock() - start, time.process_time() - busy_before
    finally:
        for connection in live.values():
            connection.socket.close()
        poller.close()
    latencies.sort()
    return Load(
        requests=len(latencies),
        seconds=passed,
        p50_ms=latencies[len(latencies) // 2] * 1e3,
        p99_ms=latencies[int(len(latencies) * 0.99)] * 1e3,
        client_busy=busy / passed,
        answers={index: body_of(answer) for index, answer in answers.items()},
        refused=refused,
    )


def _exchange(
    open_connection: Callable[[int], Connection],
    requests: Sequence[bytes],
    live: dict[int, Connection],
    poller: Poller,
    until: float,
    answers: dict[int, bytes | bytearray],
) -> tuple[list[float], int]:
    """Answer after answer until the time is over and at least one came; their latencies in seconds, and the refused."""
    latencies: list[float] = []
    refused = 0
    clock, ready, n_requests = time.perf_counter, poller.ready, len(requests)
    last_answer = clock()
    while (now := clock()) < until or not latencies:
        if now - last_answer > PATIENCE_S:
            raise BadAnswer(f"the server said nothing for {PATIENCE_S:.0f} s")
        if len(latencies) > MAX_REQUESTS:
            break
        for fd in ready(1.0):
            connection = live[fd]
            answer = connection.receive()
            if answer is None:
                continue
            last_answer = clock()
            latencies.append(last_answer - connection.sent_at)
            if answer[9:12] == b"200":
                answers[connection.index] = answer
            else:
                refused += 1
            following = (connection.index + 1) % n_requests
            if answer.find(b"onnection: close\r\n", 0, 1024) >= 0:
                poller.forget(fd)
                live.pop(fd).socket.close()
                connection = open_connection(following)
            connection.index = following
            connection.sent_at = clock()
            connection.send(requests[following])
    return latencies, refused


def main() -> None:
    """Read the specification, load the server, write the result; status 1 with the reason on failure."""
    spec: dict[str, Any] = json.load(sys.stdin)
    for name in ("requests", "statuses"):
        spec[name] = [each.encode("latin-1") for each in spec[name]]
    try:
        load = drive(**spec)
    except (BadAnswer, OSError) as error:
        sys.exit(str(error))
    result = asdict(load)
    result["answers"] = {index: answer.decode("latin-1") for index, answer in load.answers.items()}
    json.dump(result, sys.stdout)


if __name__ == "__main__":
    main()
