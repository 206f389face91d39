"""A disk that fills up under load, and is freed again."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from tests.chaos.clients import Clients
from tests.chaos.judge import Outcome, judge
from tests.chaos.kills import QUICK
from tests.chaos.volumes import make_volume, mounted
from tests.integration.server.running import running, wait_for

SIZE_MB = 64
#: What a prediction is refused with.
REFUSAL = (503, "journal-unavailable")


class Filled(NamedTuple):
    """``others`` are refusals other than by the journal; ``recovery_s`` is the longest from freeing to an answer."""

    outcome: Outcome
    n_refused: int
    others: dict[tuple[int, str], int]
    recovery_s: float


def fill_disk(folder: Path, bundle: Path, n_times: int) -> Filled:
    """Fill the disk of a serving home ``n_times``, each time until predictions are refused, then free it."""
    began = time.monotonic()
    recovery_s = 0.0
    image = make_volume(folder / "image", SIZE_MB)
    with mounted(image, folder / "home") as home:
        ballast = home / "ballast"
        with (
            running(folder, "--workers", "2", register=(bundle,), **QUICK) as server,
            Clients(server.port, n=4, n_rows=20) as clients,
        ):
            for _ in range(n_times):
                wait_for(clients.more(1000))
                wait_for(_refusing(clients, ballast))
                ballast.unlink()
                freed = time.monotonic()
                wait_for(clients.more(1))
                recovery_s = max(recovery_s, time.monotonic() - freed)
            workers = {line["status"] for line in server.logged("worker ended; starting another")}
            assert not workers, f"workers ended: {workers}"
        lost, doubled = judge(home, clients.acknowledged())
    refused = dict(clients.refused)
    n_refused = refused.pop(REFUSAL)
    figures = f"{n_refused:,} refused, answers {recovery_s:.1f} s after"
    seconds = time.monotonic() - began
    outcome = Outcome("full disk", n_times, clients.n_acknowledged, lost, doubled, seconds, figures)
    return Filled(outcome, n_refused, refused, recovery_s)


def _refusing(clients: Clients, ballast: Path) -> Callable[[], bool]:
    """Fill the disk whenever it is looked at, as closing and draining segments frees some of it, until all fails."""
    before, seen = clients.refused[REFUSAL], clients.n_acknowledged

    def refusing() -> bool:
        nonlocal seen
        _fill(ballast)
        answered, seen = clients.n_acknowledged - seen, clients.n_acknowledged
        return not answered and clients.refused[REFUSAL] > before + 100

    return refusing


def _fill(ballast: Path) -> None:
    """Take every block that is free, in pieces that become smaller."""
    fd = os.open(ballast, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        for size in (1 << 20, 1 << 16, 1 << 12):
            while True:
                try:
                    os.write(fd, b"\1" * size)
                except OSError:
                    break
        os.fsync(fd)
    finally:
        os.close(fd)
