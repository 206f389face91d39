from __future__ import annotations

import asyncio
import queue
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest

from garcom.errors import JournalUnavailable
from garcom.journal.committer import Committer, Sync
from garcom.journal.journal import Journal
from garcom.journal.lines import Entry, encode, encode_lines
from garcom.journal.reader import read_segment
from garcom.journal.segment import closed_segments, seal_orphans
from tests.unit.journal.test_segment import VERSION, ids, lines

Outcomes = queue.SimpleQueue[JournalUnavailable | None]


@contextmanager
def committing(
    folder: Path, sync: Sync = Sync.REQUEST, segment_bytes: int = 64 * 1024, max_pending_bytes: int = 1 << 20
) -> Iterator[Committer]:
    committer = Committer(
        folder,
        [encode(VERSION) + b"\n"],
        sync=sync,
        segment_bytes=segment_bytes,
        segment_s=3600.0,
        max_pending_bytes=max_pending_bytes,
    )
    try:
        yield committer
    finally:
        committer.close()


@pytest.mark.parametrize("sync", list(Sync))
def test_every_line_is_told_and_found(tmp_path: Path, sync: Sync) -> None:
    outcomes: Outcomes = queue.SimpleQueue()
    with committing(tmp_path / "journal", sync) as committer:
        for i in range(500):
            committer.append(lines(i, 1), outcomes.put)
        assert [outcomes.get(timeout=30) for _ in range(500)] == [None] * 500
    assert [found for path in closed_segments(tmp_path / "journal") for found in ids(path)] == [
        f"id-{i}" for i in range(500)
    ]


def test_a_full_segment_makes_place_for_the_next(tmp_path: Path) -> None:
    outcomes: Outcomes = queue.SimpleQueue()
    with committing(tmp_path, segment_bytes=4096) as committer:
        for i in range(0, 200, 10):
            committer.append(lines(i, 10), outcomes.put)
            assert outcomes.get(timeout=30) is None
    segments = closed_segments(tmp_path)
    assert len(segments) > 3
    assert [found for path in segments for found in ids(path)] == [f"id-{i}" for i in range(200)]


def test_a_disk_that_fails_acknowledges_nothing_and_comes_back(tmp_path: Path) -> None:
    outcomes: Outcomes = queue.SimpleQueue()
    folder = tmp_path / "journal"
    with committing(folder, segment_bytes=4096) as committer:
        committer.append(lines(0, 1), outcomes.put)
        assert outcomes.get(timeout=30) is None
        folder.rename(tmp_path / "away")  # the open segment goes on, a new one cannot be made
        refused = None
        n_written = 1
        while refused is None:
            committer.append(lines(n_written, 10), outcomes.put)
            refused = outcomes.get(timeout=30)
            n_written += 10 if refused is None else 0
        assert isinstance(refused, JournalUnavailable)
        (tmp_path / "away").rename(folder)
        while refused is not None:
            committer.append(lines(9000, 1), outcomes.put)
            refused = outcomes.get(timeout=30)
    list(seal_orphans(folder))  # the first could not be given its final name
    found = [one for path in closed_segments(folder) for one in ids(path)]
    assert found == [*(f"id-{i}" for i in range(n_written)), "id-9000"]


def test_what_waits_is_bounded(tmp_path: Path) -> None:
    outcomes: Outcomes = queue.SimpleQueue()
    with committing(tmp_path, max_pending_bytes=1000) as committer:
        refused = 0
        for i in range(2000):
            try:
                committer.append(lines(i, 5), outcomes.put)
            except JournalUnavailable:
                refused += 1
        told = [outcomes.get(timeout=30) for _ in range(2000 - refused)]
    assert refused > 0
    assert told == [None] * (2000 - refused)
    assert sum(len(ids(path)) for path in closed_segments(tmp_path)) == 5 * (2000 - refused)


def test_a_version_that_comes_later_is_told_before_its_lines(tmp_path: Path) -> None:
    outcomes: Outcomes = queue.SimpleQueue()
    journal = Journal(tmp_path, sync=Sync.OFF, segment_bytes=64 * 1024, segment_s=3600.0)
    assert journal.introduce(VERSION) == 0
    journal.append(lines(0, 1), outcomes.put)
    assert outcomes.get(timeout=30) is None
    assert journal.introduce(msgspec.structs.replace(VERSION, version=4)) == 1
    journal.append(encode_lines([Entry(1, "id-1", 1, [1.0], "bom")]), outcomes.put)
    assert outcomes.get(timeout=30) is None
    journal.close()
    (path,) = closed_segments(tmp_path)
    assert [(version.version, entry.id) for version, entry in read_segment(path)[1]] == [(3, "id-0"), (4, "id-1")]


def test_nothing_is_taken_after_the_end(tmp_path: Path) -> None:
    outcomes: Outcomes = queue.SimpleQueue()
    journal = Journal(tmp_path, sync=Sync.REQUEST, segment_bytes=64 * 1024, segment_s=3600.0)
    journal.close()
    journal.append(b"[]\n", outcomes.put)
    assert isinstance(outcomes.get(timeout=30), JournalUnavailable)
    assert list(tmp_path.iterdir()) == []


def test_a_segment_is_closed_when_that_is_asked_for(tmp_path: Path) -> None:
    outcomes: Outcomes = queue.SimpleQueue()
    with committing(tmp_path) as committer:
        for i in range(2):
            committer.append(lines(i, 1), outcomes.put)
            assert outcomes.get(timeout=30) is None
            committer.rotate()
            while len(closed_segments(tmp_path)) <= i:
                time.sleep(0.001)
        assert [ids(path) for path in closed_segments(tmp_path)] == [["id-0"], ["id-1"]]
        committer.rotate()  # there is none
        committer.append(lines(2, 1), outcomes.put)
        assert outcomes.get(timeout=30) is None


def test_a_fault_of_its_own_ends_neither_the_thread_nor_the_requests(tmp_path: Path) -> None:
    outcomes: Outcomes = queue.SimpleQueue()
    versions: list[bytes] = ["no bytes"]  # type: ignore[list-item]
    committer = Committer(
        tmp_path, versions, sync=Sync.REQUEST, segment_bytes=4096, segment_s=3600.0, max_pending_bytes=1 << 20
    )
    committer.append(lines(0, 1), outcomes.put)
    assert "TypeError" in str(outcomes.get(timeout=30))
    versions[0] = encode(VERSION) + b"\n"
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        committer.append(lines(1, 1), outcomes.put)
        if outcomes.get(timeout=30) is None:
            break
    committer.close()
    assert [found for path in closed_segments(tmp_path) for found in ids(path)] == ["id-1"]


@pytest.mark.parametrize("sync", list(Sync))
def test_commits_on_an_event_loop_are_told_there_and_full_segments_are_closed(tmp_path: Path, sync: Sync) -> None:
    threads: set[str] = set()

    async def work(committer: Committer) -> None:
        committer.commit_on(asyncio.get_running_loop().call_soon)
        loop = asyncio.get_running_loop()
        for i in range(0, 200, 10):
            done: asyncio.Future[JournalUnavailable | None] = loop.create_future()

            def tell(refusal: JournalUnavailable | None, done: asyncio.Future[Any] = done) -> None:
                threads.add(threading.current_thread().name)
                loop.call_soon_threadsafe(done.set_result, refusal)

            committer.append(lines(i, 10), tell)
            assert await asyncio.wait_for(done, 30) is None
        while not (closed := closed_segments(tmp_path)):  # without any more lines that would wake the thread
            await asyncio.sleep(0.001)
        assert "id-0" in ids(closed[0])

    with committing(tmp_path, sync, segment_bytes=8192) as committer:
        asyncio.run(work(committer))
    assert "MainThread" in threads
    assert [found for path in closed_segments(tmp_path) for found in ids(path)] == [f"id-{i}" for i in range(200)]


def test_long_commits_leave_the_event_loop(tmp_path: Path) -> None:
    async def work(committer: Committer) -> str:
        loop = asyncio.get_running_loop()
        committer.commit_on(loop.call_soon)
        told: asyncio.Future[str] = loop.create_future()

        def tell(refusal: JournalUnavailable | None) -> None:
            loop.call_soon_threadsafe(told.set_result, threading.current_thread().name)

        committer.append(lines(0, 10) * 1000, tell)
        return await asyncio.wait_for(told, 30)

    with committing(tmp_path) as committer:
        assert asyncio.run(work(committer)) == "journal"
