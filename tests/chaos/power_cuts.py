"""Power cuts: what the device of a mounted file holds while the server stands still is what a cut would leave."""

from __future__ import annotations

import os
import random
import shutil
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.chaos.clients import Clients
from tests.chaos.judge import Outcome, judge
from tests.chaos.volumes import make_volume, mounted
from tests.integration.server.running import Running, children, running, wait_for

SIZE_MB = 64


def power_cuts(folder: Path, bundle: Path, n_cuts: int, *, sync: str, seed: int = 0) -> Outcome:
    """Cut the power ``n_cuts`` times under load; each time, what had been acknowledged is looked for in the copy.

    One server runs on, as cutting only looks at it: each copy is a machine that starts again from its disk. Each cut
    looks for everything that was acknowledged until then; what is lost is summed over the cuts.
    """
    chance = random.Random(seed)
    began = time.monotonic()
    image = make_volume(folder / "image", SIZE_MB)
    copy = folder / "copy"
    looked_for = lost = doubled = 0
    settings = {"journal_sync": sync, "journal_segment_mb": 1, "journal_segment_s": 0.5, "lake_drain_s": 0.2}
    with (
        mounted(image, folder / "home") as home,
        running(folder, "--workers", "2", register=(bundle,), **settings) as server,
        Clients(server.port, n=3, n_rows=5) as clients,
    ):
        wait_for(clients.more(100))
        if sync == "request":  # without syncs, the journal alone loses enough
            wait_for(lambda: list((home / "lake").glob("predictions/_delta_log/*.json")))
        for _ in range(n_cuts):
            time.sleep(chance.uniform(0.0, 0.5))
            with _standing_still(server):
                ids = clients.acknowledged()
                shutil.copyfile(image, copy)
            with mounted(copy, folder / "after") as after:
                verdict = judge(after, ids)
            looked_for += len(ids)
            lost += verdict.lost
            doubled += verdict.doubled
    assert not clients.refused, clients.refused
    seconds = time.monotonic() - began
    figures = f"{looked_for:,} looked for"
    return Outcome(f"power cuts, {sync}", n_cuts, clients.n_acknowledged, lost, doubled, seconds, figures)


@contextmanager
def _standing_still(server: Running) -> Iterator[None]:
    pids = [server.process.pid, *children(server.process.pid)]
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)
