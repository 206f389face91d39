"""What authentication, permission and limits cost, and whom a client over its limit holds up."""

from __future__ import annotations

import json
import statistics
import subprocess
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace

from bench.load import Load, run_load
from bench.processes import NotStarted
from bench.report import Section, against, spread
from bench.sections.context import Context
from bench.systems import Launch, Running, System, command_beside_python, garcom, pack

CONNECTIONS = 32
#: What is left of the rate when callers are known, permitted and counted.
TARGET_PERCENT = 90
#: The client over its limit: so many connections, each as fast as it is answered.
FLOODING = 8
FLOOD_LIMIT = "50/1s"
#: It floods for longer than the other is measured, before and after.
AROUND_S = 0.5
#: How much longer the other client may wait, at the 99th percentile.
TARGET_RATIO = 2.0
#: More than anybody asks for here: it is counted, and never refuses.
AMPLE = ("--requests", "100000000/1s", "--rows", "100000000/1s", "--daily-rows", "1000000000000")


def with_keys(keys: Mapping[str, tuple[str, ...]]) -> System:
    """Garçom with API keys, each by its name with the options of ``garcom api-key create``; the first is used."""

    def prepare(launch: Launch) -> None:
        pack(launch.case)
        made = {name: _made(launch, name, options) for name, options in keys.items()}
        (launch.folder / "keys.json").write_text(json.dumps(made), encoding="utf-8")

    def headers(launch: Launch) -> Mapping[str, str]:
        return _authorization(launch, next(iter(keys)))

    return replace(garcom(), title="Garçom, API key and limits", prepare=prepare, headers=headers)


def measure(context: Context) -> list[Section]:
    """The cost, then the latency of one client beside another that floods."""
    return [_cost(context), _latency(context)]


def _cost(context: Context) -> Section:
    """One row per request, without access control and with key, permission and three limits, taking turns."""
    headers = ["model", "open, req/s", "with key and limits, req/s", "share", "target", "met"]
    section = Section(f"Authentication, permission and limits ({CONNECTIONS} connections)", headers)
    for case in context.cases:
        with ExitStack() as stack:
            systems = (garcom(), with_keys({"ample": AMPLE}))
            servers = [stack.enter_context(context.running(system, case)) for system in systems]
            for server in servers:
                server.rest()
            rates: list[list[float]] = [[], []]
            for _ in range(context.rounds):
                for server, found in zip(servers, rates, strict=True):
                    server.wake()
                    found.append(server.load(CONNECTIONS, context.seconds).per_second)
                    server.rest()
        share = 100 * statistics.median(rates[1]) / statistics.median(rates[0])
        section.rows.append([case.title, *map(spread, rates), *against(share, TARGET_PERCENT, " %")])
        section.data.append({"case": case.title, "open": rates[0], "limited": rates[1]})
    return section


def _latency(context: Context) -> Section:
    """How long one client waits: alone, beside one that is served as fast as it asks, beside one over its limit."""
    headers = ["model", "alone, p99 ms", f"beside {FLOODING} without limit", "beside as many over a limit"]
    section = Section(
        "A client beside another that is over its limit",
        [*headers, "refused/s", "ratio to alone", "target", "met"],
        notes=[
            f"The first keeps one request under way; the other {FLOODING}, each as fast as it is answered: without a "
            f"limit, and with {FLOOD_LIMIT}, so that it gets 429. p99 of the first."
        ],
    )
    keys = {"good": AMPLE, "unlimited": (), "flood": ("--requests", FLOOD_LIMIT)}
    for case in context.cases:
        p99: dict[str, list[float]] = {"alone": [], "unlimited": [], "flood": []}
        refused: list[float] = []
        with context.running(with_keys(keys), case) as server:
            for _ in range(context.rounds):
                p99["alone"].append(server.load(1, context.seconds).p99_ms)
                for name in ("unlimited", "flood"):
                    good, flood = _beside(server, name, context.seconds)
                    p99[name].append(good.p99_ms)
                    refused += [flood.refused / flood.seconds] if name == "flood" else []
        ratio = statistics.median(p99["flood"]) / statistics.median(p99["alone"])
        figures = [spread(each, 2) for each in p99.values()]
        judged = against(ratio, TARGET_RATIO, "×", at_most=True)
        section.rows.append([case.title, *figures, spread(refused), *judged])
        section.data.append({"case": case.title, "p99_ms": p99, "refused_per_second": refused})
    return section


def _beside(server: Running, name: str, seconds: float) -> tuple[Load, Load]:
    """A round of the first client while another, with the key of this name, floods the server."""
    requests = server.system.requests(server.case, _authorization(server.launch, name))
    flooding_s = seconds + 2 * AROUND_S
    with ThreadPoolExecutor(1) as pool:
        flood = pool.submit(run_load, server.launch.port, requests, FLOODING, flooding_s, statuses=(b"200", b"429"))
        good = server.load(1, seconds)
        return good, flood.result()


def _made(launch: Launch, name: str, options: tuple[str, ...]) -> str:
    home = str(launch.folder / "home")
    command = [str(command_beside_python("garcom")), "api-key", "create", name, "--role", "client", *options]
    done = subprocess.run([*command, "--home", home, "--json"], capture_output=True, text=True, check=False)
    if done.returncode:
        raise NotStarted(f"garcom api-key create ended with status {done.returncode}: {done.stderr[-1500:]}")
    return str(json.loads(done.stdout)["key"])


def _authorization(launch: Launch, name: str) -> Mapping[str, str]:
    keys = json.loads((launch.folder / "keys.json").read_text(encoding="utf-8"))
    return {"Authorization": f"Bearer {keys[name]}"}
