"""Rows from a file or from standard input, in the kind that the client sends."""

from __future__ import annotations

import csv
import io
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from garcom.errors import InputError
from garcom.handwritten import unreadable

if TYPE_CHECKING:
    from garcom.model.signature import Field, Signature

#: Gives the signature of the model that is asked. A CSV file is typed by it and by nothing else: ``007`` is a text
#: or a number by what the model takes, not by its looks.
SignatureOf = Callable[[], "Signature"]

FORMATS = ("json", "jsonl", "csv", "arrow", "parquet")
_ENDINGS = {
    ".json": "json",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".csv": "csv",
    ".tsv": "csv",
    ".txt": "csv",
    ".arrow": "arrow",
    ".feather": "arrow",
    ".parquet": "parquet",
}
_DELIMITERS = ",;\t|"


def read_rows(source: str, form: str | None, signature_of: SignatureOf) -> Any:
    """A dict (one record), a list of dicts, or an Arrow table.

    ``source`` is a path, or ``-`` for standard input; its form is ``form``, or told by the path's ending, or by how
    the input begins. Raises InputError for input that cannot be read.
    """
    data, name = _read(source)
    form = form or told_by_ending(source) or _guess(data)
    if not data.strip():
        raise InputError(f"Expected rows in {name}, and it is empty.")
    match form:
        case "json":
            return _from_json(_parse(data, name), name)
        case "jsonl":
            return [_parse(line, f"{name}, line {n}") for n, line in enumerate(data.splitlines(), 1) if line.strip()]
        case "csv":
            return _from_csv(data, name, signature_of())
        case _:
            return _from_arrow(data, name, form)


def told_by_ending(source: str) -> str | None:
    """The form of a file of rows that its ending tells, or None."""
    return _ENDINGS.get(Path(source).suffix.lower())


def _read(source: str) -> tuple[bytes, str]:
    if source == "-":
        return sys.stdin.buffer.read(), "standard input"
    try:
        return Path(source).read_bytes(), source
    except OSError as error:
        raise InputError(f"Expected a file of rows at {source}, and {unreadable(error)}.") from error


def _guess(data: bytes) -> str:
    if data.startswith((b"ARROW1", b"\xff\xff\xff\xff")):
        return "arrow"
    if data.startswith(b"PAR1"):
        return "parquet"
    return "json" if data.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] in (b"{", b"[") else "csv"


def _text(data: bytes, name: str) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"Expected UTF-8 in {name}, and it is not at byte {error.start}. Save it as UTF-8.") from error


def _parse(data: bytes, name: str) -> Any:
    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        record = dict(pairs)
        if len(record) != len(pairs):
            names = [key for key, _ in pairs]
            double = next(key for key in names if names.count(key) > 1)
            raise InputError(f"Expected each field once in {name}, got {double!r} more than once.")
        return record

    try:
        return json.loads(_text(data, name), object_pairs_hook=once)
    except (json.JSONDecodeError, RecursionError) as error:
        raise InputError(f"Expected JSON in {name}, but {error}.") from error


def _from_json(document: Any, name: str) -> Any:
    """A record or a list of records, taken out of ``{"records": […]}`` or ``{"columns": […], "data": [[…]]}``."""
    if isinstance(document, dict):
        if document.keys() == {"records"} and isinstance(document["records"], list):
            return document["records"]
        columns, rows = document.get("columns"), document.get("data")
        if document.keys() <= {"columns", "data", "index"} and isinstance(columns, list) and isinstance(rows, list):
            return _zipped(columns, rows, name)
    if isinstance(document, dict | list):
        return document
    raise InputError(f"Expected a record or a list of records in {name}, got {json.dumps(document)[:50]}.")


def _zipped(columns: list[Any], rows: list[Any], name: str) -> list[dict[str, Any]]:
    for number, row in enumerate(rows):
        if not isinstance(row, list) or len(row) != len(columns):
            raise InputError(f"Expected {len(columns)} values in {name}, data[{number}], one per column.")
    return [dict(zip(columns, row, strict=True)) for row in rows]


def _from_csv(data: bytes, name: str, signature: Signature) -> list[dict[str, Any]]:
    text = _text(data, name)
    delimiter = _delimiter(text)
    lines = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    fields = {field.name: field for field in signature.fields}
    try:
        header = next(lines)
        doubled = [column for column in header if header.count(column) > 1]
        if doubled:
            raise InputError(f"Expected each column of {name} once, got {doubled[0]!r} more than once.")
        return [_csv_record(row, header, fields, f"{name}, line {lines.line_num}", delimiter) for row in lines if row]
    except csv.Error as error:
        raise InputError(f"Expected CSV in {name}, but line {lines.line_num} breaks it: {error}.") from error


def _csv_record(
    row: list[str], header: list[str], fields: dict[str, Field], where: str, delimiter: str
) -> dict[str, Any]:
    if len(row) != len(header):
        raise InputError(f"Expected {len(header)} cells in {where}, as in the header, got {len(row)}.")
    return {
        column: _cell(cell, fields[column], delimiter) if column in fields else cell
        for column, cell in zip(header, row, strict=True)
    }


def _cell(cell: str, field: Field, delimiter: str) -> Any:
    """The cell as its field takes it; one that does not fit stays a text, for the server to say so."""
    from garcom.serving.codec.values import Misfit, read_cell

    # Where a comma does not part the cells, it may be the decimal sign.
    candidates = [cell] if delimiter == "," or field.type.is_text else [cell, cell.replace(",", ".")]
    for candidate in candidates:
        try:
            return read_cell(field, candidate)
        except Misfit:
            continue
    return cell or None


def _delimiter(text: str) -> str:
    """Whichever delimiter parts the first line into the most cells."""
    first = text.split("\n", 1)[0]
    return max(_DELIMITERS, key=lambda delimiter: len(next(csv.reader([first], delimiter=delimiter), [])))


def _from_arrow(data: bytes, name: str, form: str) -> Any:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        if form == "parquet":
            table = pq.read_table(pa.BufferReader(data))
        else:
            opener = pa.ipc.open_file if data.startswith(b"ARROW1") else pa.ipc.open_stream
            with opener(pa.BufferReader(data)) as reader:
                table = reader.read_all()
    except (pa.ArrowException, OSError) as error:
        raise InputError(f"Expected {form.capitalize()} in {name}, but it cannot be read: {error}") from error
    # pandas stores an index that is more than a row number as a column of this name.
    return table.drop_columns([column for column in table.column_names if column.startswith("__index_level_")])
