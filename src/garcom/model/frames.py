"""Tables and batches: a pandas DataFrame to a :class:`~garcom.records.Batch` and back."""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np

from garcom.errors import DataError
from garcom.model.signature import INTEGER_LIMIT, Field, FieldType, Signature
from garcom.model.tables import read_table
from garcom.records import Batch, FloatArray, TextArray
from garcom.suggestions import near

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["column_numbers", "is_whole", "json_row", "named", "near", "read_table", "to_batch", "to_frame"]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TRUTH = {"true": 1.0, "false": 0.0, "1": 1.0, "0": 0.0, "1.0": 1.0, "0.0": 0.0}


def named(frame: pd.DataFrame) -> pd.DataFrame:
    """The frame with text names: numbered columns, as a bare matrix has, become ``x0``, ``x1``, …"""
    columns: list[object] = list(frame.columns)
    if columns == list(range(len(columns))):
        return frame.set_axis([f"x{number}" for number in columns], axis=1)
    return frame if all(type(name) is str for name in columns) else frame.set_axis([str(c) for c in columns], axis=1)


def to_batch(frame: pd.DataFrame, signature: Signature) -> Batch:
    """The columns of ``frame`` that the signature names, checked and in its order; other columns are ignored.

    Missing values (NaN, None, NA, NaT) need a nullable field. Numbers written as text are read as numbers.

    Raises :class:`~garcom.errors.DataError` naming the column, and the first row (counted from 1) that does not
    fit. An empty frame gives an empty batch.
    """
    frame = named(frame)
    numbers = [_numbers(_column(frame, field), field) for field in signature.number_fields]
    texts = [_texts(_column(frame, field), field) for field in signature.text_fields]
    n_rows = len(frame)
    return Batch(
        np.column_stack(numbers) if numbers else np.empty((n_rows, 0)),
        np.column_stack(texts) if texts else np.empty((n_rows, 0), dtype=object),
    )


def _column(frame: pd.DataFrame, field: Field) -> pd.Series[Any]:
    import pandas as pd

    if field.name in frame.columns:
        same = int((frame.columns == field.name).sum())
        if same > 1:
            raise DataError(f"The data have {same} columns named {field.name!r}; names must differ.")
        return frame[field.name]
    if field.required:
        raise DataError(
            f"The model needs a column {field.name!r}, and the data have none of that name."
            f"{near(field.name, list(frame.columns))} Their columns are {list(frame.columns)}."
        )
    return pd.Series([None] * len(frame), dtype=object)


def _numbers(column: pd.Series[Any], field: Field) -> FloatArray:
    missing = column.isna().to_numpy(dtype=bool)
    truth, datetimes = field.type is FieldType.BOOLEAN, field.type is FieldType.DATETIME
    values = column_numbers(column, truth=truth, datetimes=datetimes)
    _refuse(~missing & np.isnan(values), column, field, f"a value of type {field.type.value}")
    _refuse(missing & (not field.nullable), column, field, "a value in every row (the field is not nullable)")
    _refuse(np.isinf(values), column, field, "a finite number")
    if field.type is FieldType.INTEGER:
        _refuse(~missing & (np.trunc(values) != values), column, field, "a whole number")
        _refuse(~missing & (np.abs(values) > INTEGER_LIMIT), column, field, f"a whole number within ±{INTEGER_LIMIT}")
    if field.type is FieldType.BOOLEAN:
        _refuse(~missing & (values != 0) & (values != 1), column, field, "true or false")
    return values


def column_numbers(column: pd.Series[Any], *, truth: bool = False, datetimes: bool = False) -> FloatArray:
    """A column as float64, NaN where a value is missing or is no number (see :func:`to_batch` for what is read).

    ``truth`` reads true and false written as text; ``datetimes`` reads times, as microseconds since 1970 UTC (those
    without a zone are UTC).
    """
    import pandas as pd

    if datetimes:
        return _datetimes(column)
    if isinstance(column.dtype, pd.CategoricalDtype):
        column = column.astype(object)
    if pd.api.types.is_datetime64_any_dtype(column.dtype) or pd.api.types.is_timedelta64_dtype(column.dtype):
        return np.full(len(column), np.nan)
    if pd.api.types.is_numeric_dtype(column.dtype):
        return column.to_numpy(dtype=np.float64, na_value=np.nan)
    if truth:
        column = column.map(lambda value: _TRUTH.get(str(value).strip().lower(), np.nan))
    return pd.to_numeric(column, errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)


def _datetimes(column: pd.Series[Any]) -> FloatArray:
    import pandas as pd

    if pd.api.types.is_numeric_dtype(column.dtype):
        return np.full(len(column), np.nan)
    times = pd.to_datetime(column, utc=True, errors="coerce", format="ISO8601")
    micros = times.dt.tz_localize(None).to_numpy(dtype="datetime64[us]")
    return np.where(np.isnat(micros), np.nan, micros.astype(np.int64).astype(np.float64))


def _texts(column: pd.Series[Any], field: Field) -> TextArray:
    missing = column.isna().to_numpy(dtype=bool)
    _refuse(missing & (not field.nullable), column, field, "a value in every row (the field is not nullable)")
    convert = _whole if is_whole(field) else _text
    values = np.empty(len(column), dtype=object)
    values[:] = [None if gap else convert(value) for value, gap in zip(column.tolist(), missing, strict=True)]
    unfit = np.array([value is None for value in values], dtype=bool) & ~missing
    _refuse(unfit, column, field, "a whole number" if is_whole(field) else "a text")
    return values


def is_whole(field: Field) -> bool:
    """Whether the field is a category of integers."""
    return field.type is FieldType.CATEGORY and bool(field.categories) and not isinstance(field.categories[0], str)


def _text(value: object) -> str | None:
    """``value`` as text; a whole float as the integer it was before gaps made a float column of it."""
    if isinstance(value, str):
        return value
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value) if isinstance(value, int | float | bool) else None


def _whole(value: object) -> int | None:
    if isinstance(value, str):
        try:
            return int(value)
        except ValueError:
            return None
    return int(value) if isinstance(value, int | float) and value == int(value) else None


def _refuse(wrong: Any, column: pd.Series[Any], field: Field, expected: str) -> None:
    if not wrong.any():
        return
    row = int(np.argmax(wrong))
    others = int(wrong.sum()) - 1
    more = f", and {others} more like it" if others else ""
    got = column.iloc[row]
    shown = "nothing" if column.isna().iloc[row] else repr(got.item() if isinstance(got, np.generic) else got)
    raise DataError(
        f"Column {field.name!r}, row {row + 1}: expected {expected}, got {shown}{more}. "
        "Correct or leave out these rows, or correct the field in the signature."
    )


def to_frame(
    batch: Batch, signature: Signature, *, as_text: Collection[str] = (), missing_text: object = np.nan
) -> pd.DataFrame:
    """The batch as pandas would have read it: one column per field, in the signature's order.

    float → float64; integer → int64 (float64 where the field is nullable); boolean → bool (object with NaN where
    nullable); datetime → datetime64[us] in UTC without a zone; string → pandas' text type; category → category
    with the field's values, so that any other value is missing. The category fields in ``as_text`` come as text
    (or plain integers) instead, unknown values kept. ``missing_text`` stands for a missing text.
    """
    import pandas as pd

    numbers = {field.name: batch.numbers[:, at] for at, field in enumerate(signature.number_fields)}
    texts = {field.name: batch.texts[:, at] for at, field in enumerate(signature.text_fields)}
    columns = {
        field.name: _text_series(texts[field.name], field, field.name in as_text, missing_text)
        if field.type.is_text
        else _number_series(numbers[field.name], field)
        for field in signature.fields
    }
    return pd.DataFrame(columns)


def _number_series(values: FloatArray, field: Field) -> pd.Series[Any]:
    import pandas as pd

    if field.type is FieldType.DATETIME:
        gaps = np.isnan(values)
        times = np.where(gaps, 0, values).astype(np.int64).astype("datetime64[us]")
        times[gaps] = np.datetime64("NaT")
        return pd.Series(times)
    if field.type is FieldType.BOOLEAN:
        if not field.nullable:
            return pd.Series(values != 0)
        flags = (values != 0).astype(object)
        flags[np.isnan(values)] = np.nan
        return pd.Series(flags, dtype=object)
    # A nullable integer was float64 in training too, because that is how pandas reads integers with gaps.
    if field.type is FieldType.INTEGER and not field.nullable:
        return pd.Series(values.astype(np.int64))
    return pd.Series(np.ascontiguousarray(values))


def _text_series(values: TextArray, field: Field, as_text: bool, missing: object) -> pd.Series[Any]:
    import pandas as pd

    if field.type is FieldType.CATEGORY and not as_text:
        code = {value: at for at, value in enumerate(field.categories)}
        codes = [code.get(value, -1) for value in values]
        known: Any = list(field.categories)
        return pd.Series(pd.Categorical.from_codes(codes, categories=known))
    gaps = [value is None for value in values]
    filled = values.copy()
    filled[gaps] = missing
    series: pd.Series[Any] = pd.Series(filled, dtype=object)
    if is_whole(field):
        return series.infer_objects()
    # Before pandas 3 texts were objects; the text type of pandas 3 cannot hold None.
    plain = int(pd.__version__.split(".")[0]) < 3 or (missing is None and any(gaps))
    return series if plain else series.astype("str")


def json_row(batch: Batch, signature: Signature, row: int = 0) -> dict[str, Any]:
    """One row of a batch as the JSON record that the API accepts; missing values are null."""
    numbers = zip(signature.number_fields, batch.numbers[row].tolist(), strict=True)
    texts = zip(signature.text_fields, batch.texts[row].tolist(), strict=True)
    values = {field.name: _json_number(value, field) for field, value in numbers}
    values |= {field.name: value for field, value in texts}
    return {name: values[name] for name in signature.names}


def _json_number(value: float, field: Field) -> Any:
    if np.isnan(value):
        return None
    if field.type is FieldType.INTEGER:
        return int(value)
    if field.type is FieldType.BOOLEAN:
        return bool(value)
    if field.type is FieldType.DATETIME:
        return (_EPOCH + timedelta(microseconds=value)).isoformat().replace("+00:00", "Z")
    return value
