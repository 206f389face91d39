"""``python -m tests.fuzz``: a server's whole document, asked at random as each role; status 1 if anything is wrong.

All checks of schemathesis are made; what it may not hold against the server stands in ``tests/fuzz/allowances.py``.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import NamedTuple

from tests.fuzz import allowances, bodies
from tests.fuzz.asking import ALL_PHASES, Effort, ask
from tests.fuzz.callers import Ground, ground

#: So many cases make the proof.
CASES = 20_000
#: Examples that are drawn for each operation, in each round; rounds go on until there are enough cases.
PER_OPERATION = 40
COLUMNS = ("caller", "cases", "2xx", "3xx", "4xx", "5xx", "no answer", "failures", "seconds")


class Row(NamedTuple):
    """One line of the table: what one caller got."""

    caller: str
    answers: Counter[int]
    failures: list[str]
    seconds: float

    def cells(self) -> list[str]:
        classes = Counter[int]()
        for status, n in self.answers.items():
            classes[status // 100] += n
        counts = [self.answers.total(), *(classes[first] for first in (2, 3, 4, 5, 0)), len(self.failures)]
        return [self.caller, *(f"{n:,}" for n in counts), f"{self.seconds:.0f}"]


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--seed", type=int, help="the same cases again (default: others each time)")
    parser.add_argument("--cases", type=int, default=CASES, help=f"at least so many (default: {CASES:,})")
    arguments = parser.parse_args()
    seed = random.randrange(1 << 32) if arguments.seed is None else arguments.seed
    print(
        f"seed {seed}, at least {arguments.cases:,} cases\n\n{_line(COLUMNS)}\n{_line(['---', *['---:'] * 8])}",
        flush=True,
    )
    rows: list[Row] = []
    with tempfile.TemporaryDirectory(prefix="garcom-fuzz-") as folder, ground(Path(folder)) as server:
        bodies.register(server.bundles["line"])
        allowances.install(server)
        while sum(row.answers.total() for row in rows) < arguments.cases:
            for caller in server.keys:
                rows.append(_row(server, caller, Effort(PER_OPERATION, ALL_PHASES, seed)))
                print(_line(rows[-1].cells()), flush=True)
            seed += 1
    return _judge(rows)


def _row(server: Ground, caller: str, effort: Effort) -> Row:
    row, begun = Row(caller, Counter(), [], 0.0), time.monotonic()
    for found in ask(server, caller, effort, server.document()):
        row.answers.update(found.answers)
        row.failures.extend(found.failures)
        for failure in found.failures:
            print(f"{caller}: {failure}", file=sys.stderr, flush=True)
        if sys.stderr.isatty():
            print(f"\r{caller}: {row.answers.total():,} cases, {found.label:.60}\033[K\r", end="", file=sys.stderr)
    return row._replace(seconds=time.monotonic() - begun)


def _judge(rows: list[Row]) -> int:
    """The sum of all rows, and the status of the process."""
    answers = sum((row.answers for row in rows), Counter[int]())
    failures = [failure for row in rows for failure in row.failures]
    print(_line(Row("**all**", answers, failures, sum(row.seconds for row in rows)).cells()))
    return 1 if failures or any(status // 100 in (0, 5) for status in answers) else 0


def _line(cells: list[str] | tuple[str, ...]) -> str:
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    raise SystemExit(main())
