"""Bodies of actuals: a JSON list of rows (or ``{"actuals": […]}``), CSV with these columns, or an Arrow IPC stream.

A row has ``id`` or ``key``, ``actual`` and, where it is known, ``observed_at``.
"""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from garcom.errors import ActualsRefused, Fault, MalformedBody
from garcom.model.signature import Field, FieldType, Output
from garcom.observations import Observations
from garcom.serving.codec import arrow_columns, strict_json
from garcom.serving.codec.actual_rows import Told, Truth, Wrong, observations
from garcom.serving.codec.arrow_stream import read_table
from garcom.serving.codec.documents import Pairs
from garcom.serving.codec.faults import malformed, shown
from garcom.serving.codec.json_forms import is_list
from garcom.serving.codec.media import ARROW, CSV, JSON, reader_for
from garcom.serving.codec.values import Misfit, described, read_cell
from garcom.suggestions import near

if TYPE_CHECKING:
    import pyarrow as pa

MAX_ROWS = 100_000

_PARTS = Told._fields
_FORMS = '[{"id": …, "actual": …, "observed_at": …}] or {"actuals": […]}'
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def read_actuals(
    body: bytes, content_type: bytes, output: Output, now: datetime, max_rows: int = MAX_ROWS
) -> Observations:
    """The rows of a body, checked for the model that answers ``output``; ``now`` tells what is in the future.

    Raises UnsupportedMediaType, MalformedBody for what cannot be read at all, and ActualsRefused, with counts, when
    any row is wrong: then none is taken.
    """
    readers: dict[bytes, _Read] = {JSON: _from_json, CSV: _from_csv, ARROW: _from_arrow}
    return reader_for(content_type, readers)(body, output, now, max_rows)


_Read = Callable[[bytes, Output, datetime, int], Observations]


def _from_json(body: bytes, output: Output, now: datetime, max_rows: int) -> Observations:
    document = strict_json.read(body)
    if isinstance(document, Pairs) and [name for name, _ in document] == ["actuals"]:
        document = document[0][1]
    if not is_list(document):
        raise malformed("", _FORMS, described(document))
    if not document:
        raise malformed("", "at least one row", "an empty list")
    _check_count(len(document), max_rows)
    return observations(map(_told, document), Truth(output), now)


def _told(row: Any) -> Told | Wrong:
    if not isinstance(row, Pairs):
        return Wrong("", "an object with id or key, and actual", described(row))
    parts = dict(row)
    if len(parts) < len(row):
        return Wrong(shown(row.duplicates()[0]), "each name once", "the same name more than once")
    try:
        return Told(**parts)
    except TypeError:
        name = next(name for name in parts if name not in _PARTS)
        return Wrong(shown(name), f"only {', '.join(_PARTS)}", "another name", near(name, _PARTS).lstrip())


def _from_csv(body: bytes, output: Output, now: datetime, max_rows: int) -> Observations:
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise malformed("", "UTF-8", f"bytes that are not UTF-8 at position {error.start}") from None
    lines = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        header = next(lines, [])
        _check_columns(header)
        cells = [row for row in lines if row]
    except csv.Error as error:
        raise malformed("", "CSV", f"line {lines.line_num}, which breaks it ({error})") from None
    if not cells:
        raise malformed("", "a header line and at least one row", "no row")
    _check_count(len(cells), max_rows)
    return observations(
        (_told_cells(row, header) for row in cells), Truth(output, _read_cell, _read_object), now, _read_cell
    )


def _told_cells(cells: Sequence[str], header: Sequence[str]) -> Told | Wrong:
    if len(cells) != len(header):
        return Wrong("", f"{len(header)} cells, as in the header", f"{len(cells)}")
    return Told(**{name: cell if name == "actual" else cell or None for name, cell in zip(header, cells, strict=True)})


def _read_cell(field: Field, cell: str | None) -> Any:
    return None if cell is None and field.nullable else read_cell(field, cell or "")


def _read_object(cell: str) -> Any:
    """The object of targets that a cell holds as JSON."""
    try:
        return strict_json.read(cell.encode())
    except MalformedBody:
        raise Misfit("text that is no JSON object") from None


def _check_columns(names: Sequence[str]) -> None:
    """Raise MalformedBody unless the columns are those of actuals, each once."""
    faults = [
        Fault(name, "each column once", "the same column more than once") for name, n in Counter(names).items() if n > 1
    ]
    faults += [
        Fault(shown(name), f"only the columns {', '.join(_PARTS)}", "another column", near(name, _PARTS).lstrip())
        for name in names
        if name not in _PARTS
    ][:20]
    if "actual" not in names:
        faults.append(Fault("actual", "a column of this name", "none"))
    if "id" not in names and "key" not in names:
        faults.append(Fault("id", "a column of this name, or one named key", "neither"))
    if faults:
        raise MalformedBody(f"The body cannot be read: {faults[0].sentence()}", tuple(faults))


def _check_count(n_rows: int, limit: int) -> None:
    if n_rows > limit:
        fault = Fault("actuals", f"at most {limit:,} rows", f"{n_rows:,}", "Send them in several requests.")
        raise ActualsRefused(fault.sentence(), (fault,), rows=n_rows, refused=n_rows)


def _from_arrow(body: bytes, output: Output, now: datetime, max_rows: int) -> Observations:
    table = read_table(body, max_rows)
    _check_columns(table.column_names)
    columns = [
        _column(part, table.column(part)) if part in table.column_names else [None] * table.num_rows for part in _PARTS
    ]
    return observations(map(Told, *columns), Truth(output), now)


def _column(part: str, chunks: pa.ChunkedArray) -> Sequence[Any]:
    """A column as Python values, of those types only that cannot make much out of few bytes."""
    import pyarrow as pa

    column = chunks.combine_chunks()
    kind = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
    if pa.types.is_null(kind):
        return [None] * len(column)
    if pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
        faults: list[Fault] = []
        texts = arrow_columns.texts(Field(name=part, type=FieldType.STRING, nullable=True), column, faults)
        if faults or texts is None:
            raise malformed(*faults[0])
        return list(texts)
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    if part == "observed_at" and (pa.types.is_timestamp(kind) or pa.types.is_date(kind)):
        return list(_moments(column))
    if part == "actual" and pa.types.is_struct(kind) and all(_is_number(field.type) for field in kind):
        return [None if row is None else Pairs(row.items()) for row in _listed(column)]
    if part == "actual" and (_is_number(kind) or pa.types.is_boolean(kind)):
        return _listed(column)
    raise malformed(part, "a column of text, or of what the part is", f"a column of {shown(str(kind))}")


def _is_number(kind: pa.DataType) -> bool:
    import pyarrow as pa

    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind))


def _listed(column: pa.Array) -> list[Any]:
    found: list[Any] = column.to_pylist()
    return found


def _moments(column: pa.Array) -> Iterator[datetime | str | None]:
    """Each moment of a column of timestamps or dates; what no calendar holds, as a text that is no moment."""
    import pyarrow as pa
    import pyarrow.compute as pc

    cuts = pa.types.is_timestamp(column.type) and column.type.unit == "ns"  # and nowhere else: others wrap around
    try:
        # Without a time zone these are in UTC; with one, they are moments since 1970 all the same.
        counts = pc.cast(pc.cast(column, pa.timestamp("us"), safe=not cuts), pa.int64()).to_pylist()
    except pa.ArrowInvalid:
        raise malformed("observed_at", "date-times of the years 1 to 9999", "others") from None
    for count in counts:
        try:
            yield None if count is None else _EPOCH + timedelta(microseconds=count)
        except OverflowError:
            yield "beyond every calendar"
