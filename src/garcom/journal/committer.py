"""Group commit: the lines of all requests that are ready together, or come while a sync is under way, share one."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple

from garcom.errors import JournalUnavailable
from garcom.ids import uuid7s
from garcom.journal.segment import Segment, SegmentName
from garcom.storage.disk import DISK, Disk

logger = logging.getLogger("garcom.journal")

#: After a failure the disk is tried again this much later at the earliest; what comes meanwhile is refused at once.
RETRY_S = 0.25
#: A commit that took longer blocks the event loop for too long. The next ones run in the thread, for the shorter time
#: after one of them, for the longer time where the disk is always so slow.
QUICK_S = 0.003
AWAY_S = (0.02, 1.0)
#: What is written and synced on the loop at most; the rows of a long body go to the thread.
QUICK_BYTES = 256 * 1024
#: How long a commit may wait while requests keep coming: a few syncs, or a few calls of an engine on the loop.
GATHER_S = 0.002
#: Requests no longer keep coming when none has come for so long.
LULL_S = 0.0002
#: How often ``interval`` syncs.
INTERVAL_S = 1.0


class Sync(StrEnum):
    """When a prediction counts as written."""

    REQUEST = "request"
    INTERVAL = "interval"
    OFF = "off"


#: Told once, on the event loop or in the committer's thread, that the lines are written (None), or why they are not.
Done = Callable[[JournalUnavailable | None], None]


class _Pending(NamedTuple):
    lines: bytes
    done: Done


class Committer:
    """Writes one worker's lines.

    A commit runs where the lines come from, on the event loop, as long as the disk is quick: handing it to a thread
    costs more than a quick sync. After one that took long, commits run in the committer's own thread for a while, so
    that the loop goes on reading; the thread also begins and closes segments, which always takes long.

    ``versions`` are the lines that have to stand in a segment before the ones that follow: all of them in a new one,
    and those that are added later in the one that is open.
    """

    def __init__(
        self,
        folder: Path,
        versions: Sequence[bytes],
        *,
        sync: Sync,
        segment_bytes: int,
        segment_s: float,
        max_pending_bytes: int,
        disk: Disk = DISK,
    ) -> None:
        self._folder = folder
        self._disk = disk
        self._versions = versions
        self._n_told = 0
        self._sync = sync
        self._segment_bytes = segment_bytes
        self._segment_s = segment_s
        self._max_pending_bytes = max_pending_bytes
        #: Segments of one writer are numbered, so that a reader can tell by one number how far it has come.
        self.writer = uuid7s(1)[0]
        self._n_segments = 0
        # What is asked of the thread, under ``_wanted``.
        self._wanted = threading.Condition()
        self._pending: list[_Pending] = []
        self._pending_bytes = self._pending_rows = 0
        self._stopping = False
        self._rotating = False
        self._spare_wanted = True
        #: How a commit is put on the event loop, and whether one is.
        self._soon: Callable[[Callable[[], None]], object] | None = None
        self._scheduled = False
        #: Rows that waited when a commit on the loop last looked, and until when it may wait for more.
        self._rows_seen = 0
        self._gathers_until = self._grew_at = 0.0
        self._rows_of_last = 0
        self._not_here_before = self._away_s = 0.0
        # The segment belongs to whoever holds ``_writing``.
        self._writing = threading.Lock()
        self._segment: Segment | None = None
        self._spare: Segment | None = None
        self._full: list[Segment] = []
        self._began = 0.0
        self._unsynced_since: float | None = None
        self._failed_at = float("-inf")
        self._no_spare_before = float("-inf")
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._thread = threading.Thread(target=self._run, name="journal", daemon=True)
        self._thread.start()

    def commit_on(self, soon: Callable[[Callable[[], None]], object]) -> None:
        """Commit on the event loop whose ``call_soon`` this is; from now on, append there only."""
        self._soon = soon

    def append(self, lines: bytes, done: Done) -> None:
        """Queue whole lines. Raises JournalUnavailable when too much waits already, or when it has been closed."""
        with self._wanted:
            if self._stopping:
                raise JournalUnavailable("The journal has been closed, because the server stops.")
            if self._pending_bytes + len(lines) > self._max_pending_bytes and self._pending:
                raise JournalUnavailable(
                    f"The journal has {self._pending_bytes:,} bytes waiting for the disk. Try again shortly."
                )
            self._pending.append(_Pending(lines, done))
            self._pending_bytes += len(lines)
            self._pending_rows += lines.count(b"\n")
            if self._scheduled:
                return
            if self._soon is None or time.monotonic() < self._not_here_before:
                self._wanted.notify()
                return
            self._scheduled = True
        # Not at once: what comes in this turn of the loop shares one sync.
        self._soon(self._commit_here)

    def rotate(self) -> None:
        """Close the open segment soon, so that others may read it, drain it, or erase from it."""
        with self._wanted:
            self._rotating = True
            self._wanted.notify()

    def close(self) -> None:
        """Write what is queued, close the segment and end the thread."""
        with self._wanted:
            self._stopping = True
            self._wanted.notify()
        self._thread.join()

    def _commit_here(self) -> None:
        """Commit on the event loop, unless that would take long."""
        if self._gathers() and self._soon is not None:
            self._soon(self._commit_here)
            return
        batch: list[_Pending] = []
        refusal = None
        if self._writing.acquire(blocking=False):
            try:
                if self._is_quick():
                    batch = self._take()
                    refusal = self._commit(batch, here=True)
            finally:
                self._writing.release()
        with self._wanted:
            self._scheduled = False
            if self._has_work():
                self._wanted.notify()
        self._tell(batch, refusal)

    def _gathers(self) -> bool:
        """Whether more requests are coming in right now that may share the sync, which is what costs.

        A client that was just answered needs a moment to ask again. One that is alone is never waited for.
        """
        if self._sync is not Sync.REQUEST:
            return False
        now = time.monotonic()
        if not self._rows_seen:
            self._gathers_until = now + GATHER_S
        if self._pending_rows > self._rows_seen:
            self._rows_seen, self._grew_at = self._pending_rows, now
        several = self._rows_seen > 1 or self._rows_of_last > 1
        # As many as the last time are probably all there are.
        lull_s = LULL_S if self._rows_seen < self._rows_of_last else LULL_S / 8
        if several and now < min(self._gathers_until, self._grew_at + lull_s):
            return True
        self._rows_of_last, self._rows_seen = self._rows_seen, 0
        return False

    def _is_quick(self) -> bool:
        """Whether a commit is short, needs no new segment and meets no failing disk."""
        if self._pending_bytes > QUICK_BYTES:
            return False
        segment = self._segment
        has_room = segment is not None and segment.has_room(self._pending_bytes)
        return (has_room or self._spare is not None) and time.monotonic() >= self._failed_at + RETRY_S

    def _run(self) -> None:
        while True:
            with self._wanted:
                if not self._has_work():
                    self._wanted.wait(self._patience_s())
                stopping = self._stopping
                rotating, self._rotating = self._rotating, False
                spare_wanted, self._spare_wanted = self._spare_wanted and not stopping, False
                here = self._scheduled and not stopping
            if not here:
                with self._writing:
                    batch = self._take()
                    refusal = self._commit(batch, here=False)
                self._tell(batch, refusal)
            self._tidy(stopping, rotating)
            if spare_wanted:
                self._make_spare()
            if stopping and not self._pending:
                return

    def _has_work(self) -> bool:
        pending = bool(self._pending) and not self._scheduled
        return pending or bool(self._full) or self._stopping or self._rotating or self._spare_wanted

    def _patience_s(self) -> float | None:
        """How long to wait for lines before something else is due: a sync, or the closing of an old segment."""
        if self._unsynced_since is not None:
            return max(0.0, self._unsynced_since + INTERVAL_S - time.monotonic())
        if self._segment is not None and not self._segment.empty:
            return max(0.0, self._began + self._segment_s - time.monotonic())
        return None

    def _take(self) -> list[_Pending]:
        with self._wanted:
            batch, self._pending = self._pending, []
            self._pending_bytes = self._pending_rows = 0
        return batch

    def _tell(self, batch: list[_Pending], refusal: JournalUnavailable | None) -> None:
        for pending in batch:
            pending.done(refusal)

    def _commit(self, batch: list[_Pending], *, here: bool) -> JournalUnavailable | None:
        """Write the lines, ``here`` on the loop or in the thread; gives why they are not written, if they are not."""
        if not batch:
            return None
        began = time.monotonic()
        if began < self._failed_at + RETRY_S:
            return JournalUnavailable("The journal's disk has just failed. Try again shortly.")
        try:
            self._write(b"".join(pending.lines for pending in batch))
        except Exception as error:  # noqa: BLE001 - a boundary: whoever waits must hear of it
            return JournalUnavailable(f"The prediction could not be written to the journal: {self._fail(error)}.")
        ended = time.monotonic()
        if here:
            self._away_s = 0.0 if ended - began <= QUICK_S else min(max(2 * self._away_s, AWAY_S[0]), AWAY_S[1])
            self._not_here_before = ended + self._away_s
        return None

    def _write(self, lines: bytes) -> None:
        segment = self._segment
        if segment is None or not segment.has_room(len(lines)):
            segment = self._next_segment()
        if self._n_told < len(self._versions):
            self._tell_versions(segment)
        if segment.empty:
            self._began = time.monotonic()
            self._wake()
        segment.write(lines)
        match self._sync:
            case Sync.REQUEST:
                segment.sync()
            case Sync.INTERVAL if self._unsynced_since is None:
                self._unsynced_since = time.monotonic()
                self._wake()
        segment.keep()
        if self._spare is None and not segment.has_room(self._segment_bytes // 2):
            self._spare_wanted = True

    def _next_segment(self) -> Segment:
        """Go on in another segment; the thread closes the one before."""
        segment = self._spare or self._new_segment()
        if self._segment is not None:
            self._full.append(self._segment)
        self._segment, self._spare, self._unsynced_since = segment, None, None
        self._n_told = 0
        return segment

    def _new_segment(self) -> Segment:
        self._n_segments += 1
        return Segment(self._folder, SegmentName(self.writer, self._n_segments), self._segment_bytes, self._disk)

    def _make_spare(self) -> None:
        """Have the next segment ready, so that nobody waits while it is filled."""
        if self._spare is not None or time.monotonic() < self._no_spare_before:
            return
        try:
            spare = self._new_segment()
        except OSError:
            # The one that is open is as good as before; who needs another will be told.
            self._no_spare_before = time.monotonic() + RETRY_S
            return
        with self._writing:
            self._spare = spare

    def _tell_versions(self, segment: Segment) -> None:
        untold = self._versions[self._n_told :]
        tell = segment.preface if segment.empty else segment.write
        tell(b"".join(untold))
        self._n_told += len(untold)

    def _tidy(self, stopping: bool, rotating: bool) -> None:
        """Do what time has made due."""
        with self._writing:
            try:
                self._sync_if_due(stopping)
            except Exception as error:  # noqa: BLE001 - a thread that ended would leave every request waiting
                self._fail(error)
            segment = self._segment
            old = rotating or time.monotonic() >= self._began + self._segment_s
            if stopping or (old and segment is not None and not segment.empty):
                self._full += filter(None, (segment, self._spare if stopping else None))
                self._segment, self._spare = None if stopping else self._spare, None
                self._n_told, self._unsynced_since = 0, None
                self._spare_wanted = not stopping
            leaving, self._full = self._full, []
        for each in leaving:
            try:
                each.close()
            except OSError as error:
                # It keeps its name and loses its lock, so that whoever drains closes it.
                logger.error("segment cannot be closed", extra={"segment": str(each.name), "why": error.strerror})

    def _sync_if_due(self, stopping: bool) -> None:
        if self._unsynced_since is None or (not stopping and time.monotonic() < self._unsynced_since + INTERVAL_S):
            return
        self._unsynced_since = None
        if self._segment is not None:
            self._segment.sync()

    def _wake(self) -> None:
        """Let the thread see that something will be due."""
        with self._wanted:
            self._wanted.notify()

    def _fail(self, error: Exception) -> str:
        """Leave the segment, and say why: what a disk says of a file after an error is not to be relied on."""
        why = error.strerror if isinstance(error, OSError) and error.strerror else type(error).__name__
        logger.error("journal cannot be written", extra={"why": why})
        self._failed_at = time.monotonic()
        segment, self._segment, self._unsynced_since = self._segment, None, None
        self._n_told = 0
        if segment is not None:
            segment.abandon()
        return why
