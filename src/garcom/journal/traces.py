"""Where in the journal's files a person's rows stand, and how they leave files that nobody can drain."""

from __future__ import annotations

import os
import uuid
from pathlib import Path

import msgspec

from garcom.journal.segment import CLOSED, DAMAGED, OPEN
from garcom.storage.durable import sync


def segments_with(folder: Path, pseudonym: str) -> list[str]:
    """The names, without ending, of the segments with rows of this subject, open and closed."""
    wanted = _quoted(pseudonym)
    # A name that changes while the folder is listed can be missed once, but not twice: it changes once.
    names = {path.stem for _ in range(2) for path in folder.glob("*") if path.suffix in (OPEN, CLOSED)}
    return sorted(name for name in names if wanted in _content(folder, name))


def is_gone(folder: Path, name: str) -> bool:
    """Whether a segment of this name, open or closed, is there no more."""
    return not any((folder / f"{name}{suffix}").exists() for suffix in (OPEN, CLOSED))


def clean_damaged(folder: Path, pseudonym: str) -> int:
    """Rewrite the damaged segments without the lines of this subject, and give their number.

    Lines that are not whole go as well, as nobody can tell whose they are; nobody was answered with them.
    """
    return sum(_clean(path, _quoted(pseudonym)) for path in sorted(folder.glob(f"*{DAMAGED}")))


def _clean(path: Path, wanted: bytes) -> int:
    lines = path.read_bytes().splitlines(keepends=True)
    n_found = sum(wanted in line for line in lines)
    kept = [line for line in lines if wanted not in line and _is_whole(line)]
    if len(kept) != len(lines):
        draft = path.with_name(f".{uuid.uuid4().hex}")
        fd = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(fd, "wb") as stream:
            stream.writelines(kept)
        sync(draft)
        draft.replace(path)
        sync(path.parent)
    return n_found


def _is_whole(line: bytes) -> bool:
    if not line.strip():
        return True
    try:
        msgspec.json.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return False
    return True


def _quoted(pseudonym: str) -> bytes:
    return b'"' + pseudonym.encode() + b'"'


def _content(folder: Path, name: str) -> bytes:
    for suffix in (OPEN, CLOSED):  # in the order of its life, so that it is not missed between the two
        try:
            return (folder / f"{name}{suffix}").read_bytes()
        except FileNotFoundError:
            continue
    return b""
