"""Bodies that no JSON Schema describes: CSV, Arrow and zips, right ones among wrong ones."""

from __future__ import annotations

import io
from typing import Any

import pyarrow as pa
import schemathesis
from hypothesis import strategies as st

_CSV = "text/csv"
_ARROW = "application/vnd.apache.arrow.stream"
_ZIP = "application/zip"
#: What the answers' bodies are of that JSON Schema says nothing about, either.
OPAQUE = frozenset({_CSV, _ARROW, _ZIP})

_NUMBERS = st.floats(-1e6, 1e6) | st.integers(-1000, 1000) | st.none()
_ROWS: st.SearchStrategy[list[dict[str, Any]]] = st.lists(
    st.fixed_dictionaries({"x": _NUMBERS}), min_size=1, max_size=5
)
_IDS = st.uuids(version=4).map(str) | st.text(max_size=20)
_ACTUALS: st.SearchStrategy[list[dict[str, Any]]] = st.lists(
    st.fixed_dictionaries({"id": _IDS, "actual": _NUMBERS}), min_size=1, max_size=5
)


def register(bundle: bytes) -> None:
    """Have schemathesis send them; ``bundle`` is one that may be uploaded."""
    tables = _ROWS | _ACTUALS
    schemathesis.openapi.media_type(_CSV, _mostly(tables.map(_csv)))
    schemathesis.openapi.media_type(_ARROW, _mostly(tables.map(_arrow)))
    # Cut, not changed: a byte that is about nothing would make another file of the same bundle, and that is no failure.
    cut = st.integers(0, len(bundle) - 1).map(lambda length: bundle[:length])
    schemathesis.openapi.media_type(_ZIP, st.one_of(st.just(bundle), cut, st.binary()))


def _mostly(right: st.SearchStrategy[bytes]) -> st.SearchStrategy[bytes]:
    """Right ones, right ones with a piece that is wrong or missing, and anything."""
    return st.one_of(right, right, st.builds(_spoilt, right, st.integers(0), st.binary(max_size=8)), st.binary())


def _spoilt(data: bytes, at: int, piece: bytes) -> bytes:
    position = at % len(data)
    return data[:position] + piece + data[position + len(piece) :] if piece else data[:position]


def _csv(rows: list[dict[str, Any]]) -> bytes:
    lines = [",".join(rows[0]), *(",".join("" if cell is None else str(cell) for cell in row.values()) for row in rows)]
    return "\n".join(lines).encode("utf-8", "replace")


def _arrow(rows: list[dict[str, Any]]) -> bytes:
    columns = {name: [row[name] for row in rows] for name in rows[0]}
    types = {"id": pa.string(), "x": pa.float64(), "actual": pa.float64()}
    texts = {"id": [str(each).encode("utf-8", "replace").decode() for each in columns.get("id", ())]}
    arrays = {
        name: pa.array(texts["id"] if name == "id" else [None if v is None else float(v) for v in values], types[name])
        for name, values in columns.items()
    }
    table = pa.table(arrays)
    stream = io.BytesIO()
    with pa.ipc.new_stream(stream, table.schema) as writer:
        writer.write_table(table)
    return stream.getvalue()
