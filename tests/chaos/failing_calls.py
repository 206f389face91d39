"""Each call to the disk made to fail once, and from then on always: by the journal, and by a commit of the lake."""

from __future__ import annotations

import contextlib
import queue
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import NamedTuple

from garcom.errors import JournalUnavailable, LakeUnavailable
from garcom.journal.committer import Committer, Sync
from garcom.journal.lines import encode, encode_lines
from garcom.lake.drain import Drain
from garcom.lake.place import Place
from garcom.lake.tables import Lake
from tests.chaos.faults import Faults, unwritable
from tests.chaos.judge import Outcome, Verdict, judge
from tests.unit.lake.journals import WINE, closed, entries

#: Cases that wait for their disk at the same time.
THREADS = 8
_BATCHES, _ROWS = 12, 3


class Case(NamedTuple):
    """One call that fails; ``nth`` of its kind."""

    kind: str
    nth: int
    forever: bool

    def __str__(self) -> str:
        return f"{self.kind} {self.nth} {'and after' if self.forever else 'once'}"


class Finding(NamedTuple):
    """What came of a case: the verdict, and how many rows were acknowledged."""

    case: Case
    verdict: Verdict
    acknowledged: int


Run = Callable[[Path, Faults], list[str]]


def failing_calls(folder: Path, proof: str, run: Run, *, at_most: int | None = None) -> tuple[Outcome, list[Finding]]:
    """Run once without a fault to count the calls, then once for each call and mode; ``at_most`` of each kind."""
    began = time.monotonic()
    healthy = Faults()
    (folder / "healthy").mkdir()
    run(folder / "healthy", healthy)
    cases = [
        Case(kind, nth, forever)
        for kind, n in sorted(healthy.count().items())
        for nth in _spread(n, at_most)
        for forever in (False, True)
    ]
    with ThreadPoolExecutor(THREADS) as pool:
        # Threads of the journal do not always make the same number of calls.
        findings = [finding for finding in pool.map(partial(_try, folder, run), cases) if finding is not None]
    verdicts = [finding.verdict for finding in findings]
    lost, doubled = (sum(numbers) for numbers in zip(*verdicts, strict=True))
    acknowledged = sum(finding.acknowledged for finding in findings)
    return Outcome(proof, len(findings), acknowledged, lost, doubled, time.monotonic() - began), findings


def _spread(n: int, at_most: int | None) -> list[int]:
    """Numbers from 1 to n: all of them, or some with the first and the last."""
    if at_most is None or n <= at_most:
        return list(range(1, n + 1))
    return sorted({1 + round(i * (n - 1) / (at_most - 1)) for i in range(at_most)})


def _try(folder: Path, run: Run, case: Case) -> Finding | None:
    """What came of a case; None if the call was never made."""
    home = folder / str(case).replace(" ", "-")
    home.mkdir()
    faults = Faults(*case[:2], forever=case.forever)
    acknowledged = run(home, faults)
    verdict = judge(home, acknowledged)
    return Finding(case, verdict, len(acknowledged)) if faults.failed else None


def write_journal(home: Path, faults: Faults) -> list[str]:
    """Write lines until some are acknowledged after the faults have ended; the ids of those that were.

    What a power cut would leave after each acknowledgement has to have them all, and at the end in whole lines.
    """
    acknowledged: list[str] = []
    durable = home / "after-a-cut"
    durable.mkdir()
    with _committing(home / "journal", faults) as committer:
        for _ in range(_BATCHES):
            acknowledged += _write(committer)
            survivors = faults.durable_bytes()
            assert all(id.encode() in survivors for id in acknowledged), "acknowledged, but not durable"
        faults.heal()
        deadline = time.monotonic() + 20
        while not (found := _write(committer)):
            assert time.monotonic() < deadline, "the journal did not recover"
            time.sleep(0.01)
        acknowledged += found
        faults.leave_durable(durable / "journal")
    assert judge(durable, acknowledged) == (0, 0)
    return acknowledged


@contextlib.contextmanager
def _committing(folder: Path, faults: Faults) -> Iterator[Committer]:
    told = [encode(WINE) + b"\n"]
    committer = Committer(
        folder,
        told,
        sync=Sync.REQUEST,
        segment_bytes=2048,
        segment_s=3600.0,
        max_pending_bytes=1 << 20,
        disk=faults.disk,
    )
    try:
        yield committer
    finally:
        committer.close()


def _write(committer: Committer) -> list[str]:
    """The ids of some predictions if they were acknowledged."""
    outcome: queue.SimpleQueue[JournalUnavailable | None] = queue.SimpleQueue()
    made = entries(_ROWS)
    committer.append(encode_lines(made), outcome.put)
    return [entry.id for entry in made] if outcome.get(timeout=30) is None else []


def drain_journal(home: Path, faults: Faults) -> list[str]:
    """Drain a journal until it succeeds after the faults have ended; the ids that it had.

    No attempt may leave a file in the lake that nobody has committed.
    """
    acknowledged = [id for writer in ("01a", "01b") for number in (1, 2) for id in closed(home, writer, number)]
    orphan = home / "journal" / "01b-00000002.ndjson"
    orphan.rename(orphan.with_suffix(".open"))  # as if its writer had died
    lake = Lake(home, Place(str(home / "lake"), disk=faults.disk))
    for _ in range(3):
        with contextlib.suppress(OSError):
            Drain(lake).run()
    faults.heal()
    Drain(lake).run()
    table = home / "lake" / "predictions"
    assert {str(path.relative_to(table)) for path in table.rglob("model=*/**/*.parquet")} == {
        file.path for file in lake.predictions.files()
    }
    return acknowledged


def failing_commits(home: Path, *, always: bool) -> Outcome:
    """Let the log of the table take no commit, for a moment or for longer than a drain tries."""
    began = time.monotonic()
    acknowledged = closed(home, number=1)
    Drain(Lake.open(home)).run()
    acknowledged += closed(home, number=2)
    drain = Drain(Lake.open(home))
    with ThreadPoolExecutor(1) as pool:
        with unwritable(home / "lake" / "predictions" / "_delta_log"):
            running = pool.submit(drain.run)
            with contextlib.suppress(LakeUnavailable, TimeoutError):
                running.result(None if always else 0.3)
        error = running.exception(30)
    assert isinstance(error, LakeUnavailable) if always else error is None, error
    verdict = judge(home, acknowledged)
    return Outcome("failing commits", 1, len(acknowledged), *verdict, time.monotonic() - began)
