"""Requests with idempotency keys, repeated over connections that drop, while workers and the controller are killed."""

from __future__ import annotations

import json
import os
import random
import signal
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from garcom.controller.asking import SOCKET
from tests.chaos.clients import PATH
from tests.chaos.judge import Outcome, drained
from tests.chaos.kills import QUICK, controllers
from tests.chaos.retries import retry_keys
from tests.integration.server.running import Running, running

#: How often a process is killed although another is just starting.
_KILLED_AT_BIRTH = 0.2


class Repeated(NamedTuple):
    """``torn`` are keys that got several answers, or one that is not the row's."""

    outcome: Outcome
    n_keys: int
    torn: list[str]


def repeat_keys(
    folder: Path, bundle: Path, n_keys: int, *, n_sendings: int = 5, pause_s: float = 3.0, seed: int = 0
) -> Repeated:
    """Send each of ``n_keys`` keys ``n_sendings`` times; one process is killed about every ``pause_s`` seconds.

    Each key must have been answered with one body, and have left one row, of the id that it was answered with.
    """
    began = time.monotonic()
    with running(folder, "--workers", "2", register=(bundle,), **QUICK) as server, _killing(server, pause_s) as killed:
        url = f"http://127.0.0.1:{server.port}{PATH}"
        answers = retry_keys(url, n_keys, _body, n_sendings=n_sendings, seed=seed)
    rows = drained(folder / "home")
    by_key: dict[str, list[str]] = {}
    for key, id in zip(rows["key"], rows["id"], strict=True):
        by_key.setdefault(key, []).append(id)
    torn = [
        key for key, bodies in answers.items() if {json.loads(body)["id"] for body in bodies} != {*by_key.get(key, ())}
    ]
    lost = sum(key not in by_key for key in answers)
    doubled = sum(len(ids) - 1 for ids in by_key.values())
    figures = f"{n_keys:,} keys, {n_keys * n_sendings:,} sendings"
    seconds = time.monotonic() - began
    return Repeated(Outcome("repeated keys", len(killed), len(answers), lost, doubled, seconds, figures), n_keys, torn)


def _body(key: str) -> bytes:
    return json.dumps({"x": float(key.rsplit("-", 1)[1]) % 1000}).encode()


def _answers(controller: int) -> bool:
    """Whether a controller takes questions."""
    try:
        run_folder = Path(f"/proc/{controller}/cmdline").read_bytes().rstrip(b"\0").split(b"\0")[-2].decode()
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(str(Path(run_folder) / SOCKET))
    except (OSError, IndexError):
        return False
    return True


def _is_whole(server: Running) -> bool:
    """Whether both workers are there, and a controller that takes questions."""
    return len(server.workers()) == 2 and any(map(_answers, controllers(server)))


@contextmanager
def _killing(server: Running, pause_s: float) -> Iterator[list[int]]:
    """Kill a worker or the controller again and again; gives the list of those that were."""
    chance = random.Random(1)
    killed: list[int] = []
    stopping = threading.Event()

    def work() -> None:
        while not stopping.wait(chance.uniform(0.5, 1.5) * pause_s):
            workers = server.workers()
            # Never the last worker: the supervisor waits for up to half a minute where they die young.
            victims = [*controllers(server), *(workers if len(workers) > 1 else ())]
            if not victims:
                continue
            # Where processes start more slowly than they are killed, most are left until all of them are there.
            if _is_whole(server) or chance.random() < _KILLED_AT_BIRTH:
                killed.append(chance.choice(victims))
                os.kill(killed[-1], signal.SIGKILL)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield killed
    finally:
        stopping.set()
        thread.join()
