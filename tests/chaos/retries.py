"""Requests with idempotency keys over connections that drop: what a client on a bad network does to a server."""

from __future__ import annotations

import contextlib
import random
import socket
import struct
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from enum import Enum, auto
from urllib.parse import urlsplit


class Fate(Enum):
    """What becomes of one sending."""

    CUT_WHILE_ASKING = auto()
    CUT_BEFORE_ANSWER = auto()
    CUT_IN_ANSWER = auto()
    WHOLE = auto()


#: Sendings of one key before the last, which is always whole.
_WEIGHTS = {Fate.CUT_WHILE_ASKING: 1, Fate.CUT_BEFORE_ANSWER: 4, Fate.CUT_IN_ANSWER: 3, Fate.WHOLE: 2}
#: How long a client looks at its watch before it gives up on an answer: around the time that one takes.
_IMPATIENCE_S = 0.004
#: Somebody else computes the same key, or the server is down for the moment.
_LATER = (409, 425, 429, 503)


def retry_keys(
    url: str,
    n_keys: int,
    body_of: Callable[[str], bytes],
    *,
    n_sendings: int = 4,
    n_threads: int = 8,
    seed: int = 0,
    patience_s: float = 60.0,
    prefix: str = "retry",
) -> dict[str, set[bytes]]:
    """POST to ``url`` under each of ``n_keys`` keys ``n_sendings`` times, most of them cut off, and then once whole.

    The sendings of all keys are shuffled among the threads, so that one key is also under way several times at once.
    Gives the bodies of all whole 200 answers by key, which must be one for each. A server that is down, refuses for
    now or hangs up is asked again for ``patience_s``. Raises AssertionError for any other answer.
    """
    chance = random.Random(seed)
    keys = [f"{prefix}-{seed}-{n}" for n in range(n_keys)]
    fates = chance.choices(list(_WEIGHTS), list(_WEIGHTS.values()), k=n_keys * (n_sendings - 1))
    sendings = list(zip(keys * (n_sendings - 1), fates, strict=True))
    chance.shuffle(sendings)
    answers: dict[str, set[bytes]] = defaultdict(set)
    # The whole ones last: until then, nobody knows whether the key was answered.
    for turn in (sendings, [(key, Fate.WHOLE) for key in keys]):
        _share(url, iter(turn), body_of, answers, n_threads, chance, patience_s)
    return dict(answers)


def _share(
    url: str,
    sendings: Iterator[tuple[str, Fate]],
    body_of: Callable[[str], bytes],
    answers: dict[str, set[bytes]],
    n_threads: int,
    chance: random.Random,
    patience_s: float,
) -> None:
    mutex = threading.Lock()
    failed = threading.Event()

    def work(seed: int) -> None:
        with contextlib.closing(_Client(url, random.Random(seed), patience_s)) as client:
            while not failed.is_set():
                with mutex:
                    key, fate = next(sendings, ("", Fate.WHOLE))
                if not key:
                    return
                try:
                    answer = client.send(key, body_of(key), fate)
                except BaseException:
                    failed.set()
                    raise
                if answer is not None:
                    with mutex:
                        answers[key].add(answer)

    with ThreadPoolExecutor(n_threads) as pool:
        for _ in pool.map(work, [chance.getrandbits(32) for _ in range(n_threads)]):
            pass


class _Client:
    """One client, which keeps its connection until it drops it."""

    def __init__(self, url: str, chance: random.Random, patience_s: float) -> None:
        parts = urlsplit(url)
        assert parts.hostname is not None
        self._address = (parts.hostname, parts.port or 80)
        self._target = parts.path or "/"
        self._chance = chance
        self._patience_s = patience_s
        self._socket: socket.socket | None = None

    def close(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def send(self, key: str, body: bytes, fate: Fate) -> bytes | None:
        """The answer, if the fate is to have one."""
        request = self._request(key, body)
        if fate is Fate.WHOLE:
            return self._whole(key, request)
        # What happens to a sending that is going to be cut off is all the same.
        with contextlib.suppress(OSError):
            connection = self._connected()
            if fate is Fate.CUT_WHILE_ASKING:
                connection.sendall(request[: self._chance.randrange(1, len(request))])
            else:
                connection.sendall(request)
            if fate is Fate.CUT_BEFORE_ANSWER:
                time.sleep(self._chance.uniform(0, _IMPATIENCE_S))
            if fate is Fate.CUT_IN_ANSWER:
                connection.recv(self._chance.randrange(1, 200))
        self._drop()
        return None

    def _whole(self, key: str, request: bytes) -> bytes:
        deadline = time.monotonic() + self._patience_s
        while True:
            try:
                connection = self._connected()
                connection.sendall(request)
                status, answer = _read(connection)
            except OSError as error:
                self.close()
                if time.monotonic() > deadline:
                    raise AssertionError(f"{key} got no answer in {self._patience_s:g} s: {error}") from error
            else:
                if status == 200:
                    return answer
                assert status in _LATER, f"{key} got {status}: {answer!r}"
                assert time.monotonic() < deadline, f"{key} got {status} for {self._patience_s:g} s: {answer!r}"
            time.sleep(self._chance.uniform(0.001, 0.02))

    def _request(self, key: str, body: bytes) -> bytes:
        head = (
            f"POST {self._target} HTTP/1.1\r\nHost: {self._address[0]}\r\nContent-Type: application/json\r\n"
            f"Idempotency-Key: {key}\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        return head.encode() + body

    def _connected(self) -> socket.socket:
        if self._socket is None:
            self._socket = socket.create_connection(self._address, timeout=self._patience_s)
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return self._socket

    def _drop(self) -> None:
        """Hang up, half of the times so rudely that the server is told of a reset."""
        if self._socket is not None and self._chance.random() < 0.5:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close()


def _read(connection: socket.socket) -> tuple[int, bytes]:
    """Status and body of an answer with a Content-Length. Raises ConnectionError where it ends too early."""
    received = b""
    while b"\r\n\r\n" not in received:
        received += _more(connection)
    head, _, body = received.partition(b"\r\n\r\n")
    status_line, *lines = head.decode("latin-1").split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    length = int(headers["content-length"])
    while len(body) < length:
        body += _more(connection)
    if headers.get("connection", "").lower() == "close":
        connection.shutdown(socket.SHUT_WR)
    return int(status_line.split()[1]), body


def _more(connection: socket.socket) -> bytes:
    data = connection.recv(65536)
    if not data:
        raise ConnectionError("the server hung up")
    return data
