"""Tables into Arrow IPC streams and back, without what a hostile stream could make of a few bytes.

A compressed buffer may promise any length, and a table of nulls any number of rows; so compressed streams are
refused before anything is unpacked, and rows are counted while the batches come.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any

from garcom.serving.codec.faults import malformed, too_many_rows

if TYPE_CHECKING:
    import pyarrow as pa

# Positions in the FlatBuffers tables of the format (Message.fbs of Apache Arrow).
_MESSAGE_HEADER_TYPE, _MESSAGE_HEADER = 1, 2
_DICTIONARY_DATA = 1
_BATCH_COMPRESSION = 3
_DICTIONARY_BATCH, _RECORD_BATCH = 2, 3
#: Of a stream: a continuation, and no length.
_END = b"\xff\xff\xff\xff\x00\x00\x00\x00"


def read_table(body: bytes, max_rows: int) -> pa.Table:
    """The table of a stream, every value of it checked.

    Raises MalformedBody for what is no such stream, has no rows or is compressed, InvalidRows for too many rows.
    """
    import pyarrow as pa

    if not body.endswith(_END):
        # The format lets a writer stop without it; but then a stream that was cut off would look whole.
        raise malformed("", "an Arrow IPC stream to its end", "one without its end marker", "Close the writer.")
    try:
        if any(_is_compressed(message.metadata.to_pybytes()) for message in pa.ipc.MessageReader.open_stream(body)):
            raise malformed("", "an Arrow IPC stream without compression", "compressed buffers", "Write it without.")
        with pa.ipc.open_stream(body) as stream:
            table = _counted(stream, max_rows)
        table.validate(full=True)
        table.column_names  # noqa: B018 - names that are not UTF-8 fail here
    except (pa.ArrowException, OSError, ValueError, IndexError, struct.error) as error:
        # Only the kind of error: Arrow's texts may quote the values.
        raise malformed("", "an Arrow IPC stream", f"bytes that are none ({type(error).__name__})") from None
    if not table.num_rows:
        raise malformed("", "at least one row", "an Arrow stream without rows")
    return table


def written(table: pa.Table) -> bytes:
    """A table as a stream."""
    import pyarrow as pa

    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as stream:
        stream.write_table(table)
    return bytes(sink.getvalue())


def _counted(stream: Any, max_rows: int) -> pa.Table:
    import pyarrow as pa

    batches, n_rows = [], 0
    for batch in stream:
        n_rows += batch.num_rows
        if n_rows > max_rows:
            raise too_many_rows(n_rows, max_rows)
        batches.append(batch)
    return pa.Table.from_batches(batches, stream.schema)


def _is_compressed(message: bytes) -> bool:
    """Whether the metadata of an IPC message announce compressed buffers."""
    root = int(struct.unpack_from("<I", message)[0])
    kind_at = _field(message, root, _MESSAGE_HEADER_TYPE)
    kind = message[kind_at] if kind_at else 0
    if kind not in (_DICTIONARY_BATCH, _RECORD_BATCH):
        return False
    batch = _follow(message, _field(message, root, _MESSAGE_HEADER))
    if kind == _DICTIONARY_BATCH:
        batch = _follow(message, _field(message, batch, _DICTIONARY_DATA))
    return bool(_field(message, batch, _BATCH_COMPRESSION))


def _field(message: bytes, table: int, number: int) -> int:
    """Where a field of a FlatBuffers table stands; 0 if it is left out."""
    vtable = table - struct.unpack_from("<i", message, table)[0]
    entry = 4 + 2 * number
    if entry >= struct.unpack_from("<H", message, vtable)[0]:
        return 0
    offset = int(struct.unpack_from("<H", message, vtable + entry)[0])
    return table + offset if offset else 0


def _follow(message: bytes, position: int) -> int:
    return position + int(struct.unpack_from("<I", message, position)[0])
