"""DataFrames and Arrow tables as Arrow bodies, and the answers back in the caller's own kind of table."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from garcom.client.json_rows import MAX_BYTES, Part
from garcom.errors import InputError
from garcom.model.frames import named

if TYPE_CHECKING:
    import pyarrow as pa

ARROW = "application/vnd.apache.arrow.stream"
#: A body ends at this many rows, or at ``MAX_BYTES`` before.
MAX_ROWS = 100_000


def is_table(data: object) -> bool:
    """Whether this is a pandas DataFrame or anything that hands over its columns the Arrow way (polars, pyarrow)."""
    return is_pandas(data, "DataFrame") or hasattr(data, "__arrow_c_stream__")


def is_pandas(data: object, kind: str) -> bool:
    """Whether this is an object of the pandas class named ``kind``; pandas is not imported for it."""
    pandas = sys.modules.get("pandas")
    return pandas is not None and isinstance(data, getattr(pandas, kind))


def to_arrow(data: Any) -> pa.Table:
    """The rows as an Arrow table, without an index; NaN in a DataFrame becomes null.

    Numbered columns get the names that packing gave them (``x0``, ``x1``, …). Raises InputError for columns that
    Arrow cannot hold.
    """
    import pyarrow as pa

    try:
        if is_pandas(data, "DataFrame"):
            table = pa.Table.from_pandas(named(data), preserve_index=False)
        else:
            table = pa.table(data)
    except (pa.ArrowException, TypeError, ValueError) as error:
        raise InputError(
            f"Expected a table whose columns each hold one kind of value, got one that Arrow cannot hold: {error}"
        ) from error
    return _without_decimals(table).replace_schema_metadata()


def parts(table: pa.Table, max_rows: int = MAX_ROWS, max_bytes: int = MAX_BYTES) -> Iterator[Part]:
    """The table as Arrow bodies of bounded size; a table without rows is one body, for the server to refuse."""
    rows = max(1, min(max_rows, max_bytes * table.num_rows // max(1, table.nbytes)))
    for first in range(0, max(1, table.num_rows), rows):
        yield Part(first, _stream(table.slice(first, rows)))


def read_answer(body: bytes) -> pa.Table:
    """One part's answer. Raises ValueError (pyarrow.ArrowInvalid is one) or OSError where the bytes are none."""
    import pyarrow as pa

    with pa.ipc.open_stream(body) as stream:
        answer = stream.read_all()
    if not {b"model", b"version"} <= (answer.schema.metadata or {}).keys():
        raise ValueError("an Arrow table that names no model and version")
    return answer


def answered_by(answer: pa.Table) -> tuple[str, int]:
    """The model and the version that wrote an answer."""
    return answer.schema.metadata[b"model"].decode(), int(answer.schema.metadata[b"version"])


def joined(answers: list[pa.Table]) -> pa.Table:
    """The parts' answers as one table, which always has the column ``warnings`` (null for rows without any)."""
    import pyarrow as pa

    table = pa.concat_tables(answers, promote_options="default")
    if "warnings" not in table.column_names:
        table = table.append_column("warnings", pa.nulls(table.num_rows, pa.string()))
    return table


def like(data: Any, answer: pa.Table) -> Any:
    """The answer as the kind of table that was asked with; a pandas DataFrame has the asked one's index.

    A pandas answer has ``attrs["model"]`` and ``attrs["version"]``; an Arrow one has them in its schema's metadata.
    """
    if is_pandas(data, "DataFrame"):
        frame = answer.to_pandas().set_axis(data.index, axis=0)
        # Left to itself, pandas shows a text that is not there as NaN, which an `if` takes for one.
        series = sys.modules["pandas"].Series
        frame["warnings"] = series(answer.column("warnings").to_pylist(), index=data.index, dtype=object)
        frame.attrs["model"], frame.attrs["version"] = answered_by(answer)
        return frame
    polars = sys.modules.get("polars")
    if polars is not None and isinstance(data, polars.DataFrame):
        return polars.DataFrame(answer)
    return answer


def _stream(table: pa.Table) -> bytes:
    import pyarrow as pa

    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as stream:
        stream.write_table(table)
    return bytes(sink.getvalue())


def _without_decimals(table: pa.Table) -> pa.Table:
    """Decimals, as databases give them, as the float64 that models compute in."""
    import pyarrow as pa

    for place, field in enumerate(table.schema):
        if pa.types.is_decimal(field.type):
            table = table.set_column(place, field.name, table.column(place).cast(pa.float64()))
    return table
