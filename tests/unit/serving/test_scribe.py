"""Predictions are in the journal when they are delivered, or they are not delivered."""

from __future__ import annotations

import asyncio
import errno
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from garcom.errors import EngineError, JournalUnavailable
from garcom.journal.committer import Sync
from garcom.journal.journal import Journal, Origin
from garcom.journal.lines import Entry, Version
from garcom.journal.reader import read_segment
from garcom.serving.batching import Batcher
from garcom.serving.codec.answers import Answer, Answers
from garcom.serving.scribe import Disguise, OnUnwritten, Scribe, described
from garcom.storage.disk import DISK, Disk
from tests.unit.serving.engines import TWICE, Twice, batch, predictor

NOBODY = Origin()


def written(folder: Path) -> list[tuple[Version, Entry]]:
    return [entry for path in sorted(folder.glob("*-*.*")) for entry in read_segment(path)[1]]


def no_disk(path: Path, flags: int, mode: int) -> int:
    raise OSError(errno.ENOSPC, "No space left on device")


@contextmanager
def journal(folder: Path, disk: Disk) -> Iterator[Journal]:
    opened = Journal(folder, sync=Sync.REQUEST, segment_bytes=64 * 1024, segment_s=3600.0, disk=disk)
    try:
        yield opened
    finally:
        opened.close()


def serve(
    folder: Path,
    work: Any,
    *,
    engine: Twice | None = None,
    disguise: Disguise | None = None,
    on_unwritten: OnUnwritten | None = None,
    disk: Disk = DISK,
) -> None:
    """Run ``work`` with a queue whose predictions are written into ``folder/journal``."""

    async def whole(opened: Journal) -> None:
        with ThreadPoolExecutor(1) as threads:
            opened.commit_on(asyncio.get_running_loop())
            scribe = Scribe(opened, described("wine", 3, "65", TWICE), disguise, on_unwritten)
            loaded = predictor(folder / "wine", engine or Twice())
            await asyncio.wait_for(work(Batcher(loaded, threads, 1000, scribe=scribe, loop_budget_s=10.0)), 60)

    with journal(folder / "journal", disk) as opened:
        asyncio.run(whole(opened))


async def ask(batcher: Batcher, x: float, origin: Origin = NOBODY, folder: Path | None = None) -> Any:
    """The answer; with a folder, also the ids that stood in the journal there when it was delivered."""
    answered: asyncio.Future[Any] = asyncio.get_running_loop().create_future()

    def deliver(answer: Any) -> None:
        answered.set_result(answer if folder is None else (answer, {entry.id for _, entry in written(folder)}))

    batcher.submit((x,), deliver, origin, 0.0)
    return await answered


def test_an_answer_is_written_before_it_is_delivered(tmp_path: Path) -> None:
    async def work(batcher: Batcher) -> None:
        origin = Origin("req-1", "key-1", "5ub")
        found = await asyncio.gather(*(ask(batcher, x, origin, tmp_path / "journal") for x in (1.0, 2.0, 3.0)))
        assert all(answer.id in ids for answer, ids in found)
        assert batcher.queued_rows == 0

    serve(tmp_path, work)
    entries = written(tmp_path / "journal")
    version, entry = entries[0]
    assert (version.model, version.version, version.role, version.fields) == ("wine", 3, "stable", ("x",))
    assert [(list(entry.row), entry.prediction) for _, entry in entries] == [([1.0], 2.0), ([2.0], 4.0), ([3.0], 6.0)]
    assert (entry.request_id, entry.key, entry.subject) == ("req-1", "key-1", "5ub")
    assert entry.latency_us is not None
    assert entry.latency_us > 0


def test_a_body_s_rows_are_written_with_the_place_in_their_key(tmp_path: Path) -> None:
    async def work(batcher: Batcher) -> None:
        answered: asyncio.Future[Any] = asyncio.get_running_loop().create_future()

        def finish(answers: Answers) -> list[str]:
            return list(answers.ids)

        batcher.submit_body(batch(1, float("nan")), finish, answered.set_result, Origin(key="k", role="pinned"), 0.0)
        ids = await answered
        entries = written(tmp_path / "journal")
        assert [entry.id for _, entry in entries] == ids
        assert [(list(entry.row), entry.key) for _, entry in entries] == [([1.0], "k/0"), ([None], "k/1")]
        assert {version.role for version, _ in entries} == {"pinned"}

    serve(tmp_path, work)


def test_an_input_is_disguised(tmp_path: Path) -> None:
    async def work(batcher: Batcher) -> None:
        await ask(batcher, 1.0)

    serve(tmp_path, work, disguise=lambda row: [None] * len(row))
    assert [list(entry.row) for _, entry in written(tmp_path / "journal")] == [[None]]


def test_an_error_is_delivered_without_a_line(tmp_path: Path) -> None:
    engine = Twice(bad=frozenset({13.0}))

    async def work(batcher: Batcher) -> None:
        engine.armed = True
        bad, good = await asyncio.gather(ask(batcher, 13.0), ask(batcher, 1.0))
        assert isinstance(bad, EngineError)
        assert [entry.id for _, entry in written(tmp_path / "journal")] == [good.id]

    serve(tmp_path, work, engine=engine)


def without_a_disk(folder: Path, on_unwritten: OnUnwritten | None) -> tuple[Any, Any]:
    """What a body and a single row are answered with while nothing can be written."""
    found: list[Any] = []

    async def work(batcher: Batcher) -> None:
        answered: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        batcher.submit_body(batch(1, 2), lambda answers: "served", answered.set_result, Origin(), 0.0)
        found.extend((await answered, await ask(batcher, 1.0)))
        assert batcher.queued_rows == 0

    serve(folder, work, on_unwritten=on_unwritten, disk=Disk(open=no_disk))
    body, single = found
    return body, single


def test_what_cannot_be_written_is_refused(tmp_path: Path) -> None:
    body, single = without_a_disk(tmp_path, None)
    assert isinstance(body, JournalUnavailable)
    assert isinstance(single, JournalUnavailable)


def test_what_cannot_be_written_is_answered_and_counted_where_that_was_chosen(tmp_path: Path) -> None:
    counted: list[int] = []
    body, single = without_a_disk(tmp_path, counted.append)
    assert body == "served"
    assert isinstance(single, Answer)
    assert counted == [2, 1]
