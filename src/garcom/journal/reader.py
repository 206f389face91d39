"""Reads a segment, closed or still being written, up to whatever whole lines it has."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

import msgspec

from garcom.errors import JournalError
from garcom.journal.lines import FORMAT, Entry, Header, Version, decode_header, decode_version


class _Numbered(Protocol):
    @property
    def v(self) -> int: ...


class RawEntry(msgspec.Struct, array_like=True, gc=False):
    """An :class:`~garcom.journal.lines.Entry` in which the JSON of the row and its answer is left as it stands.

    Half the time of reading the values, which are only copied.
    """

    v: int
    id: str
    time_us: int
    row: msgspec.Raw
    prediction: msgspec.Raw
    probabilities: msgspec.Raw
    score: float | None
    latency_us: int | None
    warnings: list[Any] | None
    request_id: str | None
    key: str | None
    subject: str | None


E = TypeVar("E", bound=_Numbered)


class Reading(Generic[E]):
    """One segment, read piece by piece into entries of one kind; the counts are of what was read so far.

    A line that is cut off or spoilt is dropped and counted: it was never acknowledged, because a sync that had
    succeeded would have made it whole.
    """

    def __init__(self, name: str, decoder: msgspec.json.Decoder[E]) -> None:
        self._name = name
        self._decoder = decoder
        self.header: Header | None = None
        self.versions: dict[int, Version] = {}
        self.n_entries = 0
        self.dropped_lines = 0
        self.dropped_bytes = 0

    def read(self, data: bytes) -> list[tuple[Version, list[E]]]:
        """The entries of whole lines, by version, each version's in their order.

        Raises JournalError when the segment's first line is not that of a format which is known here.
        """
        lines = [line for line in data.split(b"\n") if line]
        if self.header is None and lines:
            self.header = self._read_header(lines.pop(0))
        self._read_versions([line for line in lines if line.startswith(b"{")])
        found = self._grouped([line for line in lines if not line.startswith(b"{")])
        self.n_entries += sum(len(entries) for _, entries in found)
        return found

    def drop(self, line: bytes) -> None:
        """Count a line that cannot be used."""
        self.dropped_lines += 1
        self.dropped_bytes += len(line)

    def _grouped(self, lines: list[bytes]) -> list[tuple[Version, list[E]]]:
        try:
            # One call for all of them takes half the time.
            entries = self._decoder.decode_lines(b"\n".join(lines))
        except msgspec.DecodeError:
            entries = []
        # Two halves of spoilt lines can read as one entry, across the end of the first.
        if len(entries) != len(lines) or not {entry.v for entry in entries} <= self.versions.keys():
            entries = [entry for line in lines if (entry := self._decoded(line)) is not None]
        numbers = {entry.v for entry in entries}
        if len(numbers) == 1:
            return [(self.versions[entries[0].v], entries)]
        return [(self.versions[v], [entry for entry in entries if entry.v == v]) for v in sorted(numbers)]

    def _decoded(self, line: bytes) -> E | None:
        try:
            entry = self._decoder.decode(line)
            self.versions[entry.v]
        except (msgspec.DecodeError, KeyError):
            self.drop(line)
            return None
        return entry

    def _read_versions(self, lines: list[bytes]) -> None:
        for line in lines:
            try:
                version = decode_version(line)
            except msgspec.DecodeError:
                self.drop(line)
            else:
                self.versions[version.v] = version

    def _read_header(self, line: bytes) -> Header:
        try:
            header = decode_header(line)
        except msgspec.DecodeError as error:
            raise JournalError(
                f"Expected a journal's header in the first line of {self._name}, but {error}."
            ) from error
        if header.garcom != "journal" or header.format != FORMAT:
            raise JournalError(f"Expected a journal of format {FORMAT} in {self._name}, got format {header.format}.")
        return header


def raw_reading(name: str) -> Reading[RawEntry]:
    """A reading that copies values instead of making objects of them."""
    return Reading(name, _RAW)


_RAW = msgspec.json.Decoder(RawEntry)
_WHOLE = msgspec.json.Decoder(Entry)


def read_segment(path: Path) -> tuple[Reading[Entry], Iterator[tuple[Version, Entry]]]:
    """Read a whole segment; the iterator gives each prediction with its version.

    Raises JournalError when the file is no segment of a format that is known here.
    """
    # One read and a strip in C: what is still open ends in millions of newlines.
    reading = Reading(path.name, _WHOLE)
    found = reading.read(path.read_bytes().rstrip(b"\n"))
    return reading, ((version, entry) for version, entries in found for entry in entries)
