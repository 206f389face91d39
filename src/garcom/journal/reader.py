"""Reads a segment, closed or still being written, up to whatever whole lines it has."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

import msgspec

from garcom.errors import JournalError
from garcom.journal.lines import FORMAT, Entry, Header, Version, decode_entry, decode_header, decode_version


@dataclass
class Reading:
    """What came of reading one segment; the counts are complete when ``entries`` has been read to its end.

    A line that is cut off or spoilt is dropped and counted: it was never acknowledged, because a sync that had
    succeeded would have made it whole.
    """

    header: Header
    versions: dict[int, Version] = field(default_factory=dict)
    n_entries: int = 0
    dropped_lines: int = 0
    dropped_bytes: int = 0


def read_segment(path: Path) -> tuple[Reading, Iterator[tuple[Version, Entry]]]:
    """Open a segment; the iterator gives each prediction with its version.

    Raises JournalError when the file is no segment of a format that is known here.
    """
    # One read and a strip in C: what is still open ends in millions of newlines.
    lines = path.read_bytes().rstrip(b"\n").split(b"\n")
    try:
        header = decode_header(lines[0])
    except msgspec.DecodeError as error:
        raise JournalError(f"Expected a journal's header in the first line of {path.name}, but {error}.") from error
    if header.garcom != "journal" or header.format != FORMAT:
        raise JournalError(f"Expected a journal of format {FORMAT} in {path.name}, got format {header.format}.")
    reading = Reading(header)

    def entries() -> Iterator[tuple[Version, Entry]]:
        for line in islice(lines, 1, None):
            if not line:
                continue
            try:
                if line.startswith(b"{"):
                    version = decode_version(line)
                    reading.versions[version.v] = version
                    continue
                entry = decode_entry(line)
                version = reading.versions[entry.v]
            except (msgspec.DecodeError, KeyError):
                reading.dropped_lines += 1
                reading.dropped_bytes += len(line)
                continue
            reading.n_entries += 1
            yield version, entry

    return reading, entries()
