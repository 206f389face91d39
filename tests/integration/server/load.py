"""Clients that predict without pause, and tell what became of every request."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

from tests.integration.server.wire import Closed, Connection, post


class Load:
    """``n`` connections that send one request after another, each opened again when the server closes it.

    ``answered`` holds, per connection, the answers in order; ``cut`` counts connections that ended in the middle of
    an answer, ``unanswered`` requests that were sent and got not a byte.
    """

    def __init__(self, port: int, n: int, path: str, value: float = 1.0) -> None:
        self._port = port
        self._data = post(path, {"x": value})
        self._stopping = threading.Event()
        self._lock = threading.Lock()
        self.answered: list[list[Any]] = []
        self.failed: list[Any] = []
        self.cut = 0
        self.unanswered = 0
        self._threads = [threading.Thread(target=self._work) for _ in range(n)]

    def __enter__(self) -> Load:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        self._stopping.set()
        for thread in self._threads:
            thread.join(60)
            assert not thread.is_alive(), "a request never got its answer"

    @property
    def n_answered(self) -> int:
        return sum(map(len, self.answered))

    def newest(self, key: str) -> set[Any]:
        """What the last answer of each connection has under ``key``."""
        return {answers[-1][key] for answers in self.answered}

    def _work(self) -> None:
        while not self._stopping.is_set():
            try:
                connection = Connection(self._port)
            except OSError:
                self._stopping.wait(0.01)
                continue
            with connection:
                answers: list[Any] = []
                with self._lock:
                    self.answered.append(answers)
                self._ask(connection, answers.append)

    def _ask(self, connection: Connection, keep: Callable[[Any], None]) -> None:
        while not self._stopping.is_set():
            try:
                answer = connection.send(self._data).answer()
            except Closed as closed:
                with self._lock:
                    self.cut += bool(closed.args[0])
                    self.unanswered += not closed.args[0]
                return
            except OSError:
                return  # closed before the request was sent
            if answer.status == 200:
                keep(answer.json)
            else:
                with self._lock:
                    self.failed.append(answer)
            if answer.headers.get("connection") == "close":
                return
            time.sleep(0.002)  # the server is to be busy, not the machine
