"""The digest of a table's content, which does not depend on how or by what it is stored."""

from __future__ import annotations

import hashlib

import msgspec
import numpy as np
import polars as pl

from garcom.lake.datasets.columns import describe_columns

#: Names the way in which the bytes below are made; another way gets another name.
_FORM = b"garcom-dataset-1\n"
#: The rows go into the digest in slices, so that little is held at once. Part of the form.
_SLICE_ROWS = 65_536


def content_digest(frame: pl.DataFrame) -> str:
    """The SHA-256 of a canonical frame: names, types and values, in the order of columns and rows.

    Per slice of 65,536 rows and per column: one byte per row that says whether a value is there, then the values,
    little-endian, 0 where none is there; texts as their lengths in bytes (64 bits each) and then their UTF-8.
    """
    digest = hashlib.sha256(_FORM)
    digest.update(msgspec.json.encode((describe_columns(frame), frame.height)))
    for piece in frame.iter_slices(_SLICE_ROWS):
        for column in piece.iter_columns():
            digest.update(column.is_not_null().cast(pl.UInt8).to_numpy().tobytes())
            _add_values(digest, column)
    return digest.hexdigest()


def _add_values(digest: hashlib._Hash, column: pl.Series) -> None:
    if column.dtype == pl.String():
        lengths, texts = _texts(column.fill_null(""))
        digest.update(lengths)
        digest.update(texts)
    elif column.dtype == pl.Float64():
        # 0.0 and -0.0 are one value; their sum is 0.0.
        digest.update((column.fill_null(0.0).to_numpy() + 0.0).astype("<f8", copy=False).tobytes())
    else:
        digest.update(_integers(column.to_physical().cast(pl.Int64).fill_null(0)))


def _integers(column: pl.Series) -> bytes:
    return column.to_numpy().astype("<i8", copy=False).tobytes()


def _texts(column: pl.Series) -> tuple[bytes, memoryview]:
    """The lengths of the texts in bytes, and all their bytes, as Arrow holds them."""
    held = column.rechunk().to_arrow()
    _, ends, data = held.buffers()
    offsets = np.frombuffer(ends, np.int64)[held.offset : held.offset + len(held) + 1]
    whole = memoryview(b"" if data is None else data)
    return np.diff(offsets).astype("<i8", copy=False).tobytes(), whole[offsets[0] : offsets[-1]]
