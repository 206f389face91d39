"""CSV bodies (RFC 4180, a header line of field names) into typed rows."""

from __future__ import annotations

import csv
import io
import itertools
from collections import Counter
from collections.abc import Sequence
from typing import Any

from garcom.errors import Fault
from garcom.model.signature import Signature
from garcom.serving.codec import values
from garcom.serving.codec.faults import MAX_FAULTS, malformed, raise_any, shown, too_many_rows
from garcom.serving.codec.forms import Form, Order
from garcom.serving.rows import Row


class CsvBodies:
    """Reads the CSV bodies of one signature; columns may come in any order."""

    def __init__(self, signature: Signature, max_rows: int) -> None:
        self._fields = signature.fields
        self._names = signature.names
        self._max_rows = max_rows

    def read(self, body: bytes) -> Order:
        """The rows of a body. Raises MalformedBody or InvalidRows."""
        try:
            text = body.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise malformed("", "UTF-8", f"bytes that are not UTF-8 at position {error.start}") from None
        lines = csv.reader(io.StringIO(text, newline=""), strict=True)
        try:
            header = next(lines, [])
            places = self._places(header)
            rows = self._read_rows(lines, header, places)
        except csv.Error as error:
            raise malformed("", "CSV", f"line {lines.line_num}, which breaks it ({error})") from None
        if not rows:
            raise malformed("", "a header line and at least one row", "no row")
        return Order(Form.CSV, rows)

    def _places(self, header: Sequence[str]) -> list[int | None]:
        """For each field, its column, or None where an optional one was left out."""
        if not header:
            raise malformed("", "a header line with the field names", "an empty line")
        if not any(name in self._names for name in header):
            # Perhaps no header at all, but values: they are not repeated.
            raise malformed("", "a header line with the field names", *_guess(header))
        counts = Counter(header)
        strange = itertools.islice((name for name in counts if name not in self._names), MAX_FAULTS)
        faults = [values.unknown(shown(name), name, self._names, i) for i, name in enumerate(strange)]
        faults += [
            Fault(name, "each column once", "the same column more than once")
            for name in self._names
            if counts[name] > 1
        ]
        faults += [
            values.missing(field.name, field) for field in self._fields if field.required and field.name not in counts
        ]
        raise_any(faults)
        return [header.index(name) if name in counts else None for name in self._names]

    def _read_rows(self, lines: Any, header: Sequence[str], places: Sequence[int | None]) -> list[Row]:
        faults: list[Fault] = []
        rows: list[Row] = []
        columns = list(zip(self._fields, places, strict=True))
        for cells in lines:
            where = f"records[{len(rows)}]"
            if not cells:
                continue  # a blank line, as most writers leave at the end; a single empty cell is written ""
            if len(rows) >= self._max_rows:
                raise too_many_rows(len(rows) + 1, self._max_rows)
            if len(cells) != len(header):
                faults.append(Fault(where, f"{len(header)} cells, as in the header", f"{len(cells)}"))
                rows.append(())
            else:
                rows.append(self._read_row(cells, columns, where, faults))
            if len(faults) >= MAX_FAULTS:
                break
        raise_any(faults)
        return rows

    @staticmethod
    def _read_row(
        cells: Sequence[str], columns: Sequence[tuple[Any, int | None]], where: str, faults: list[Fault]
    ) -> Row:
        row: list[Any] = []
        for field, place in columns:
            try:
                row.append(None if place is None else values.read_cell(field, cells[place]))
            except values.Misfit as misfit:
                row.append(None)
                faults.append(Fault(f"{where}.{field.name}", values.expected(field), str(misfit)))
        return tuple(row)


def _guess(header: Sequence[str]) -> tuple[str, str]:
    """What a first line without any field's name may be, and what to do about it."""
    start = header[0].lstrip()[:1]
    if start in ("{", "["):
        return "what looks like JSON", "Set the header Content-Type: application/json."
    if len(header) == 1 and any(separator in header[0] for separator in ";\t|"):
        return "a line with another separator than the comma", "Separate the columns by commas."
    return "a line that names none of them", "Put the names of the fields on the first line."
