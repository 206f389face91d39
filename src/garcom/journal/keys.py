"""Idempotency keys: which request was answered with what, so that its repetition gets the same answer.

A key is claimed before anything is computed and settled once the prediction stands in the journal. The truth is the
journal's row, which carries the key; this file only spares looking for it. It may therefore be written without a
sync: what a killed process wrote is in the system's memory, and after a power cut, which another boot id betrays, the
file is thrown away and built again from journal and lake.
"""

from __future__ import annotations

import contextlib
import hashlib
import random
import re
import sqlite3
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple, TypeVar

from garcom.errors import GarcomError, InputError, JournalUnavailable
from garcom.journal import keys_file
from garcom.journal.keys_file import Row
from garcom.journal.lines import encode
from garcom.journal.owners import Owner
from garcom.storage.lock import locked

T = TypeVar("T")

LIFETIME_S: Final = 24 * 3600
#: How long a call waits for the other processes before it gives up with 503.
PATIENCE_S: Final = 5.0
_VISIBLE = re.compile(r"[!-~]{1,255}")
#: How the rows of one request are told apart in the journal: a key of this form could be taken for one of them.
_ROW = re.compile(r"/[0-9]+\Z")
#: The owner of a claim that nobody holds any more.
_NOBODY: Final = 0


class Scope(NamedTuple):
    """Where a key counts: the model, and the version where the path names one."""

    model: str
    version: str = ""


class Answer(NamedTuple):
    """A 200 as it was sent. ``id`` is the first prediction's, ``subject`` the pseudonym of whom it is about."""

    media_type: str
    body: bytes
    id: str
    subject: str | None = None


class Kept(NamedTuple):
    """A request of which journal or lake still know a prediction (``id``), for building the store again."""

    scope: Scope
    key: str
    id: str


@dataclass(frozen=True, slots=True)
class Claimed:
    """The key is yours: compute, then settle or release it."""

    digest: bytes
    body_digest: bytes


@dataclass(frozen=True, slots=True)
class Orphaned:
    """The key is yours, and was that of a process which died, or of another boot of the machine.

    Look for its rows in journal and lake before computing.
    """

    digest: bytes
    body_digest: bytes


Claim = Claimed | Orphaned


@dataclass(frozen=True, slots=True)
class Answered:
    """The request was answered; give the same answer."""

    answer: Answer


@dataclass(frozen=True, slots=True)
class Busy:
    """Someone alive is computing the answer: come back shortly."""


@dataclass(frozen=True, slots=True)
class Mismatch:
    """The key was used with another body, which is the caller's mistake."""


def checked_key(text: str) -> str:
    """A key as it may be used. Raises InputError, which does not repeat it, for one that may not."""
    if not _VISIBLE.fullmatch(text):
        raise InputError(
            "Expected one Idempotency-Key of 1 to 255 visible ASCII characters, got something else. Use a random UUID, "
            "or a name of your own for the request."
        )
    if _ROW.search(text):
        raise InputError(
            "Expected an Idempotency-Key that does not end in a slash and digits, got one that does: the rows of one "
            "request are told apart in this way. Use another character than the slash."
        )
    return text


def digest_of(media_type: str, body: bytes) -> bytes:
    """What tells one body from another."""
    digest = hashlib.sha256(media_type.encode())
    digest.update(b"\0")
    digest.update(body)
    return digest.digest()


class KeyStore:
    """The keys of one home folder, shared by its processes; one store for each process, made after a fork.

    Its methods may be called from any thread. They raise JournalUnavailable when the disk is full or failing, or the
    others take longer than ``PATIENCE_S``. ``rebuild`` gives the keys of the last ``lifetime_s`` seconds; it is
    called by whichever process first finds that there is no whole file of this boot.
    """

    def __init__(
        self,
        folder: Path,
        rebuild: Callable[[], Iterable[Kept]] = tuple,
        *,
        lifetime_s: float = LIFETIME_S,
        clock: Callable[[], float] = time.time,
        boot: Callable[[], str] = keys_file.boot_id,
    ) -> None:
        self._folder = folder
        self._path = folder / "keys.db"
        self._rebuild = rebuild
        self._lifetime_ms = int(lifetime_s * 1000)
        self._clock = clock
        self._boot = boot
        self._mutex = threading.Lock()
        self._owner: Owner | None = None
        self._connection: sqlite3.Connection | None = None
        self._inode = 0
        self._just_opened = False
        #: Claims under way here; and those that were given up while the disk failed, to be marked as nobody's.
        self._held: dict[bytes, bytes] = {}
        self._left: set[bytes] = set()

    def open(self) -> None:
        """Open the file, or build it; a claim does so too, but may have to wait for it."""
        self._run(lambda connection: None)

    def close(self) -> None:
        """End; claims that are still held count as orphaned from now on."""
        with self._mutex:
            self._disconnect()
            self._held.clear()
            if self._owner is not None:
                self._owner.close()
                self._owner = None

    def claim(self, scope: Scope, key: str, body_digest: bytes) -> Claim | Answered | Busy | Mismatch:
        """Ask for a key. A claim that is given must be settled, released or abandoned.

        Raises InputError for a key of a wrong form.
        """
        digest = _digest(scope, checked_key(key))

        try:
            return self._run(lambda connection: self._claim(connection, digest, body_digest), self._hold)
        except BaseException:
            self._left.add(digest)
            raise

    def settle(self, claim: Claim, answer: Answer) -> None:
        """Keep the answer. If that fails, the journal still knows it: the next claim of the key is orphaned."""
        row = Row(claim.digest, claim.body_digest, None, *answer, self._expiry())
        with self._left_if_failed(claim.digest):
            self._run(lambda connection: keys_file.settle(connection, row, self._me, _NOBODY))
        self._held.pop(claim.digest, None)

    def release(self, claim: Claim) -> None:
        """Give a claim back of which nothing was written. An orphaned one stays so: what came of it is not known."""
        if isinstance(claim, Orphaned):
            return self.abandon(claim)
        with self._left_if_failed(claim.digest):
            self._run(lambda connection: keys_file.release(connection, claim.digest, self._me))
        self._held.pop(claim.digest, None)
        return None

    def abandon(self, claim: Claim) -> None:
        """Give a claim back of which a row may have been written: the next to claim the key has to look."""
        self._give_up(claim.digest)
        self._run(lambda connection: None)

    def forget_subject(self, subject: str) -> int:
        """Erase the answers about a subject, so that no byte of them stays in the file; how many there were."""
        return self._run(lambda connection: keys_file.forget(connection, "subject", [subject]))

    def forget_ids(self, ids: Iterable[str]) -> int:
        """Erase the answers whose first prediction is one of these; how many there were."""
        return self._run(lambda connection: keys_file.forget_ids(connection, ids))

    def expire(self, limit: int = 1000) -> int:
        """Remove up to ``limit`` keys that have had their time; how many there were."""
        return self._run(lambda connection: keys_file.expire(connection, self._now(), limit))

    def _claim(
        self, connection: sqlite3.Connection, digest: bytes, body_digest: bytes
    ) -> Claim | Answered | Busy | Mismatch:
        row = keys_file.find(connection, digest)
        busy = row is not None and row.body is None and self._computes(row)
        if row is None or (row.expires_at <= self._now() and not busy):
            keys_file.put(connection, self._under_way(digest, body_digest))
            return Claimed(digest, body_digest)
        # What was built again from the journal does not know its body.
        if row.body_digest is not None and row.body_digest != body_digest:
            return Mismatch()
        if row.body is not None:
            return Answered(Answer(row.media_type or "", row.body, row.id or "", row.subject))
        if busy:
            return Busy()
        keys_file.take(connection, digest, self._me)
        return Orphaned(digest, body_digest)

    def _hold(self, outcome: Claim | Answered | Busy | Mismatch) -> None:
        if isinstance(outcome, Claimed | Orphaned):
            self._held[outcome.digest] = outcome.body_digest

    def _computes(self, row: Row) -> bool:
        if row.owner == self._me:
            return row.digest in self._held
        return bool(row.owner) and self._identity().lives(row.owner or _NOBODY)

    @property
    def _me(self) -> int:
        return self._identity().number

    def _identity(self) -> Owner:
        if self._owner is None:
            self._owner = Owner(self._folder / "keys.owners")
        return self._owner

    def _now(self) -> int:
        return int(self._clock() * 1000)

    def _expiry(self) -> int:
        return self._now() + self._lifetime_ms

    @contextlib.contextmanager
    def _left_if_failed(self, digest: bytes) -> Iterator[None]:
        """What a disk says of a change after an error is not to be relied on: someone has to look in the journal."""
        try:
            yield
        except BaseException:
            self._give_up(digest)
            raise

    def _give_up(self, digest: bytes) -> None:
        # In this order: what is held is never marked as nobody's, even if another thread claims it in between.
        self._held.pop(digest, None)
        self._left.add(digest)

    def _run(self, work: Callable[[sqlite3.Connection], T], committed: Callable[[T], None] | None = None) -> T:
        """Do the work in one transaction; its result is given only when the transaction has been committed."""
        deadline = time.monotonic() + PATIENCE_S
        if not self._mutex.acquire(timeout=PATIENCE_S):
            raise _unavailable("another request holds them for too long")
        try:
            result = self._repaired(work, deadline)
            if committed is not None:
                committed(result)
            return result
        except (sqlite3.Error, GarcomError) as error:
            raise _unavailable(str(error)) from error
        except OSError as error:
            raise _unavailable(error.strerror or type(error).__name__) from error
        finally:
            self._mutex.release()

    def _repaired(self, work: Callable[[sqlite3.Connection], T], deadline: float) -> T:
        """Do the work, with a new file if the old one turns out to be damaged or gone."""
        try:
            return self._attempt(work, deadline)
        except sqlite3.Error as error:
            if not keys_file.is_lost(error):
                raise
        return self._attempt(work, deadline)

    def _attempt(self, work: Callable[[sqlite3.Connection], T], deadline: float) -> T:
        try:
            connection = self._connected()
            _insist(connection, "BEGIN IMMEDIATE", deadline)
            left = self._catch_up(connection)
            result = work(connection)
            _insist(connection, "COMMIT", deadline)
        except BaseException as error:
            self._disconnect()
            if isinstance(error, sqlite3.Error) and keys_file.is_damaged(error):
                self._discard()
            raise
        self._left -= left
        self._just_opened = False
        return result

    def _catch_up(self, connection: sqlite3.Connection) -> set[bytes]:
        """Write what the file does not know yet; gives the claims that were marked as nobody's, or need not be."""
        left = self._left.copy()
        if left:
            keys_file.leave(connection, left - self._held.keys(), self._me, _NOBODY)
        if self._just_opened:
            # A file that was built while requests were under way does not know of them.
            held = self._held.copy().items()
            keys_file.add(connection, [self._under_way(digest, body_digest) for digest, body_digest in held])
        return left

    def _under_way(self, digest: bytes, body_digest: bytes) -> Row:
        return Row(digest, body_digest, self._me, None, None, None, None, self._expiry())

    def _connected(self) -> sqlite3.Connection:
        # Another process may have found the file damaged and put a new one in its place.
        if self._connection is not None and keys_file.inode(self._path) != self._inode:
            self._disconnect()
        if self._connection is None:
            self._connection = self._open()
        return self._connection

    def _open(self) -> sqlite3.Connection:
        self._folder.mkdir(parents=True, exist_ok=True)
        with self._alone():
            if not keys_file.is_whole(self._path, self._boot()):
                keys_file.build(self._path, self._boot(), self._rows())
            connection = keys_file.connect(self._path, PATIENCE_S)
            self._inode = keys_file.inode(self._path)
        self._just_opened = True
        return connection

    def _rows(self) -> Iterator[Row]:
        now = self._now()
        for scope, key, id in self._rebuild():
            expires_at = keys_file.milliseconds(id) + self._lifetime_ms
            if expires_at > now:
                # As if its owner had died: whoever claims it finds the answer where this was found.
                yield Row(_digest(scope, key), None, _NOBODY, None, None, None, None, expires_at)

    def _discard(self) -> None:
        """Throw a damaged file away, unless another process has done so already."""
        with self._alone():
            if keys_file.inode(self._path) == self._inode:
                keys_file.remove(self._path)

    def _alone(self) -> contextlib.AbstractContextManager[None]:
        return locked(self._folder / "keys.lock", PATIENCE_S)

    def _disconnect(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with contextlib.suppress(sqlite3.Error):
                connection.close()


def _digest(scope: Scope, key: str) -> bytes:
    return hashlib.sha256(encode([*scope, key])).digest()


def _insist(connection: sqlite3.Connection, statement: str, deadline: float) -> None:
    """SQLite's own waiting sleeps a hundred times longer than a transaction of another process takes."""
    while True:
        try:
            connection.execute(statement)
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
        time.sleep(random.uniform(2e-5, 3e-4))


def _unavailable(why: str) -> JournalUnavailable:
    return JournalUnavailable(f"The idempotency keys cannot be read or written: {why}. Try again shortly.")
