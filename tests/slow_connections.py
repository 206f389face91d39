"""Hundreds of slow connections beside a good client: ``python -m tests.slow_connections`` (``make slow``).

A quarter each never finishes its TLS handshake (over plain HTTP: sends nothing), sends a header at a time, sends a body
by bytes, asks once and then idles; one in 25 asks for a long answer and does not read it. Whatever the server closes is
opened again, so that all stay for as long as was asked. Told are the good client's latency without and with them, and
how long the server kept each kind. The machine should have nothing else to do.
"""

from __future__ import annotations

import argparse
import json
import select
import ssl
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

from tests.integration.server import models, wire
from tests.integration.server.running import Running, running
from tests.integration.server.wire import Connection, post

LINE = "/v1/models/line/predict"
WHOLE = post(LINE, {"x": 1})
LONG = post(LINE, [{"x": i} for i in range(20_000)])
BODY = WHOLE[: WHOLE.index(b"\r\n\r\n") + 4].replace(b": 8", b": 60000")
#: What a kind sends first, and then now and then.
KINDS = {
    "handshake": (b"", b""),
    "header": (b"POST / HTTP/1.1\r\nHost: a\r\n", b"X-A: 1\r\n"),
    "body": (BODY, b" "),
    "idle": (WHOLE, b""),
    "reader": (LONG, b""),
}
KINDS_OF_MOST = ("handshake", "header", "body", "idle")
TRICKLE_S = 0.5
#: A sweep looks now and then, and a busy machine looks late.
SLACK_S = 1.0


class Slow:
    """One slow connection."""

    def __init__(self, port: int, kind: str) -> None:
        self.kind = kind
        first, self._more = KINDS[kind]
        self.connection = Connection(port, 4096 if kind == "reader" else 0, plain=kind == "handshake")
        self.connection.send(first)
        if kind == "idle":
            self.connection.answer()
        self.connection.socket.setblocking(False)
        self.since = time.monotonic()

    def trickle(self) -> None:
        """Send a little more; what is closed is found by whoever looks."""
        if self._more:
            try:
                self.connection.socket.send(self._more)
            except OSError:
                return


def attack(port: int, n: int, seconds: float) -> dict[str, list[float]]:
    """Keep ``n`` slow connections for so long; how long the server kept each, by kind, those at the end not counted."""
    kept: dict[str, list[float]] = {kind: [] for kind in KINDS}
    poller = select.poll()
    slow: dict[int, Slow] = {}

    def open_one(kind: str) -> None:
        one = Slow(port, kind)
        fd = one.connection.socket.fileno()
        slow[fd] = one
        poller.register(fd, select.POLLRDHUP | select.POLLHUP | select.POLLERR)

    for i in range(n):
        open_one("reader" if i % 25 == 0 else KINDS_OF_MOST[i % len(KINDS_OF_MOST)])
    end, trickled = time.monotonic() + seconds, 0.0
    while (now := time.monotonic()) < end:
        if now - trickled > TRICKLE_S:
            trickled = now
            for one in slow.values():
                one.trickle()
        for fd, _ in poller.poll(50):
            one = slow.pop(fd)
            poller.unregister(fd)
            kept[one.kind].append(time.monotonic() - one.since)
            one.connection.socket.close()
            open_one(one.kind)
    for one in slow.values():
        # Those that are still open count too where they are old. The end of a connection that is not read stands behind
        # what is not read, so a reader never hears of it (tests/integration/server/test_slow_clients.py reads on).
        if one.kind != "reader" and (age := time.monotonic() - one.since) > seconds / 2:
            kept[one.kind].append(age)
        one.connection.socket.close()
    return kept


class Latency(NamedTuple):
    """Of a good client, in milliseconds."""

    p50: float
    p99: float
    n: int


def good_client(port: int, seconds: float) -> Latency:
    """Ask again and again on one connection, with a millisecond between."""
    found = []
    end = time.monotonic() + seconds
    with Connection(port) as connection:
        while (began := time.perf_counter()) and time.monotonic() < end:
            assert connection.send(WHOLE).answer().status == 200
            found.append(time.perf_counter() - began)
            time.sleep(0.001)
    found.sort()
    return Latency(found[len(found) // 2] * 1e3, found[int(len(found) * 0.99)] * 1e3, len(found))


class Outcome(NamedTuple):
    """What the good client saw, and how long the server kept the slow ones."""

    without: Latency
    beside: Latency
    kept: dict[str, list[float]]

    def late(self, limit_s: float) -> int:
        """How many were kept for longer than they should."""
        return sum(seconds > limit_s + SLACK_S for found in self.kept.values() for seconds in found)


def measure(server: Running, n: int, seconds: float) -> Outcome:
    """The good client alone for half the time, then beside the slow ones, which are another process."""
    without = good_client(server.port, seconds / 2)
    trusted = str(server.home / "self-signed.pem") if server.port in wire.secured else ""
    command = [sys.executable, "-m", "tests.slow_connections", "--attack", str(server.port), "--trust", trusted]
    command += ["--connections", str(n), "--seconds", str(seconds)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as attacking:
        beside = good_client(server.port, seconds)
        told, _ = attacking.communicate(timeout=seconds + 60)
        assert attacking.returncode == 0
    return Outcome(without, beside, json.loads(told))


def main() -> None:
    """Measure each server, plain and over TLS, and print a table; or attack one."""
    options = argparse.ArgumentParser()
    options.add_argument("--connections", type=int, default=500)
    options.add_argument("--seconds", type=float, default=60.0)
    options.add_argument("--attack", type=int)
    options.add_argument("--trust", default="")
    given = options.parse_args()
    if given.attack:
        if given.trust:
            wire.secured[given.attack] = ssl.create_default_context(cafile=given.trust)
        json.dump(attack(given.attack, given.connections, given.seconds), sys.stdout)
        return
    limit_s = 10.0
    print("server      p99 without  p99 beside  closed  late  longest kept, s")
    for kind in ("uvicorn", "granian"):
        for tls in ((), ("--tls-self-signed",)):
            with tempfile.TemporaryDirectory() as folder:
                bundle = models.line(Path(folder) / "line", 1.0)
                with running(Path(folder) / "run", "--server", kind, *tls, register=(bundle,)) as server:
                    found = measure(server, given.connections, given.seconds)
            longest = {name: round(max(kept, default=0.0), 1) for name, kept in found.kept.items()}
            closed = sum(map(len, found.kept.values()))
            name = kind + (" TLS" if tls else "")
            print(
                f"{name:12}{found.without.p99:8.2f} ms{found.beside.p99:9.2f} ms{closed:8}{found.late(limit_s):6}  "
                f"{longest}",
                flush=True,
            )


if __name__ == "__main__":
    main()
