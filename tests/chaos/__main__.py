"""``python -m tests.chaos``: the long form of every proof, and a table of what was found; status 1 if one failed."""

from __future__ import annotations

import argparse
import logging
import os
import platform
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from tests.chaos.failing_calls import Run, drain_journal, failing_calls, failing_commits, write_journal
from tests.chaos.full_disk import fill_disk
from tests.chaos.judge import Outcome
from tests.chaos.keyed import repeat_keys
from tests.chaos.kills import kill_cycles
from tests.chaos.power_cuts import power_cuts
from tests.chaos.volumes import why_not
from tests.integration.server import models

#: After a full disk has been freed, predictions are answered again within so many seconds.
RECOVERY_S = 5.0
COLUMNS = ("proof", "cycles", "acknowledged", "lost", "doubled", "seconds", "", "met")


class Found(NamedTuple):
    """One line of the table."""

    outcome: Outcome
    met: bool


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--seed", type=int, default=0, help="other moments and orders (default: 0)")
    seed = parser.parse_args().seed
    logging.getLogger("garcom").setLevel(logging.CRITICAL)  # it tells of what is done here on purpose
    print(f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores, seed {seed}\n")
    print(_line(COLUMNS), _line(["---", *["---:"] * 5, "---", "---"]), sep="\n", flush=True)
    all_met = True
    for proof in _proofs(seed):
        with tempfile.TemporaryDirectory(prefix="garcom-chaos-") as name:
            folder = Path(name)
            outcome, met = proof(folder, models.line(folder / "bundle", 1.0))
        all_met &= met
        print(_line(_cells(outcome, met)), flush=True)
    if why_not():
        print(f"\nPower cuts and the full disk were left out: {why_not()}.")
    return 0 if all_met else 1


def _proofs(seed: int) -> Iterator[Callable[[Path, Path], Found]]:
    yield lambda folder, bundle: _kept(kill_cycles(folder, bundle, 200, seed=seed, n_rows=60), 500_000)
    if not why_not():
        yield lambda folder, bundle: _kept(power_cuts(folder, bundle, 50, sync="request", seed=seed))
        yield lambda folder, bundle: _lossy(power_cuts(folder, bundle, 10, sync="off", seed=seed))
        yield _full_disk
    yield lambda folder, _: _failing(folder, "failing calls, journal", write_journal)
    yield lambda folder, _: _failing(folder, "failing calls, lake", drain_journal)
    yield lambda folder, _: _kept(failing_commits(folder, always=True))
    yield lambda folder, bundle: _repeated(folder, bundle, seed)


def _kept(outcome: Outcome, at_least: int = 1) -> Found:
    return Found(outcome, outcome.lost == outcome.doubled == 0 and outcome.acknowledged >= at_least)


def _lossy(outcome: Outcome) -> Found:
    """Without syncs something must be lost, or the power cuts prove nothing."""
    return Found(outcome, outcome.lost > 0 and outcome.doubled == 0)


def _full_disk(folder: Path, bundle: Path) -> Found:
    filled = fill_disk(folder, bundle, 5)
    met = _kept(filled.outcome).met and not filled.others and filled.recovery_s < RECOVERY_S
    return Found(filled.outcome, met)


def _failing(folder: Path, proof: str, run: Run) -> Found:
    return _kept(failing_calls(folder, proof, run)[0])


def _repeated(folder: Path, bundle: Path, seed: int) -> Found:
    found = repeat_keys(folder, bundle, 20_000, n_sendings=5, pause_s=4.0, seed=seed)
    return Found(found.outcome, _kept(found.outcome, found.n_keys).met and not found.torn)


def _cells(outcome: Outcome, met: bool) -> list[str]:
    proof, cycles, acknowledged, lost, doubled, seconds, figures = outcome
    numbers = [f"{cycles:,}", f"{acknowledged:,}", f"{lost:,}", f"{doubled:,}", f"{seconds:.0f}"]
    return [proof, *numbers, figures, "yes" if met else "NO"]


def _line(cells: list[str] | tuple[str, ...]) -> str:
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    raise SystemExit(main())
