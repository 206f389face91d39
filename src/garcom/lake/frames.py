"""A journal's lines as rows of the lake. The JSON of inputs and outputs is copied, never decoded and encoded again."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec
import polars as pl

from garcom.journal.lines import Version, encode
from garcom.journal.reader import RawEntry, Reading, raw_reading
from garcom.journal.segment import SegmentName
from garcom.lake.schemas import PREDICTIONS

#: Read at once: an entry is a kilobyte of objects for a moment.
_PIECE_BYTES = 4 << 20
#: The values of an array that holds only text, numbers, true, false and null.
_VALUES = re.compile(rb'"(?:[^"\\]|\\.)*"|[^,\s]+')


class SegmentFrames:
    """Makes frames of the lines of one segment, as they come."""

    def __init__(self, name: SegmentName) -> None:
        self.reading: Reading[RawEntry] = raw_reading(str(name))
        self._segment = str(name)

    def read(self, lines: bytes) -> list[pl.DataFrame]:
        """Frames of whole lines. Raises JournalError where the segment does not begin as one."""
        return [self._frame(version, entries) for version, entries in self.reading.read(lines)]

    def _frame(self, version: Version, entries: list[RawEntry]) -> pl.DataFrame:
        shape = _Shape(version)
        try:
            inputs, outputs = shape.inputs(entries), shape.outputs(entries)
        except (TypeError, ValueError):  # a line that does not fit its version: find it
            fitting = [entry for entry in entries if self._fits(shape, entry)]
            inputs, outputs, entries = shape.inputs(fitting), shape.outputs(fitting), fitting
        labels, values = shape.answers(entries)
        columns = {
            "id": pl.Series([entry.id for entry in entries], dtype=pl.String),
            "time": pl.Series([entry.time_us for entry in entries], dtype=pl.Int64).cast(PREDICTIONS["time"]),
            "input": _text(inputs),
            "label": labels,
            "value": values,
            "output": _text(outputs),
            "latency_us": pl.Series([entry.latency_us for entry in entries], dtype=pl.Int64),
            "request_id": pl.Series([entry.request_id for entry in entries], dtype=pl.String),
            "key": pl.Series([entry.key for entry in entries], dtype=pl.String),
            "subject": pl.Series([entry.subject for entry in entries], dtype=pl.String),
        }
        same = {"model": version.model, "version": version.version, "digest": version.digest, "role": version.role}
        return (
            pl.DataFrame(columns)
            .with_columns(
                *(pl.lit(value).alias(name) for name, value in same.items()),
                pl.col("time").dt.strftime("%Y-%m-%d").alias("day"),
                pl.lit(self._segment).alias("segment"),
            )
            .select(pl.col(name).cast(dtype) for name, dtype in PREDICTIONS.items())
        )

    def _fits(self, shape: _Shape, entry: RawEntry) -> bool:
        try:
            shape.inputs([entry])
            shape.outputs([entry])
        except (TypeError, ValueError):
            self.reading.n_entries -= 1
            self.reading.drop(encode(entry))
            return False
        return True


class _Shape:
    """How the lines of one version become JSON objects and columns."""

    def __init__(self, version: Version) -> None:
        self._input = _object_of(version.fields)
        self._probabilities = _object_of([str(value) for value in version.classes])
        self._has_label = version.task != "regression"

    def inputs(self, entries: Sequence[RawEntry]) -> list[bytes]:
        """``{"field":value}`` for each. Raises TypeError where a row has another number of values."""
        template = self._input
        rows = [bytes(entry.row)[1:-1] for entry in entries]
        if any(b'"' in row for row in rows):
            return [template % tuple(_VALUES.findall(row)) for row in rows]
        return [template % (*row.split(b","),) for row in rows]

    def outputs(self, entries: Sequence[RawEntry]) -> list[bytes]:
        """``{"prediction":…,"probabilities":{…},"score":…,"warnings":[…]}``, only what exists."""
        plain = b'{"prediction":%b'
        full = plain + b',"probabilities":' + self._probabilities
        return [
            plain % entry.prediction + _further(entry)
            if (shares := bytes(entry.probabilities)) == b"null"
            else full % (entry.prediction, *shares[1:-1].split(b",")) + _further(entry)
            for entry in entries
        ]

    def answers(self, entries: Sequence[RawEntry]) -> tuple[pl.Series, pl.Series]:
        """The labels and the values."""
        predictions = [bytes(entry.prediction) for entry in entries]
        if self._has_label:
            texts = {known: _label(known) for known in set(predictions)}
            labels = pl.Series([texts[prediction] for prediction in predictions], dtype=pl.String)
            return labels, pl.Series([entry.score for entry in entries], dtype=pl.Float64)
        nothing = pl.Series([None] * len(entries), dtype=pl.String)
        return nothing, _text(predictions).cast(pl.Float64, strict=False)  # several targets are an object: null


def _further(entry: RawEntry) -> bytes:
    """What follows the probabilities in an output."""
    if entry.score is None and entry.warnings is None:
        return b"}"
    rest = {name: value for name in ("score", "warnings") if (value := getattr(entry, name)) is not None}
    return b"," + encode(rest)[1:]


def _label(prediction: bytes) -> str | None:
    """A class as text: what it is called in the probabilities."""
    label = msgspec.json.decode(prediction)
    return None if label is None else str(label)


def _object_of(names: Sequence[str]) -> bytes:
    """A template of a JSON object with these names, for as many values."""
    return b"{" + b",".join(encode(name).replace(b"%", b"%%") + b":%b" for name in names) + b"}"


def _text(values: Sequence[bytes]) -> pl.Series:
    return pl.Series(values, dtype=pl.Binary).cast(pl.String)


def read_frame(path: Path) -> tuple[Reading[RawEntry], pl.DataFrame]:
    """A whole segment as one frame. Raises JournalError where the file is none; an empty file has no rows."""
    frames = SegmentFrames(SegmentName.of(path))
    found = [frame for piece in _pieces(path) for frame in frames.read(piece)]
    return frames.reading, pl.concat(found) if found else pl.DataFrame(schema=PREDICTIONS)


def _pieces(path: Path) -> Iterator[bytes]:
    """The file in pieces of whole lines; the last one as it is."""
    rest = b""
    with path.open("rb") as file:
        while data := file.read(_PIECE_BYTES):
            lines, end, tail = (rest + data).rpartition(b"\n")
            rest = tail
            yield lines + end
    if rest:
        yield rest
