"""The lake: how fast segments are drained into it, and what a day of ten million predictions takes to ask."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl

from bench.report import Section, against, spread
from bench.sections.context import Context
from garcom.ids import uuid7s
from garcom.journal.lines import Entry, Header, Version, encode, encode_lines
from garcom.lake.schemas import PREDICTIONS, day_of
from garcom.lake.tables import Lake

N_SEGMENTS, SEGMENT_ROWS, N_FIELDS = 10, 40_000, 12
DRAIN_TARGET = 100_000
N_ROWS, FILE_ROWS = 10_000_000, 500_000
TARGET_S, TARGET_MB = 1.0, 500.0
BEGAN = datetime(2026, 11, 20, 12, tzinfo=UTC)

_DRAIN = """
import json, sys, time
from pathlib import Path
from garcom.lake.drain import Drain
from garcom.lake.tables import Lake
began = time.perf_counter()
done = Drain(Lake.open(Path(sys.argv[1]))).run()
print(json.dumps(done.n_rows / (time.perf_counter() - began)))
"""
#: One process for each question, which then tells the seconds, the answer and the memory that it took at most.
_ASK = """
import json, re, sys, time
from pathlib import Path
import polars as pl
from garcom.lake.schemas import days_around
from garcom.lake.tables import Lake
table, id = Lake.open(Path(sys.argv[1])).predictions, sys.argv[3]
began = time.perf_counter()
if sys.argv[2] == "count":
    found = table.scan(model="wine").select(pl.len()).collect().item()
elif sys.argv[2] == "version":
    found = table.scan(model="wine").filter(pl.col("version") == 2).select(pl.len()).collect().item()
else:
    found = table.scan(days=days_around(id), ids=(id, id)).collect().height
taken = time.perf_counter() - began
# The most that was resident since this program began; getrusage would tell of the process that started it, too.
most_kb = int(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1])
print(json.dumps([taken, found, most_kb / 1024]))
"""
QUESTIONS = {"count": N_ROWS, "version": N_ROWS // 2, "one id": 1}


def measure_drain(context: Context) -> list[Section]:
    """Rows per second on one core, from closed segments to a durable commit and empty folder."""
    rates = []
    for _ in range(context.rounds):
        with TemporaryDirectory(dir=context.folder) as folder:
            _write_segments(Path(folder))
            rates.append(float(_run(_DRAIN, folder, one_core=True)))
    section = Section("Drain of the journal, one core", ["rows", "fields", "rows/s", "median", "target", "met"])
    median = sorted(rates)[len(rates) // 2]
    section.rows.append(
        [f"{N_SEGMENTS * SEGMENT_ROWS:,}", str(N_FIELDS), spread(rates), *against(median, DRAIN_TARGET, " rows/s")]
    )
    section.data.append({"rows_per_second": rates})
    return [section]


def measure_lake(context: Context) -> list[Section]:
    """Questions to 24 hours of ten million rows, each in a new process with nothing read before."""
    section = Section(
        f"{N_ROWS:,} predictions of 24 hours", ["question", "seconds", "target", "met", "MB", "target MB", "met MB"]
    )
    with TemporaryDirectory(dir=context.folder) as folder:
        id = _write_lake(Path(folder))
        for question, expected in QUESTIONS.items():
            answers = [json.loads(_run(_ASK, folder, question, id)) for _ in range(context.rounds)]
            if any(found != expected for _, found, _ in answers):
                raise OSError(f"Expected {expected:,} rows for {question!r}, got {[found for _, found, _ in answers]}.")
            taken, _, memory = sorted(answers)[len(answers) // 2]
            section.rows.append(
                [question, *against(taken, TARGET_S, " s", at_most=True), *against(memory, TARGET_MB, "", at_most=True)]
            )
            section.data.append({"question": question, "answers": answers})
    return [section]


def _run(code: str, *arguments: str, one_core: bool = False) -> str:
    environment = {**os.environ, "POLARS_MAX_THREADS": "1"} if one_core else dict(os.environ)
    command = [sys.executable, "-c", code, *arguments]
    if one_core:
        command = ["taskset", "-c", str(max(os.sched_getaffinity(0))), *command]
    return subprocess.run(command, check=True, capture_output=True, text=True, env=environment).stdout


def _write_segments(home: Path) -> None:
    (home / "journal").mkdir()
    fields = tuple(f"field {i}" for i in range(N_FIELDS))
    version = Version(
        v=0, model="wine", version=1, digest="6" * 64, role="stable", task="classification", fields=fields,
        classes=("bom", "ruim"),
    )  # fmt: skip
    source = random.Random(1)
    for number in range(1, N_SEGMENTS + 1):
        time_us = time.time_ns() // 1000
        made = [
            Entry(0, id, time_us + i, [round(source.random() * 10, 3) for _ in fields], "bom", [0.9, 0.1], None, 400)
            for i, id in enumerate(uuid7s(SEGMENT_ROWS))
        ]
        header = Header(segment=f"01a-{number:08d}", worker=1, began="2026-11-20T12:00:00Z")
        lines = [encode(header) + b"\n", encode(version) + b"\n", encode_lines(made)]
        (home / "journal" / f"01a-{number:08d}.ndjson").write_bytes(b"".join(lines))


def _write_lake(home: Path) -> str:
    """Ten million rows in the files that upkeep leaves; gives one of their ids."""
    table = Lake.open(home).predictions
    step_us = 86_400_000_000 // N_ROWS
    for start in range(0, N_ROWS, FILE_ROWS):
        n = pl.int_range(start, start + FILE_ROWS, eager=True).alias("n").to_frame()
        time_us = pl.col("n") * step_us
        rows = n.with_columns(time=pl.lit(BEGAN) + pl.duration(microseconds=time_us)).with_columns(
            id=pl.format("{}-7000-8000-{}", _head(pl.col("time")), pl.col("n").cast(pl.String).str.zfill(12)),
            model=pl.lit("wine"),
            day=pl.col("time").dt.strftime("%Y-%m-%d"),
            version=1 + pl.col("n") % 2,
            digest=pl.lit("6" * 64),
            role=pl.lit("stable"),
            input=pl.concat_str(pl.lit('{"alcohol":'), (pl.col("n") * 7919) % 9973, pl.lit("}")),
            label=pl.lit("bom"),
            value=pl.lit(None),
            output=pl.lit('{"prediction":"bom","probabilities":{"bom":0.9,"ruim":0.1}}'),
            latency_us=400 + pl.col("n") % 97,
            segment=pl.lit("01a-00000001"),
            **{name: pl.lit(None) for name in ("request_id", "key", "subject")},
        )
        table.append(rows.select(pl.col(name).cast(dtype) for name, dtype in PREDICTIONS.items()))
    middle = table.files(model="wine")[len(table.files()) // 2].min_id
    if middle is None:
        raise OSError(f"Expected ids in the files of {day_of(BEGAN + timedelta(hours=12))}, got none.")
    return middle


def _head(moment: pl.Expr) -> pl.Expr:
    """The first twelve hexadecimal digits of an id of that moment, with their dash."""
    milliseconds = moment.dt.timestamp("ms")
    digits = [(milliseconds // 16**k) % 16 for k in reversed(range(12))]
    hexadecimal = [
        digit.replace_strict(dict(enumerate("0123456789abcdef")), return_dtype=pl.String) for digit in digits
    ]
    return pl.concat_str(*hexadecimal[:8], pl.lit("-"), *hexadecimal[8:])
