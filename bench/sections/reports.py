"""Reports: two files compared, beside Evidently and NannyML; a month from profiles; what monitoring costs requests."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import numpy as np
import polars as pl

from bench.models import Dataset
from bench.peers.catalogue import FOLDER, environment
from bench.report import Section, against, spread
from bench.sections.context import Context
from bench.systems import Running, command_beside_python, garcom
from garcom.profiles.layout import Layout, layout_of
from garcom.profiles.profile import Profile
from garcom.storage import profiles
from garcom.storage.database import Database
from garcom.storage.profiles import EVERYTHING, HOUR, ProfileKey, ProfileRow

N_REFERENCE, N_CURRENT, N_LONG = 100_000, 1_000_000, 10_000_000
#: So many times faster than the peer, in so much of its memory.
FASTER = {"evidently": 25.0, "nannyml": 3.0}
TITLES = {"evidently": "Evidently, drift preset", "nannyml": "NannyML, three methods"}
MEMORY_SHARE = 100 / 3
LONG_S, LONG_MB = 5.0, 500.0
N_HOURS, HOUR_ROWS, MONTH_MS = 720, 2_000, 100.0
CONNECTIONS = 32
#: Of the rate and of the 99th percentile without monitoring: what rounds differ by anyway.
NOISE_PERCENT = 10.0
MODES = {"on": garcom(monitoring_enabled="true"), "off": garcom(monitoring_enabled="false")}
_BEGAN = datetime(2026, 10, 1, tzinfo=UTC)


class Cost(NamedTuple):
    """What a process took: seconds from its start to its end, seconds of a processor, the most memory resident."""

    seconds: float
    processor_s: float
    megabytes: float


def measure(context: Context) -> list[Section]:
    """All of it."""
    return [*measure_files(context), measure_month(context), measure_requests(context)]


def measure_files(context: Context) -> list[Section]:
    """Each system in a process of its own, in turns: imports, reading the files, comparing, telling the result."""
    section = Section(
        f"Drift of {N_CURRENT:,} rows against {N_REFERENCE:,}, {len(context.data.fields)} columns",
        ["system", "seconds", "of a core", "MB", "Garçom is", "target", "met", "Garçom's MB", "target", "met"],
        notes=["From the start of the process to its end; Parquet files, resampled with seeded noise."],
    )
    long = Section(
        f"Drift of {N_LONG:,} rows", ["system", "seconds", "target", "met", "of a core", "MB", "target MB", "met"]
    )
    with TemporaryDirectory(dir=context.folder) as folder:
        reference, current = Path(folder) / "reference.parquet", Path(folder) / "current.parquet"
        _write(context.data, N_REFERENCE, 0, reference)
        _write(context.data, N_CURRENT, 1, current)
        commands = {"garcom": _garcom(reference, current)}
        for name in FASTER:
            if context.only and name not in context.only:
                continue
            if environment(name).is_dir():
                commands[name] = [environment(name) / "bin" / "python", FOLDER / name / "drift.py", reference, current]
            else:
                section.notes.append(f"{TITLES[name]}: not installed (make bench-peers).")
        costs: dict[str, list[Cost]] = {name: [] for name in commands}
        for _ in range(context.rounds):
            for name, command in commands.items():
                costs[name].append(_cost(command))
        _tell_files(section, costs)
        _write(context.data, N_LONG, 2, current)
        found = [_cost(_garcom(reference, current)) for _ in range(context.rounds)]
        seconds, processor_s, megabytes = (statistics.median(each) for each in zip(*found, strict=True))
        long.rows.append(
            [
                "Garçom",
                *against(seconds, LONG_S, " s", at_most=True),
                f"{processor_s:.1f}",
                *against(megabytes, LONG_MB, "", at_most=True),
            ]
        )
        long.data.append({"garcom": found})
    return [section, long]


def measure_month(context: Context) -> Section:
    """30 days of hourly profiles out of the database, merged and compared."""
    section = Section(
        f"A window of 30 days: {N_HOURS} hourly profiles of {HOUR_ROWS:,} rows",
        ["profiles", "ms", "median", "target", "met"],
    )
    rows = _rows(context.data, N_REFERENCE, 0)
    layout = layout_of(rows)
    reference = Profile(layout)
    reference.add(rows)
    digest = layout.digest
    with TemporaryDirectory(dir=context.folder) as folder:
        database = Database.open(Path(folder))
        kept = []
        for hour in range(N_HOURS):
            profile = Profile(layout)
            profile.add(_rows(context.data, HOUR_ROWS, 100 + hour))
            key = ProfileKey("wine", EVERYTHING, HOUR, 1, "stable", _BEGAN + timedelta(hours=hour), digest)
            kept.append(ProfileRow(key, profile.n_rows, profile.encode()))
        with database.write() as connection:
            profiles.write(connection, kept)
        hourly = _windows(database, reference, max(5, context.rounds))
        with database.write() as connection:
            profiles.write(connection, [_day(layout, kept[at : at + 24]) for at in range(0, N_HOURS, 24)])
        daily = _windows(database, reference, max(5, context.rounds))
    size = sum(len(row.body) for row in kept) / len(kept)
    section.notes.append(
        f"An hour takes {size / 1000:.1f} kB. A server sums the hours of a day once it is over, so it reads days."
    )
    for title, taken in ((f"{N_HOURS} hours", hourly), (f"{N_HOURS // 24} days", daily)):
        median = statistics.median(taken)
        section.rows.append([title, spread(taken), *against(median, MONTH_MS, " ms", at_most=True)])
    section.data.append({"hours_ms": hourly, "days_ms": daily, "bytes": size})
    return section


def _day(layout: Layout, hours: Sequence[ProfileRow]) -> ProfileRow:
    """What the server keeps of a day that is over, beside its hours."""
    whole = Profile(layout)
    whole.merge_encoded([row.body for row in hours])
    return ProfileRow(hours[0].key.whole_day, whole.n_rows, whole.encode())


def _windows(database: Database, reference: Profile, n_times: int) -> list[float]:
    """Milliseconds for the whole window, from the database to the report."""
    from garcom.monitoring.drift import drift
    from garcom.monitoring.records import Scope

    taken = []
    for _ in range(n_times):
        began = time.perf_counter()
        with database.read() as connection:
            found = profiles.list_bodies(
                connection, "wine", since=_BEGAN, until=_BEGAN + timedelta(hours=N_HOURS), version=1
            )
        window = Profile(reference.layout)
        window.merge_encoded([row.body for row in found])
        report = drift(reference, window, Scope(model="wine"))
        taken.append(1000 * (time.perf_counter() - began))
        if report.rows_current != N_HOURS * HOUR_ROWS:
            raise OSError(f"Expected a report of {N_HOURS * HOUR_ROWS:,} rows, got {report.rows_current:,}.")
    return taken


def measure_requests(context: Context) -> Section:
    """The rate and the 99th percentile, in turns, of a server that is monitored and of one that is not."""
    section = Section(
        f"What monitoring costs requests, {CONNECTIONS} connections",
        ["model", "on, req/s", "off, req/s", "rate kept", "target", "met", "on, p99 ms", "off, p99 ms"],
        notes=[
            "`monitoring.enabled` on and off: alert rules and gauges. Both drain the journal into profiles, in the "
            "controller, on the same cores."
        ],
    )
    for case in context.cases:
        with ExitStack() as stack:
            servers = {mode: stack.enter_context(context.running(system, case)) for mode, system in MODES.items()}
            for server in servers.values():
                server.rest()
            rates, slowest = _loads(context, servers)
        kept = 100 * statistics.median(rates["on"]) / statistics.median(rates["off"])
        section.rows.append(
            [
                case.title,
                *map(spread, rates.values()),
                *against(kept, 100 - NOISE_PERCENT, " %"),
                *(spread(each, 1) for each in slowest.values()),
            ]
        )
        section.data.append({"case": case.title, "rates": rates, "p99_ms": slowest})
    return section


def _loads(context: Context, servers: dict[str, Running]) -> tuple[dict[str, list[float]], dict[str, list[float]]]:
    rates: dict[str, list[float]] = {mode: [] for mode in servers}
    slowest: dict[str, list[float]] = {mode: [] for mode in servers}
    for _ in range(context.rounds):
        for mode, server in servers.items():
            server.wake()
            load = server.load(CONNECTIONS, context.seconds)
            rates[mode].append(load.per_second)
            slowest[mode].append(load.p99_ms)
            server.rest()
    return rates, slowest


def _tell_files(section: Section, costs: dict[str, list[Cost]]) -> None:
    medians = {name: Cost(*(statistics.median(each) for each in zip(*of, strict=True))) for name, of in costs.items()}
    ours = medians["garcom"]
    for name, of in costs.items():
        figures = [
            spread([each.seconds for each in of], 2),
            spread([each.processor_s for each in of], 2),
            spread([each.megabytes for each in of]),
        ]
        if name == "garcom":
            section.rows.append(["Garçom, garcom report --json", *figures, *[""] * 6])
            continue
        faster = against(medians[name].seconds / ours.seconds, FASTER[name], "×")
        share = against(100 * ours.megabytes / medians[name].megabytes, round(MEMORY_SHARE, 1), " %", at_most=True)
        section.rows.append([TITLES[name], *figures, f"{faster[0]} as fast", *faster[1:], *share])
    section.data.append({name: [each._asdict() for each in of] for name, of in costs.items()})


def _garcom(reference: Path, current: Path) -> list[Path | str]:
    return [command_beside_python("garcom"), "report", reference, current, "--json"]


#: Its own process, because ``RUSAGE_CHILDREN`` is the most of all children that a process ever had.
_WATCH = """
import json, resource, subprocess, sys, time
began = time.perf_counter()
done = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
taken = time.perf_counter() - began
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(json.dumps([taken, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024, done.returncode,
                  done.stderr.decode(errors="replace")[-500:]]))
"""


def _cost(command: list[Path | str]) -> Cost:
    # polars has put the settings of its memory into this process's environment: nobody's shell has them.
    environment = {name: value for name, value in os.environ.items() if name != "_RJEM_MALLOC_CONF"}
    told = subprocess.run(
        [sys.executable, "-S", "-c", _WATCH, *map(str, command)],
        check=True,
        capture_output=True,
        text=True,
        env=environment,
    )
    seconds, processor_s, megabytes, status, errors = json.loads(told.stdout)
    if status:
        raise OSError(f"{command[0]} ended with status {status}: {errors}")
    return Cost(seconds, processor_s, megabytes)


def _write(data: Dataset, n_rows: int, seed: int, path: Path) -> None:
    _rows(data, n_rows, seed).write_parquet(path)


def _rows(data: Dataset, n_rows: int, seed: int) -> pl.DataFrame:
    """Rows of the data drawn anew, with noise of a fiftieth of the standard deviation so that few numbers are equal.

    Those of other seeds than 0 have moved a little in one column. A column of two values stays one, as texts.
    """
    random = np.random.default_rng(seed)
    chosen = random.integers(0, len(data.X), n_rows)
    columns: dict[str, pl.Series] = {}
    for at, name in enumerate(data.fields):
        values = data.X[:, at]
        if len(np.unique(values)) == 2:
            columns[name] = pl.Series(np.where(values[chosen] == values.max(), "white", "red"))
            continue
        spread_of = float(values.std())
        moved = 0.3 * spread_of if at == len(data.fields) - 2 and seed else 0.0
        columns[name] = pl.Series(values[chosen] + random.normal(moved, 0.02 * spread_of, n_rows))
    return pl.DataFrame(columns)
