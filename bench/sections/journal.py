"""What it costs to have every prediction on the disk before its answer leaves."""

from __future__ import annotations

import statistics
from contextlib import ExitStack

from bench.report import Section, against, spread
from bench.sections.context import Context
from bench.systems import Running, garcom

CONNECTIONS = (1, 32)
#: What ``request`` keeps of the rate with the journal off, at 32 connections.
TARGET_PERCENT = 80
MODES = {
    "request": garcom(journal_sync="request"),
    "interval": garcom(journal_sync="interval"),
    "off": garcom(journal_sync="off"),
    "none": garcom(journal_enabled="false"),
}


def measure(context: Context) -> list[Section]:
    """The rate of each mode, in turns, and the share that ``request`` keeps of the rate with the journal off."""
    headers = ["model", "connections", *(f"{mode}, req/s" for mode in MODES), "request ÷ none", "request ÷ off"]
    section = Section("The journal: rates by `journal.sync`, and without a journal", [*headers, "target", "met"])
    for case in context.cases:
        with ExitStack() as stack:
            servers = {mode: stack.enter_context(context.running(system, case)) for mode, system in MODES.items()}
            for server in servers.values():
                server.rest()
            for n in CONNECTIONS:
                rates = _rates(context, servers, n)
                found = {mode: statistics.median(each) for mode, each in rates.items()}
                figure, target, met = against(100 * found["request"] / found["off"], TARGET_PERCENT, " %")
                judged = (figure, target, met) if n == max(CONNECTIONS) else (figure, "", "")
                shares = [f"{100 * found['request'] / found['none']:,.3g} %", *judged]
                section.rows.append([case.title, str(n), *map(spread, rates.values()), *shares])
                section.data.append({"case": case.title, "connections": n, "rates": rates})
    return [section]


def _rates(context: Context, servers: dict[str, Running], connections: int) -> dict[str, list[float]]:
    rates: dict[str, list[float]] = {mode: [] for mode in servers}
    for _ in range(context.rounds):
        for mode, server in servers.items():
            server.wake()
            rates[mode].append(server.load(connections, context.seconds).per_second)
            server.rest()
    return rates
