"""What really happened, from a file, a table or a list of rows, as bodies of bounded size."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from garcom.client import json_rows, tables
from garcom.client.json_rows import JSON
from garcom.errors import InputError
from garcom.handwritten import unreadable
from garcom.lake.records import Added
from garcom.suggestions import near

#: The rows that a server takes in one call.
MAX_ROWS = 100_000
CSV = "text/csv"

_DELIMITERS = ",;\t|"
_DECIMAL_COMMA = re.compile(r"[-+]?\d+,\d+")


class Body(NamedTuple):
    """One request's body, and the position of its first row."""

    first_row: int
    content: bytes
    content_type: str


@dataclass(frozen=True)
class Columns:
    """What the parts of a row are called where they come from."""

    id: str = "id"
    key: str = "key"
    actual: str = "actual"
    observed_at: str = "observed_at"

    @property
    def parts(self) -> dict[str, str]:
        """The part of a row by the name that it has there."""
        return {self.id: "id", self.key: "key", self.actual: "actual", self.observed_at: "observed_at"}

    def found_in(self, names: Iterable[str]) -> dict[str, str]:
        """The part for each of the names that are one. Raises InputError without an actual, or without id and key."""
        there = list(names)
        found = {name: self.parts[name] for name in there if name in self.parts}
        for wanted, name in (({"actual"}, self.actual), ({"id", "key"}, self.id)):
            if not wanted & set(found.values()):
                listed = ", ".join(map(repr, there[:20])) or "none"
                raise InputError(f"Expected a column {name!r}; the columns are {listed}.{near(name, there)}")
        return found


def bodies(rows: Any, columns: Columns, max_rows: int = MAX_ROWS) -> Iterator[Body]:
    """The rows as bodies. ``rows``: the path of a file, a DataFrame or another table, or a list of dicts.

    Files end in .csv, .json, .jsonl, .arrow or .parquet; what has another name is not sent.
    Raises InputError for what cannot be sent.
    """
    if isinstance(rows, str | Path):
        rows = _read(Path(rows))
    if isinstance(rows, _Csv):
        return _csv_bodies(rows, columns, max_rows)
    if tables.is_table(rows):
        return _table_bodies(rows, columns, max_rows)
    if isinstance(rows, Sequence) and not isinstance(rows, bytes | bytearray):
        return _json_bodies(rows, columns, max_rows)
    raise InputError(
        f"Expected the path of a file, a DataFrame or a list of dicts, got {type(rows).__name__}. "
        "A row is {'id': …, 'actual': …}."
    )


def total(parts: Sequence[Added]) -> Added:
    """What became of several calls together."""
    names = [name for name in Added.__struct_fields__ if name != "first_unknown"]
    sums = {name: sum(getattr(part, name) for part in parts) for name in names}
    unknown = tuple(name for part in parts for name in part.first_unknown)[:20]
    return Added(**sums, first_unknown=unknown)


class _Csv(NamedTuple):
    """The cells of a CSV file, as texts: the server knows of which type they are."""

    header: list[str]
    rows: list[list[str]]
    comma: bool


def _read(path: Path) -> Any:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InputError(f"Expected a file of actuals at {path}, and {unreadable(error)}.") from error
    try:
        match path.suffix.lower():
            case ".csv" | ".tsv" | ".txt":
                return _read_csv(data.decode("utf-8-sig"), path)
            case ".json":
                document = msgspec.json.decode(data)
                return document["actuals"] if isinstance(document, dict) and "actuals" in document else document
            case ".jsonl" | ".ndjson":
                return [msgspec.json.decode(line) for line in data.splitlines() if line.strip()]
            case ".arrow" | ".feather" | ".parquet":
                return _read_columns(data, path)
    except (
        ValueError,
        OSError,
        RecursionError,
    ) as error:  # UnicodeDecodeError, DecodeError and ArrowInvalid are ValueErrors
        raise InputError(f"Expected {path.suffix[1:].upper()} in {path}, but {error}.") from error
    raise InputError(f"Expected a file ending in .csv, .json, .jsonl, .arrow or .parquet, got {path}.")


def _read_csv(text: str, path: Path) -> _Csv:
    first = text.split("\n", 1)[0]
    delimiter = max(_DELIMITERS, key=lambda each: len(next(csv.reader([first], delimiter=each), [])))
    lines = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        header = next(lines, [])
        rows = [row for row in lines if row]
    except csv.Error as error:
        raise InputError(f"Expected CSV in {path}, but line {lines.line_num} breaks it: {error}.") from error
    for number, row in enumerate(rows):
        if len(row) != len(header):
            raise InputError(
                f"Expected {len(header)} cells in row {number} of {path}, as in its header, got {len(row)}."
            )
    return _Csv(header, rows, delimiter == ",")


def _read_columns(data: bytes, path: Path) -> Any:
    import pyarrow as pa
    import pyarrow.parquet as pq

    if path.suffix.lower() == ".parquet":
        return pq.read_table(pa.BufferReader(data))
    opener = pa.ipc.open_file if data.startswith(b"ARROW1") else pa.ipc.open_stream
    with opener(pa.BufferReader(data)) as reader:
        return reader.read_all()


def _csv_bodies(file: _Csv, columns: Columns, max_rows: int) -> Iterator[Body]:
    found = columns.found_in(file.header)
    places = [file.header.index(name) for name in found]
    for first in range(0, max(1, len(file.rows)), max_rows):
        text = io.StringIO(newline="")
        writer = csv.writer(text)
        writer.writerow(found.values())
        for row in file.rows[first : first + max_rows]:
            cells = [row[place] for place in places]
            # Where a comma does not part the cells, it may be the decimal sign.
            writer.writerow(cells if file.comma else map(_with_point, cells))
        yield Body(first, text.getvalue().encode(), CSV)


def _with_point(cell: str) -> str:
    return cell.replace(",", ".") if _DECIMAL_COMMA.fullmatch(cell) else cell


def _table_bodies(table: Any, columns: Columns, max_rows: int) -> Iterator[Body]:
    arrow = tables.to_arrow(table)
    found = columns.found_in(arrow.column_names)
    for part in tables.parts(arrow.select(list(found)).rename_columns(list(found.values())), max_rows):
        yield Body(part.first_row, part.body, tables.ARROW)


def _json_bodies(rows: Sequence[Any], columns: Columns, max_rows: int) -> Iterator[Body]:
    named = [_named(row, columns) if isinstance(row, Mapping) else row for row in rows]
    for part in json_rows.parts(named, max_rows, called="actuals"):
        yield Body(part.first_row, part.body, JSON)


def _named(row: Mapping[Any, Any], columns: Columns) -> dict[str, Any]:
    parts = columns.parts
    return {parts[name]: value for name, value in row.items() if name in parts}
