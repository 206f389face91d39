"""What a second worker gives, beside what it gives to the echo: the cores are shared with the client."""

from __future__ import annotations

import statistics
from contextlib import ExitStack

from bench.report import Section, spread
from bench.sections.context import Context
from bench.systems import System, echo, garcom

CONNECTIONS = 32


def measure(context: Context) -> list[Section]:
    """Garçom and the echo with one worker and with two, taking turns."""
    headers = ["model", "system", "1 worker, req/s", "2 workers, req/s", "ratio"]
    section = Section(f"A second worker ({CONNECTIONS} connections)", headers)
    for case in context.cases:
        with ExitStack() as stack:
            ours = [stack.enter_context(context.running(garcom(n), case)) for n in (1, 2)]
            answer = ours[0].answer()
            limits = [stack.enter_context(context.running(echo(answer, n), case)) for n in (1, 2)]
            everything = [*ours, *limits]
            for running in everything:
                running.rest()
            rates: dict[System, list[float]] = {running.system: [] for running in everything}
            for _ in range(context.rounds):
                for running in everything:
                    running.wake()
                    rates[running.system].append(running.load(CONNECTIONS, context.seconds).per_second)
                    running.rest()
        for one, two in (ours, limits):
            before, after = rates[one.system], rates[two.system]
            ratio = statistics.median(after) / statistics.median(before)
            section.rows.append([case.title, one.system.title, spread(before), spread(after), f"{ratio:.2f}×"])
            section.data.append({"case": case.title, "system": one.system.title, "one": before, "two": after})
    return [section]
