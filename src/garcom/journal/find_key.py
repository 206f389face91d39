"""Finds the rows of an idempotency key in the journal, for when the answer itself is no longer known.

A row that has left the journal is in the lake: look here first and there afterwards, and no row is missed.
"""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import msgspec

from garcom.journal.lines import Entry, Version, decode_version, encode
from garcom.journal.reader import read_segment
from garcom.journal.segment import CLOSED, OPEN

_ENTRY = msgspec.json.Decoder(Entry)


class Found(NamedTuple):
    """A row with a key, and the version that answered it."""

    version: Version
    entry: Entry


def find_key(folder: Path, key: str) -> list[Found]:
    """The whole rows that carry ``key``, or ``<key>/<row>``, in the order of the rows.

    Several requests may have used the same key for different models or paths: compare the version's model. A request
    of several rows that was cut off while it was written has fewer rows here than it had. What is found is durable:
    it may be acknowledged.
    """
    # Searched as bytes before anything is decoded: a row of other keys costs next to nothing.
    needle = encode(key)[:-1]
    row_of = re.compile(re.escape(key) + r"(?:/([0-9]+))?")
    rows: list[tuple[int, Found]] = []
    for path in _segments(folder):
        data = _read(path)
        found = [
            (int(match[1] or 0), Found(version, entry))
            for version, entry in _matching(data, needle)
            if entry.key is not None and (match := row_of.fullmatch(entry.key))
        ]
        if found:
            _make_durable(path)
            rows += found
    return [found for _, found in sorted(rows, key=lambda row: (row[0], row[1].entry.id))]


def keyed_rows(folder: Path, since_us: int = 0) -> Iterator[Found]:
    """All rows that carry a key and are not older than ``since_us`` (Unix µs), segment by segment."""
    for path in _segments(folder):
        path = _present(path)
        try:
            _, entries = read_segment(path)
        except FileNotFoundError:
            continue
        found = [
            Found(version, entry) for version, entry in entries if entry.key is not None and entry.time_us >= since_us
        ]
        if found:
            _make_durable(path)
            yield from found


def _segments(folder: Path) -> list[Path]:
    return sorted(path for path in folder.glob("*") if path.suffix in (OPEN, CLOSED))


def _present(path: Path) -> Path:
    """Where a segment is that may have been closed meanwhile."""
    return path if path.exists() else path.with_suffix(CLOSED)


def _read(path: Path) -> bytes:
    """What stands in a segment; nothing if it has gone to the lake. Not mapped: it may be cut while it is read."""
    for place in (path, path.with_suffix(CLOSED)):
        try:
            return place.read_bytes().rstrip(b"\n")
        except FileNotFoundError:
            continue
    return b""


def _matching(data: bytes, needle: bytes) -> Iterator[tuple[Version, Entry]]:
    """The entries of the lines with the needle, which may also stand in an input value."""
    lines = list(_lines_with(data, needle))
    if not lines:
        return
    versions: dict[int, Version] = {}
    # No other line but the header begins with a brace, and no line holds a newline.
    for line in _lines_with(data, b"\n{"):
        with contextlib.suppress(msgspec.DecodeError):
            version = decode_version(line)
            versions[version.v] = version
    for line in lines:
        # A line that is cut off was never acknowledged.
        with contextlib.suppress(msgspec.DecodeError, KeyError):
            entry = _ENTRY.decode(line)
            yield versions[entry.v], entry


def _lines_with(data: bytes, needle: bytes) -> Iterator[bytes]:
    """The lines in which the needle ends, each once."""
    at = data.find(needle)
    while at >= 0:
        last = at + len(needle) - 1
        start, end = data.rfind(b"\n", 0, last) + 1, data.find(b"\n", last)
        end = end if end >= 0 else len(data)
        yield data[start:end]
        at = data.find(needle, end)


def _make_durable(path: Path) -> None:
    """A writer that was killed may have written without having synced."""
    try:
        fd = os.open(_present(path), os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return  # it is in the lake
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
