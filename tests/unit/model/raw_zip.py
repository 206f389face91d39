"""Zip files written field by field, so that each field can lie."""

from __future__ import annotations

import functools
import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

STORED, DEFLATED = 0, 8
UTF8, DESCRIPTOR = 0x800, 0x8


@dataclass(frozen=True)
class Entry:
    """A file of the archive; what is None is computed, ``local_…`` is what its own header says instead."""

    name: bytes
    data: bytes = b""
    method: int = STORED
    flags: int = 0
    mode: int = 0o100644
    system: int = 3
    dos_attributes: int = 0
    crc: int | None = None
    size: int | None = None
    packed_size: int | None = None
    extra: bytes = b""
    comment: bytes = b""
    offset: int | None = None
    disk: int = 0
    local_name: bytes | None = None
    local_flags: int | None = None
    local_method: int | None = None
    local_crc: int | None = None
    local_size: int | None = None
    local_packed_size: int | None = None
    local_extra: bytes = b""
    local_mark: bytes = b"PK\x03\x04"
    descriptor: bytes = b""
    #: Bytes between this entry and the next.
    gap: bytes = b""
    #: Whether it has a place of its own in the archive, or is in the directory only.
    written: bool = True

    @functools.cached_property
    def packed(self) -> bytes:
        if self.method != DEFLATED:
            return self.data
        packer = zlib.compressobj(1, zlib.DEFLATED, -15)
        return packer.compress(self.data) + packer.flush()

    def facts(self) -> tuple[int, int, int]:
        packed = len(self.packed) if self.packed_size is None else self.packed_size
        crc = zlib.crc32(self.data) if self.crc is None else self.crc
        return crc, packed, len(self.data) if self.size is None else self.size


def _or(told: int | None, true: int) -> int:
    return true if told is None else told


def local(entry: Entry) -> bytes:
    """An entry's own header, its data, and what follows."""
    crc, packed, size = entry.facts()
    name = entry.name if entry.local_name is None else entry.local_name
    head = struct.pack(
        "<4s5H3L2H",
        entry.local_mark,
        20,
        _or(entry.local_flags, entry.flags),
        _or(entry.local_method, entry.method),
        0,
        0x21,
        _or(entry.local_crc, crc),
        _or(entry.local_packed_size, packed),
        _or(entry.local_size, size),
        len(name),
        len(entry.local_extra),
    )
    return head + name + entry.local_extra + entry.packed + entry.descriptor + entry.gap


def central(entry: Entry, offset: int) -> bytes:
    """An entry's record in the directory."""
    head = struct.pack(
        "<4s6H3L5H2L",
        b"PK\x01\x02",
        entry.system << 8 | 20,
        20,
        entry.flags,
        entry.method,
        0,
        0x21,
        *entry.facts(),
        len(entry.name),
        len(entry.extra),
        len(entry.comment),
        entry.disk,
        0,
        (entry.mode << 16 | entry.dos_attributes) & 0xFFFFFFFF,
        offset,
    )
    return head + entry.name + entry.extra + entry.comment


@dataclass(frozen=True)
class End:
    """The record at the end of the archive; what is None is true."""

    disk: int = 0
    first_disk: int = 0
    here: int | None = None
    total: int | None = None
    size: int | None = None
    start: int | None = None
    comment: bytes = b""
    comment_length: int | None = None
    zip64: bool = False
    zip64_start: int | None = None
    zip64_total: int | None = None
    locator_at: int | None = None


def archive(
    entries: Sequence[Entry], *, prefix: bytes = b"", between: bytes = b"", suffix: bytes = b"", end: End = End()
) -> bytes:
    """A whole zip; ``between`` stands between the entries and the directory."""
    contents, records = bytearray(prefix), bytearray()
    for entry in entries:
        records += central(entry, len(contents) if entry.offset is None else entry.offset)
        if entry.written:
            contents += local(entry)
    contents += between
    start, count, directory = len(contents), len(entries), bytes(records)
    body = bytes(contents) + directory
    if end.zip64:
        at = len(body)
        total = _or(end.zip64_total, count)
        body += struct.pack(
            "<4sQ2H2L4Q", b"PK\x06\x06", 44, 45, 45, 0, 0, total, total, len(directory), _or(end.zip64_start, start)
        )
        body += struct.pack("<4sLQL", b"PK\x06\x07", 0, _or(end.locator_at, at), 1)
    body += struct.pack(
        "<4s4H2LH",
        b"PK\x05\x06",
        end.disk,
        end.first_disk,
        _or(end.here, count) & 0xFFFF,
        _or(end.total, count) & 0xFFFF,
        _or(end.size, len(directory)) & 0xFFFFFFFF,
        _or(end.start, start) & 0xFFFFFFFF,
        _or(end.comment_length, len(end.comment)),
    )
    return body + end.comment + suffix


def plain(files: dict[str, bytes]) -> list[Entry]:
    """Entries as any tool would write them."""
    return [Entry(name.encode(), data, flags=0 if name.isascii() else UTF8) for name, data in files.items()]


def changed(entries: Sequence[Entry], name: str, **fields: object) -> list[Entry]:
    """The same entries, the fields of one of them set."""
    return [
        replace(entry, **fields) if entry.name == name.encode() else entry  # type: ignore[arg-type]
        for entry in entries
    ]
