"""One row per request: Garçom on both of its servers, the peers, and an echo of the same bytes as the limit."""

from __future__ import annotations

import statistics
from contextlib import ExitStack
from dataclasses import asdict
from itertools import product
from typing import Any

from bench.framing import BadAnswer
from bench.load import Load
from bench.models import Case
from bench.peers.catalogue import PEERS, environment
from bench.processes import NotStarted
from bench.report import Section, against, spread
from bench.sections.context import Context
from bench.systems import Running, System, echo, garcom

CONNECTIONS = (1, 32)
#: What the echo answers where Garçom itself is not measured: an answer of the same form.
SAMPLE_ANSWER = (
    b'{"id":"01999999-9999-7999-8999-999999999999","model":"wine","version":1,"prediction":"ruim",'
    b'"probabilities":{"bom":0.12,"ruim":0.88}}'
)
#: The peers that "the best of them" means in the targets; FastAPI has a target of its own.
BEST_OF = ("flask", "mlflow", "bentoml", "litserve", "mlserver")
#: Above this share of one core the client may be what limits.
CLIENT_LIMIT = 0.9

#: Per case and number of connections: each measured system's rounds.
Figures = dict[tuple[str, int], dict[System, list[Load]]]


def measure(context: Context) -> list[Section]:
    """The figures of every system, and Garçom's ratios beside their targets."""
    figures: Figures = {(case.title, n): {} for case in context.cases for n in CONNECTIONS}
    notes: list[str] = []
    for case in context.cases:
        with ExitStack() as stack:
            systems = _start_all(context, case, stack, notes)
            # All rounds with one connection come first: batching that has learned from many disserves a single one.
            for n, _ in product(CONNECTIONS, range(context.rounds)):
                for running in list(systems):
                    try:
                        load = _turn(running, n, context.seconds)
                    except (BadAnswer, NotStarted, OSError) as error:
                        systems.remove(running)
                        running.rest()
                        notes.append(f"{running.system.title}, {case.title}: failed: {error}")
                    else:
                        figures[case.title, n].setdefault(running.system, []).append(load)
    return [_speed(figures, notes), _ratios(figures)]


def _start_all(context: Context, case: Case, stack: ExitStack, notes: list[str]) -> list[Running]:
    """Start everything; each rests until its turn comes."""
    started: list[Running] = []

    def start(system: System) -> Running | None:
        try:
            running = context.start(system, case)
        except (BadAnswer, NotStarted, OSError) as error:
            notes.append(f"{system.title}, {case.title}: not measured: {error}")
            return None
        stack.callback(running.server.stop)
        started.append(running)
        return running

    ours = start(garcom()) if context.wants(garcom()) else None
    limit = echo(ours.answer() if ours else SAMPLE_ANSWER)
    for running in started:
        running.rest()
    for system in (garcom(server="granian"), limit, *PEERS):
        if not context.wants(system):
            continue
        if system in PEERS and not environment(system.name).exists():
            notes.append(f"{system.title}: not installed (make bench-peers)")
        elif peer := start(system):
            peer.rest()
    return started


def _turn(running: Running, connections: int, seconds: float) -> Load:
    running.wake()
    load = running.load(connections, seconds)
    running.rest()
    return load


def _median(loads: list[Load]) -> float:
    return statistics.median(load.per_second for load in loads)


def _speed(figures: Figures, notes: list[str]) -> Section:
    headers = ["model, connections", "system", "requests/s", "p50 ms", "p99 ms", "client busy"]
    section = Section("Requests per second: one row each, one worker", headers, notes=notes)
    for (case, n), systems in figures.items():
        for system, loads in systems.items():
            busy = statistics.median(load.client_busy for load in loads)
            cells = [spread([load.per_second for load in loads])]
            cells += [
                f"{statistics.median(values):.2f}"
                for values in zip(*((x.p50_ms, x.p99_ms) for x in loads), strict=True)
            ]
            section.rows.append(
                [f"{case}, {n}", system.title, *cells, f"{busy:.0%}{' !' if busy > CLIENT_LIMIT else ''}"]
            )
            section.data += [_plain(case, n, system, load) for load in loads]
    section.notes.append(
        "Median (least–largest) over the rounds; systems take turns within a round. "
        f"`!` marks a client above {CLIENT_LIMIT:.0%} of its core: there the client may be the limit."
    )
    return section


def _plain(case: str, connections: int, system: System, load: Load) -> dict[str, Any]:
    measured = {name: value for name, value in asdict(load).items() if name != "answers"}
    return {"case": case, "connections": connections, "system": system.title, "per_second": load.per_second, **measured}


def _ratios(figures: Figures) -> Section:
    section = Section("Ratios within this run", ["Garçom against", "model, connections", "ratio", "target", "met"])
    targets = {"RandomForest(100)": {1: 20.0, 32: 15.0}}
    for (case, n), systems in figures.items():
        medians = {system: _median(loads) for system, loads in systems.items()}
        ours = next((value for system, value in medians.items() if system.name == "garcom"), None)
        if ours is None:
            continue
        rivals = {system: value for system, value in medians.items() if system.name in BEST_OF}
        where = f"{case}, {n}"
        if rivals:
            best = max(rivals, key=lambda system: rivals[system])
            target = targets.get(case, {1: 2.5, 32: 10.0})[n]
            section.rows.append(
                [f"the best of the peers: {best.title}", where, *against(ours / rivals[best], target, "×")]
            )
        for system, value in medians.items():
            if system.name == "fastapi":
                target_met = against(ours / value, 80, "×") if (case, n) == ("RandomForest(100)", 32) else None
                section.rows.append([system.title, where, *(target_met or (f"{ours / value:.3g}×", "", ""))])
            if system.name == "echo":
                section.rows.append([system.title, where, *against(100 * ours / value, 55, " %")])
    section.data = [dict(zip(section.headers, row, strict=True)) for row in section.rows]
    return section
