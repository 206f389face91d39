"""Group commit: while one sync is under way, the lines of all requests that come meanwhile gather for the next."""

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
#: How often ``interval`` syncs.
INTERVAL_S = 1.0


class Sync(StrEnum):
    """When a prediction counts as written."""

    REQUEST = "request"
    INTERVAL = "interval"
    OFF = "off"


#: Told once, in the committer's thread, that the lines are written (None), or why they are not.
Done = Callable[[JournalUnavailable | None], None]


class _Pending(NamedTuple):
    lines: bytes
    done: Done


class Committer:
    """Writes one worker's lines, in a thread of its own.

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
        self._pending: list[_Pending] = []
        self._pending_bytes = 0
        self._wanted = threading.Condition()
        self._stopping = False
        self._rotating = False
        #: Segments of one writer are numbered, so that a reader can tell by one number how far it has come.
        self.writer = uuid7s(1)[0]
        self._n_segments = 0
        self._segment: Segment | None = None
        self._began = 0.0
        self._unsynced_since: float | None = None
        self._failed_at = float("-inf")
        self._thread = threading.Thread(target=self._run, name="journal", daemon=True)
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._thread.start()

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
            self._wanted.notify()

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

    def _run(self) -> None:
        while True:
            with self._wanted:
                if not (self._pending or self._stopping or self._rotating):
                    self._wanted.wait(self._patience_s())
                batch, self._pending = self._pending, []
                self._pending_bytes = 0
                stopping = self._stopping and not batch
                rotating, self._rotating = self._rotating, False
            if batch:
                self._commit(batch)
            try:
                self._tidy(stopping, rotating)
            except Exception as error:  # noqa: BLE001 - a thread that ended would leave every request waiting
                self._fail(error)
            if stopping:
                return

    def _patience_s(self) -> float | None:
        """How long to wait for lines before something else is due: a sync, or the closing of an old segment."""
        if self._unsynced_since is not None:
            return max(0.0, self._unsynced_since + INTERVAL_S - time.monotonic())
        if self._segment is not None and not self._segment.empty:
            return max(0.0, self._began + self._segment_s - time.monotonic())
        return None

    def _commit(self, batch: list[_Pending]) -> None:
        lines = b"".join(pending.lines for pending in batch)
        refusal: JournalUnavailable | None = None
        try:
            if time.monotonic() < self._failed_at + RETRY_S:
                raise _StillFailing
            self._write(lines)
        except _StillFailing:
            refusal = JournalUnavailable("The journal's disk has just failed. Try again shortly.")
        except Exception as error:  # noqa: BLE001 - as above: whoever waits must hear of it
            refusal = JournalUnavailable(f"The prediction could not be written to the journal: {self._fail(error)}.")
        for pending in batch:
            pending.done(refusal)

    def _write(self, lines: bytes) -> None:
        segment = self._segment
        if segment is None or not segment.has_room(len(lines)):
            segment = self._next_segment()
        if self._n_told < len(self._versions):
            self._tell_versions(segment)
        segment.write(lines)
        match self._sync:
            case Sync.REQUEST:
                segment.sync()
            case Sync.INTERVAL if self._unsynced_since is None:
                self._unsynced_since = time.monotonic()
        segment.keep()

    def _next_segment(self) -> Segment:
        self._close_segment()
        self._n_segments += 1
        segment = Segment(self._folder, SegmentName(self.writer, self._n_segments), self._segment_bytes, self._disk)
        self._segment = segment
        self._began = time.monotonic()
        self._n_told = 0
        return segment

    def _tell_versions(self, segment: Segment) -> None:
        untold = self._versions[self._n_told :]
        tell = segment.preface if segment.empty else segment.write
        tell(b"".join(untold))
        self._n_told += len(untold)

    def _close_segment(self) -> None:
        segment, self._segment, self._unsynced_since = self._segment, None, None
        if segment is not None:
            segment.close()

    def _tidy(self, stopping: bool, rotating: bool) -> None:
        """Do what time has made due."""
        now = time.monotonic()
        if self._unsynced_since is not None and (stopping or now >= self._unsynced_since + INTERVAL_S):
            self._unsynced_since = None
            if self._segment is not None:
                self._segment.sync()
        old = self._segment is not None and not self._segment.empty and now >= self._began + self._segment_s
        if stopping or rotating or old:
            self._close_segment()

    def _fail(self, error: Exception) -> str:
        """Leave the segment, and say why: what a disk says of a file after an error is not to be relied on."""
        why = error.strerror if isinstance(error, OSError) and error.strerror else type(error).__name__
        logger.error("journal cannot be written", extra={"why": why})
        self._failed_at = time.monotonic()
        segment, self._segment, self._unsynced_since = self._segment, None, None
        if segment is not None:
            segment.abandon()
        return why


class _StillFailing(Exception):
    """The disk failed a moment ago; trying it for each request would make it worse."""
