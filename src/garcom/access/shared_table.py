"""A table of counts that the processes of one machine share: one file, mapped into the memory of each.

A record belongs to a key and has a lane for every process. A process writes to its own lane only and adds up the
others', so nothing is ever lost to a race, and a process that is killed leaves no lock behind: its lane is taken by
whoever comes next, and what it counted stays counted. Numbers are aligned words of eight bytes, written whole.
"""

from __future__ import annotations

import contextlib
import hashlib
import mmap
import os
import sys
import time
from contextlib import AbstractContextManager
from pathlib import Path

from garcom.errors import Unavailable
from garcom.storage.lock import locked

WORD_BYTES = 8
#: How long a starting process waits for the table; whoever holds it is done in microseconds.
LOCK_TIMEOUT_S = 5.0
#: How often, and after which pauses, one looks again that wants a record: whoever gives up counts alone for a while,
#: and lets as much pass as the others together.
_TRIES = 40
_PAUSE_S = 0.0005
#: In the head of the table: how many lanes were ever taken.
LANES_TAKEN = 0
HEAD_WORDS = 8
#: In the head of a record: the key's fingerprint, and for how long its counts matter.
FINGERPRINT = 0
LIFETIME = 1
RECORD_HEAD_WORDS = 2
#: So many records are looked at for a key before it gets none.
_PROBES = 64
_FINGERPRINT_BYTES = 7  # so that it is a positive number, and 0 no key


class SharedTable:
    """``n_records`` records with ``n_lanes`` lanes of ``lane_words`` words each, in the file ``path``.

    ``stamps`` are the words of a lane that tell when something was counted: a record is given to another key when the
    newest of them is older than its lifetime. Without a path it is a table of this process alone.
    Raises OSError where there can be no such file.
    """

    def __init__(self, path: Path | None, *, n_records: int, n_lanes: int, lane_words: int, stamps: slice) -> None:
        self.n_lanes = n_lanes
        self.lane_words = lane_words
        self._stamps = stamps
        self._n_records = n_records
        self._path = path
        self._held = contextlib.ExitStack()
        self._map = _mapped(path, WORD_BYTES * (HEAD_WORDS + n_records * self.record_words))
        self.words = memoryview(self._map).cast("q")
        #: Which lane is this process's; None where all are taken.
        self.lane = self._take_lane()

    @property
    def record_words(self) -> int:
        """The length of a record."""
        return RECORD_HEAD_WORDS + self.n_lanes * self.lane_words

    @property
    def lanes_taken(self) -> int:
        """How many lanes may hold counts; the others were never used."""
        return self.words[LANES_TAKEN]

    def lane_at(self, record: int, lane: int) -> int:
        """Where a lane of the record begins."""
        return record + RECORD_HEAD_WORDS + lane * self.lane_words

    def find(self, key: str, lifetime: int, now: int) -> int | None:
        """Where the key's record begins, made if need be; None where the table is full, or busy for too long."""
        if self.lane is None:
            return None
        wanted = fingerprint(key)
        for _ in range(_TRIES):
            with contextlib.suppress(Unavailable), self._locked():
                return self._find(wanted, lifetime, now)
            time.sleep(_PAUSE_S)
        return None

    def close(self) -> None:
        """Give the lane back."""
        self._held.close()
        self.words.release()
        with contextlib.suppress(BufferError):  # somebody still looks at it; it goes with the process
            self._map.close()

    def _find(self, wanted: int, lifetime: int, now: int) -> int | None:
        words, free = self.words, None
        for probe in range(_PROBES):
            record = HEAD_WORDS + (wanted + probe) % self._n_records * self.record_words
            found = words[record + FINGERPRINT]
            if found == wanted:
                return record
            if free is None and (found == 0 or self._newest(record) + words[record + LIFETIME] < now):
                free = record
            if found == 0:
                break  # a record that was used once is never empty again, so the key stands nowhere behind it
        if free is not None:
            words[free + FINGERPRINT] = 0
            for at in range(free + RECORD_HEAD_WORDS, free + self.record_words):
                words[at] = 0
            words[free + LIFETIME] = lifetime
            words[free + FINGERPRINT] = wanted
        return free

    def _newest(self, record: int) -> int:
        lanes = (self.lane_at(record, lane) for lane in range(max(1, self.lanes_taken)))
        return max(max(self.words[lane : lane + self.lane_words][self._stamps]) for lane in lanes)

    def _locked(self, timeout_s: float = 0) -> AbstractContextManager[None]:
        return contextlib.nullcontext() if self._path is None else locked(self._path.with_suffix(".lock"), timeout_s)

    def _take_lane(self) -> int | None:
        for lane in range(self.n_lanes):
            with contextlib.suppress(Unavailable):
                if self._path is not None:
                    self._held.enter_context(locked(self._path.with_suffix(f".lane-{lane}"), timeout_s=0))
                with self._locked(LOCK_TIMEOUT_S):
                    self.words[LANES_TAKEN] = max(self.lanes_taken, lane + 1)
                return lane
        return None


def fingerprint(key: str) -> int:
    """The number under which a key is found."""
    return int.from_bytes(hashlib.blake2b(key.encode(), digest_size=_FINGERPRINT_BYTES).digest(), "little") or 1


def _mapped(path: Path | None, size: int) -> mmap.mmap:
    if path is None:
        return mmap.mmap(-1, size)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), 0o600)
    try:
        if os.fstat(descriptor).st_size < size:
            if sys.platform == "linux":
                # Taken from the disk now: writing to a mapped page for which there is no room kills the process.
                os.posix_fallocate(descriptor, 0, size)
            else:
                os.truncate(descriptor, size)
        return mmap.mmap(descriptor, size)
    finally:
        os.close(descriptor)
