"""What a zip file says of itself, checked before any of it is unpacked.

The format (PKWARE's APPNOTE 6.3.10) tells everything twice, in the entries' own headers and in the directory at the
end, and lets both lie. Readers that believe one and readers that believe the other would see different files, so only
an archive in which they agree is taken: it begins with its first entry, ends with its directory, and in between lies
one entry after the other, with nothing hidden, shared or overlapping (D. Fifield: A better zip bomb, WOOT 2019).
"""

from __future__ import annotations

import stat
import struct
import zipfile
from typing import IO, NamedTuple

from garcom.errors import BundleError
from garcom.model.file_names import shown

#: Files that one archive may hold, and bytes that its directory may take for each: all of it is read into memory.
FILES_LIMIT = 10_000
_RECORD_LIMIT_BYTES = 512

_END = struct.Struct("<4s4H2LH")
_LOCATOR = struct.Struct("<4sLQL")
_END_64 = struct.Struct("<4sQ2H2L4Q")
_LOCAL = struct.Struct("<4s5H3L2H")
#: §4.4.4: encrypted, patched data, strongly encrypted, masked headers.
_REFUSED_FLAGS = 0x0001 | 0x0020 | 0x0040 | 0x2000
_DESCRIPTOR_FOLLOWS = 0x0008
#: §4.3.9: a descriptor has 12 or 20 bytes, and 4 more where it has a signature.
_DESCRIPTOR_BYTES = (12, 16, 20, 24)
_IN_ZIP64_EXTRA = 0xFFFFFFFF


class Directory(NamedTuple):
    """Where the directory of an archive is."""

    start: int
    n_entries: int


def find_directory(stream: IO[bytes], origin: str) -> Directory:
    """Where the directory is, once it is known to be small enough to be read.

    Raises :class:`~garcom.errors.BundleError` for what is no zip, has something before or behind it, or too much in it.
    """
    length = stream.seek(0, 2)
    if length < _END.size:
        raise not_zip(origin)
    end_at = length - _END.size
    signature, disk, first_disk, here, total, size, start, comment = _END.unpack(_read(stream, end_at, _END.size))
    if signature != b"PK\x05\x06" or comment:
        raise not_zip(origin)
    if end_at >= _LOCATOR.size + _END_64.size:
        mark, _, at, _ = _LOCATOR.unpack(_read(stream, end_at - _LOCATOR.size, _LOCATOR.size))
        if mark == b"PK\x06\x07":
            end_at -= _LOCATOR.size + _END_64.size
            mark, _, _, _, disk, first_disk, here, total, size, start = _END_64.unpack(
                _read(stream, end_at, _END_64.size)
            )
            if mark != b"PK\x06\x06" or at != end_at:
                raise not_zip(origin)
    if disk or first_disk or here != total or start + size != end_at:
        raise not_zip(origin)
    if total > FILES_LIMIT:
        raise BundleError(f"{origin} holds {total:,} files, more than the {FILES_LIMIT:,} that a bundle may have.")
    if size > total * _RECORD_LIMIT_BYTES:
        raise BundleError(f"{origin} has a directory of {size:,} bytes for {total:,} files, more than these may take.")
    return Directory(start, total)


def check_entries(archive: zipfile.ZipFile, stream: IO[bytes], directory: Directory, origin: str) -> None:
    """Raise :class:`~garcom.errors.BundleError` unless every entry is a plain file that lies where it says, alone."""
    entries = sorted(archive.infolist(), key=lambda entry: entry.header_offset)
    if len(entries) != directory.n_entries:
        raise not_zip(origin)
    at = 0
    following = [entry.header_offset for entry in entries[1:]] + [directory.start]
    for entry, next_at in zip(entries, following, strict=True):
        _check_kind(entry, origin)
        if entry.header_offset != at:
            raise _ambiguous(entry, origin)
        gap = next_at - _end_of(stream, entry, origin)
        if gap and not (entry.flag_bits & _DESCRIPTOR_FOLLOWS and gap in _DESCRIPTOR_BYTES):
            raise _ambiguous(entry, origin)
        at = next_at


def not_zip(origin: str) -> BundleError:
    """The refusal of what is no archive, or a damaged one."""
    return BundleError(
        f"Expected a bundle, a folder or a zip file that `garcom pack` made, and {origin} is none, or is damaged. A "
        "trained model's own file (a pickle, joblib or ONNX file) is none: make a bundle of it with `garcom pack`."
    )


def _check_kind(entry: zipfile.ZipInfo, origin: str) -> None:
    mode = entry.external_attr >> 16
    if stat.S_IFMT(mode) not in (0, stat.S_IFREG):
        raise BundleError(f"{shown(entry.filename)} of {origin} is not a plain file, so this is no bundle.")
    if entry.flag_bits & _REFUSED_FLAGS or entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise BundleError(
            f"{shown(entry.filename)} of {origin} is encrypted or packed in a way that bundles are not. `garcom pack "
            "--zip` makes one that can be read."
        )
    if entry.filename != entry.orig_filename or entry.volume:
        raise _ambiguous(entry, origin)


def _end_of(stream: IO[bytes], entry: zipfile.ZipInfo, origin: str) -> int:
    """Where an entry's data end; its own header has to agree with the directory."""
    head = _read(stream, entry.header_offset, _LOCAL.size)
    if len(head) < _LOCAL.size:
        raise _ambiguous(entry, origin)
    mark, _, flags, method, _, _, crc, packed, size, name_bytes, extra_bytes = _LOCAL.unpack(head)
    before_data: int = _LOCAL.size + name_bytes + extra_bytes
    name = stream.read(name_bytes)
    agree = (
        mark == b"PK\x03\x04"
        and flags == entry.flag_bits
        and method == entry.compress_type
        and name == entry.orig_filename.encode("utf-8" if flags & 0x800 else "cp437", "replace")
    )
    if agree and not flags & _DESCRIPTOR_FOLLOWS:
        agree = (
            crc == entry.CRC
            and packed in (entry.compress_size, _IN_ZIP64_EXTRA)
            and size in (entry.file_size, _IN_ZIP64_EXTRA)
        )
    if not agree:
        raise _ambiguous(entry, origin)
    return entry.header_offset + before_data + entry.compress_size


def _ambiguous(entry: zipfile.ZipInfo, origin: str) -> BundleError:
    return BundleError(
        f"{origin} says two things of {shown(entry.filename)}, or hides something beside it: its directory and its "
        "entries do not agree. `garcom pack --zip` makes one that is clear."
    )


def _read(stream: IO[bytes], at: int, n_bytes: int) -> bytes:
    stream.seek(at)
    return stream.read(n_bytes)
