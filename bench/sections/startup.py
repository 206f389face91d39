"""From ``garcom serve`` to the first answer, and what a worker holds in memory."""

from __future__ import annotations

import statistics
from pathlib import Path
from typing import NamedTuple

from bench.processes import ProcessId
from bench.report import Section, against, spread
from bench.sections.context import Context
from bench.systems import garcom

STARTS = 5
TARGET_S = 1.5
TARGET_MB = 170.0
#: Libraries that a worker has no use for; each of them maps compiled modules when it is imported.
UNWANTED = (
    "sklearn",
    "pandas",
    "polars",
    "deltalake",
    "scipy",
    "skl2onnx",
    "mlflow",
    "xgboost",
    "lightgbm",
    "matplotlib",
)


class Footprint(NamedTuple):
    """What one process holds: resident and proportional memory in MB, and the unwanted libraries it has mapped."""

    command: str
    resident_mb: float
    proportional_mb: float
    unwanted: tuple[str, ...]


def footprint(process: ProcessId) -> Footprint:
    """Read it from /proc."""
    folder = Path(f"/proc/{process.pid}")
    command = folder.joinpath("cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    memory = dict(line.split(":", 1) for line in folder.joinpath("smaps_rollup").read_text().splitlines()[1:])
    maps = folder.joinpath("maps").read_text()
    return Footprint(
        " ".join(Path(part).name if part.startswith("/") else part for part in command.split())[:60],
        int(memory["Rss"].split()[0]) / 1024,
        int(memory["Pss"].split()[0]) / 1024,
        tuple(name for name in UNWANTED if f"/site-packages/{name}/" in maps),
    )


def measure(context: Context) -> list[Section]:
    """Several starts with an empty home, then one that is loaded and looked into."""
    start = Section("From `garcom serve` to the first answer", ["model", "seconds", "median", "target", "met"])
    memory = Section(
        "Memory after 32 connections",
        ["model", "process", "RSS MB", "PSS MB", "target (RSS)", "met", "imported without need"],
    )
    for case in context.cases:
        taken = []
        for _ in range(STARTS):
            with context.running(garcom(), case) as running:
                taken.append(running.first_answer_s)
                if len(taken) == STARTS:
                    running.load(32, context.seconds)
                    found = [footprint(process) for process in running.server.processes]
        start.rows.append(
            [case.title, spread(taken, 2), *against(statistics.median(taken), TARGET_S, " s", at_most=True)]
        )
        start.data.append({"case": case.title, "seconds": taken})
        for held in found:
            _, target, met = against(held.resident_mb, TARGET_MB, " MB", at_most=True)
            sizes = (f"{held.resident_mb:.0f}", f"{held.proportional_mb:.0f}")
            memory.rows.append([case.title, held.command, *sizes, target, met, ", ".join(held.unwanted) or "none"])
            memory.data.append({"case": case.title, **held._asdict()})
    return [start, memory]
