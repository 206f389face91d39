"""``kill -9`` of workers, of the controller and of the whole server, at random moments under load."""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import signal
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from tests.chaos.clients import Clients
from tests.chaos.judge import Outcome, judge
from tests.integration.server.running import Running, children, command_line, running, wait_for

#: Segments and drains so short that most kills hit one in the middle.
QUICK = {"journal_segment_mb": 1, "journal_segment_s": 0.2, "lake_drain_s": 0.1}
#: Kills before the whole server is killed: the supervisor waits longer and longer for children that die young.
ROUND = 8


def kill_cycles(folder: Path, bundle: Path, n_cycles: int, *, seed: int = 0, n_rows: int = 25) -> Outcome:
    """Kill ``n_cycles`` times; the last server stops in order, and what it acknowledged is looked for."""
    chance = random.Random(seed)
    began = time.monotonic()
    killed: Counter[str] = Counter()
    with Clients(0, n=4, n_rows=n_rows) as clients:
        while killed.total() < n_cycles:
            with _served(folder, bundle, clients) as server:
                for _ in range(min(ROUND - 1, n_cycles - killed.total() - 1)):
                    killed[_kill_one(server, chance)] += 1
                time.sleep(chance.uniform(0.0, 0.5))
                _kill_all(server)
                killed["server"] += 1
        with _served(folder, bundle, clients):
            wait_for(clients.more(1000))
    assert not clients.refused, clients.refused
    acknowledged = clients.acknowledged()
    lost, doubled = judge(folder / "home", acknowledged)
    figures = ", ".join(f"{number} × {name}" for name, number in sorted(killed.items()))
    return Outcome("kills", n_cycles, len(acknowledged), lost, doubled, time.monotonic() - began, figures)


@contextlib.contextmanager
def _served(folder: Path, bundle: Path, clients: Clients) -> Iterator[Running]:
    register = () if (folder / "home").exists() else (bundle,)
    with running(folder, "--workers", "2", register=register, **QUICK) as server:
        clients.port = server.port
        wait_for(clients.more(1))
        yield server


def _kill_one(server: Running, chance: random.Random) -> str:
    """Kill a worker or the controller at some moment of its life; this one needs a second before its first drain."""
    name, found, longest_s = chance.choice(
        [("worker", server.workers, 0.4), ("controller", lambda: controllers(server), 1.5)]
    )
    wait_for(found)
    time.sleep(chance.uniform(0.0, longest_s))
    with contextlib.suppress(ProcessLookupError):
        os.kill(chance.choice(wait_for(found)), signal.SIGKILL)
    return name


def _kill_all(server: Running) -> None:
    wait_for(server.workers)
    run_folder = server.run_folder
    everyone = [server.process.pid, *children(server.process.pid)]
    for pid in everyone:  # the supervisor first: it must not start others
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    server.process.wait(10)
    shutil.rmtree(run_folder, ignore_errors=True)  # nobody is left to do it


def controllers(server: Running) -> list[int]:
    """The process number of the controller, if it lives."""
    return [pid for pid in children(server.process.pid) if "garcom.controller" in command_line(pid)]
