"""Typed rows into batches: the one place that knows where a field stands in ``Batch``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from operator import itemgetter
from typing import Any

import numpy as np

from garcom.model.signature import FieldType, Signature
from garcom.records import Batch

#: One row: a value per field, in the signature's order; None is a missing value.
Row = tuple[Any, ...]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def microseconds(moment: datetime) -> int:
    """Microseconds since 1970 UTC, exact; a moment without an offset is taken as UTC."""
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return (moment - _EPOCH) // _MICROSECOND


def moment(since_epoch: float) -> datetime:
    """The moment of so many microseconds since 1970 UTC; the nearest there is, outside the years 1 to 9999."""
    within = min(max(int(since_epoch), microseconds(datetime.min)), microseconds(datetime.max))
    return _EPOCH + within * _MICROSECOND


def _picker(positions: list[int]) -> Callable[[Row], Row]:
    """A function that picks these positions of a row, as a tuple whatever their number."""
    if len(positions) == 1:
        only = positions[0]
        return lambda row: (row[only],)
    return itemgetter(*positions)


class BatchBuilder:
    """Builds the batches of one signature."""

    def __init__(self, signature: Signature) -> None:
        numbers = [i for i, field in enumerate(signature.fields) if not field.type.is_text]
        texts = [i for i, field in enumerate(signature.fields) if field.type.is_text]
        self._n_numbers, self._n_texts = len(numbers), len(texts)
        self._datetimes = [i for i, field in enumerate(signature.fields) if field.type is FieldType.DATETIME]
        self._types = [field.type for field in signature.fields]
        self._pick_numbers = _picker(numbers) if texts and numbers else None
        self._pick_texts = _picker(texts) if texts else None

    def __call__(self, rows: Sequence[Row]) -> Batch:
        """The rows as a batch; they have to fit the signature already."""
        n = len(rows)
        if self._datetimes:
            rows = [self._with_microseconds(row) for row in rows]
        if self._pick_texts is None:
            return Batch(np.array(rows, np.float64), np.empty((n, 0), object))
        texts = np.empty((n, self._n_texts), object)
        texts[:] = list(map(self._pick_texts, rows))
        if self._pick_numbers is None:
            return Batch(np.empty((n, 0)), texts)
        return Batch(np.array(list(map(self._pick_numbers, rows)), np.float64), texts)

    def rows(self, batch: Batch) -> list[Row]:
        """The batch as rows again: what was built from rows gives the same ones, but for the zone of datetimes."""
        numbers, texts = iter(batch.numbers.T), iter(batch.texts.T)
        columns = [_listed(next(texts) if kind.is_text else next(numbers), kind) for kind in self._types]
        return list(zip(*columns, strict=True))

    def _with_microseconds(self, row: Row) -> Row:
        values = list(row)
        for i in self._datetimes:
            if values[i] is not None:
                values[i] = microseconds(values[i])
        return tuple(values)


def _listed(column: Any, kind: FieldType) -> list[Any]:
    """A column of a batch as the values that JSON has for it; None for what is missing."""
    values: list[Any] = column.tolist()
    if kind.is_text:
        return values
    value_of: Callable[[float], Any] = _VALUE_OF[kind]
    if kind is FieldType.FLOAT and not np.isnan(column).any():
        return values
    return [None if value != value else value_of(value) for value in values]


_VALUE_OF: dict[FieldType, Callable[[float], Any]] = {
    FieldType.FLOAT: float,
    FieldType.INTEGER: int,
    FieldType.BOOLEAN: bool,
    FieldType.DATETIME: moment,
}
