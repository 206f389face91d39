"""One worker's journal: the versions that answer, and the predictions of each."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from itertools import repeat
from pathlib import Path
from typing import NamedTuple

import msgspec

from garcom.errors import JournalUnavailable
from garcom.journal.committer import Committer, Done, Sync
from garcom.journal.lines import Version, encode
from garcom.storage.disk import DISK, Disk

#: Where the segments of a home folder are.
JOURNAL_FOLDER = "journal"
#: Bytes that may wait for the disk; past it predictions are refused, because the disk does not keep up.
MAX_PENDING_BYTES = 64 * 1024 * 1024


class Origin(NamedTuple):
    """Where a request comes from, as it is written beside its predictions; ``subject`` is a pseudonym already.

    ``role`` says why this version answered: ``stable`` as the one that answers for the model, ``pinned`` because the
    request named it.
    """

    request_id: str | None = None
    key: str | None = None
    subject: str | None = None
    role: str = "stable"

    def of_rows(self, n_rows: int) -> Iterator[Origin]:
        """The origin of each row of a request; where there are several, no two of them share its key."""
        if self.key is None or n_rows == 1:
            return repeat(self, n_rows)
        return (self._replace(key=f"{self.key}/{row}") for row in range(n_rows))


class Journal:
    """Appends whole lines, and sees to it that every segment tells the versions that its lines are of."""

    def __init__(self, folder: Path, *, sync: Sync, segment_bytes: int, segment_s: float, disk: Disk = DISK) -> None:
        self._versions: list[bytes] = []
        self._committer = Committer(
            folder,
            self._versions,
            sync=sync,
            segment_bytes=segment_bytes,
            segment_s=segment_s,
            max_pending_bytes=MAX_PENDING_BYTES,
            disk=disk,
        )

    def commit_on(self, loop: asyncio.AbstractEventLoop) -> None:
        """Commit on this event loop while the disk is quick; from now on, append there only."""
        self._committer.commit_on(loop.call_soon)

    def introduce(self, version: Version) -> int:
        """Tell of a version, or of one in another role, and give the number that its lines begin with."""
        number = len(self._versions)
        self._versions.append(encode(msgspec.structs.replace(version, v=number)) + b"\n")
        return number

    def append(self, lines: bytes, done: Done) -> None:
        """Queue whole lines; ``done`` is told once what became of them, on the loop or in the committer's thread."""
        try:
            self._committer.append(lines, done)
        except JournalUnavailable as error:
            done(error)

    def rotate(self) -> None:
        """Close the open segment soon."""
        self._committer.rotate()

    def close(self) -> None:
        """Write what is queued and close the segment; it blocks."""
        self._committer.close()
