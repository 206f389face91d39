"""Clients that predict without pause and keep the id of every prediction that they were answered."""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Callable

import msgspec

from tests.integration.server.wire import Answer, Closed, Connection, post

PATH = "/v1/models/line/predict"


class _Prediction(msgspec.Struct):
    id: str


class _Answer(msgspec.Struct):
    predictions: list[_Prediction]


_ids = msgspec.json.Decoder(_Answer).decode


class Clients:
    """``n`` connections that send bodies of ``n_rows``, each opened again whenever the server closes it.

    ``port`` may be changed while they run, when another server takes over.
    """

    def __init__(self, port: int, n: int = 4, n_rows: int = 25, pause_s: float = 0.002) -> None:
        self.port = port
        self._data = post(PATH, {"records": [{"x": float(row)} for row in range(n_rows)]})
        self._pause_s = pause_s
        self._ids: list[str] = []
        #: Answers other than 200 by status and problem.
        self.refused: Counter[tuple[int, str]] = Counter()
        self._stopping = threading.Event()
        self._threads = [threading.Thread(target=self._work, name=f"client-{i}") for i in range(n)]

    def __enter__(self) -> Clients:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        for thread in self._threads:
            thread.join(60)
            assert not thread.is_alive(), "a request never got its answer"

    @property
    def n_acknowledged(self) -> int:
        return len(self._ids)

    def more(self, n: int) -> Callable[[], bool]:
        """Whether so many more than now have been acknowledged."""
        enough = self.n_acknowledged + n
        return lambda: self.n_acknowledged >= enough

    def acknowledged(self) -> list[str]:
        """What was acknowledged so far."""
        return self._ids.copy()

    def _work(self) -> None:
        while not self._stopping.is_set():
            try:
                with Connection(self.port) as connection:
                    self._ask(connection)
            except (OSError, Closed):
                self._stopping.wait(0.01)

    def _ask(self, connection: Connection) -> None:
        while not self._stopping.wait(self._pause_s):
            answer = connection.send(self._data).answer()
            if answer.status == 200:
                self._ids.extend([prediction.id for prediction in _ids(answer.body).predictions])
            else:
                self.refused[answer.status, _problem(answer)] += 1
            if answer.headers.get("connection") == "close":
                return


def _problem(answer: Answer) -> str:
    return str(json.loads(answer.body)["type"]).rsplit("#", 1)[-1]
