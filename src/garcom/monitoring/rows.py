"""Rows of the lake as profiles count them: a column for each field and for each thing that was answered."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import polars as pl

from garcom.model.reference_profile import answer_names
from garcom.model.signature import Field, FieldType, Output, Signature

#: Stands where a value is none of its field's type, in a column of texts then: profiles count it as such.
UNREADABLE = "unreadable"

#: Reading JSON takes many times the memory of what it says: so many rows together.
_ROWS_AT_ONCE = 50_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_decode = msgspec.json.Decoder().decode


def table_of(rows: pl.DataFrame, signature: Signature, fields: Sequence[str] | None = None) -> pl.DataFrame:
    """The inputs and answers of rows of the lake (``input``, ``label``, ``value``, ``output``), in their order.

    Numbers and booleans (0 and 1) are Float64, moments microseconds since 1970 UTC as Float64, texts and categories
    String; what is missing is null. A column in which a value does not fit its field is String, with
    :data:`UNREADABLE` there. Personal fields are left out, since what is written of them is not what came.

    What was answered is ``prediction`` (a label, or a number), ``prediction_<target>`` where there are several,
    ``probability_<label>`` and ``score``; a field of such a name gives way. ``fields`` names those that are wanted of
    the fields.
    """
    answers = answer_names(signature.output)
    wanted = [
        field
        for field in signature.fields
        if not field.personal and field.name not in answers and (fields is None or field.name in fields)
    ]
    parts = [_table_of(part, wanted, signature.output) for part in rows.iter_slices(_ROWS_AT_ONCE)]
    # Where one part has a column of texts with something unreadable in it, so have the others.
    return pl.concat(parts, how="vertical_relaxed") if parts else _table_of(rows.clear(), wanted, signature.output)


def _table_of(rows: pl.DataFrame, fields: Sequence[Field], output: Output) -> pl.DataFrame:
    columns = _inputs(rows["input"], fields) if fields else []
    return pl.DataFrame([*columns, *_answers(rows, output)])


def _inputs(texts: pl.Series, fields: Sequence[Field]) -> list[pl.Series]:
    schema = {field.name: pl.Float64 if _is_number(field) else pl.String for field in fields}
    try:
        found = texts.str.json_decode(pl.Struct(schema)).struct.unnest()
    except pl.exceptions.ComputeError:  # a value that does not fit: each has to be looked at
        objects = [_object(text) for text in texts]
        return [_slowly(field, [each.get(field.name) for each in objects]) for field in fields]
    return [_moments(found[field.name]) if _is_moment(field) else found[field.name] for field in fields]


def _is_moment(field: Field) -> bool:
    return field.type is FieldType.DATETIME


def _is_number(field: Field) -> bool:
    return field.type in (FieldType.FLOAT, FieldType.INTEGER, FieldType.BOOLEAN)


def _moments(texts: pl.Series) -> pl.Series:
    found = texts.str.to_datetime("%+", time_unit="us", time_zone="UTC", strict=False)
    if found.null_count() == texts.null_count():
        return found.to_physical().cast(pl.Float64)
    return _settled(texts.name, [None if text is None else _microseconds(text) for text in texts])


def _microseconds(text: object) -> float | str:
    """A moment in another form, such as a date alone; one without a zone is in UTC."""
    if not isinstance(text, str):
        return UNREADABLE
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return UNREADABLE
    aware = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
    return float((aware - _EPOCH) // timedelta(microseconds=1))


def _slowly(field: Field, values: Iterable[Any]) -> pl.Series:
    read: Callable[[Any], Any] = _text
    if _is_moment(field):
        read = _microseconds
    elif _is_number(field):
        read = _number
    found = [None if value is None else read(value) for value in values]
    return pl.Series(field.name, found, dtype=pl.String) if read is _text else _settled(field.name, found)


def _number(value: Any) -> float | str:
    if not isinstance(value, int | float):
        return UNREADABLE
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return UNREADABLE if isinstance(value, list | dict) else str(value)


def _settled(name: str, values: Sequence[float | str | None]) -> pl.Series:
    """A column of numbers, or of texts where one of them is :data:`UNREADABLE`."""
    if UNREADABLE in values:
        return pl.Series(name, [None if value is None else str(value) for value in values], dtype=pl.String)
    return pl.Series(name, values, dtype=pl.Float64)


def _object(text: str | None) -> dict[str, Any]:
    if text is None:
        return {}
    try:
        found = _decode(text)
    except msgspec.DecodeError:
        return {}
    return found if isinstance(found, dict) else {}


def _answers(rows: pl.DataFrame, output: Output) -> list[pl.Series]:
    several = output.task == "regression" and len(output.names) > 1
    shares = output.probability_names if output.probabilities else ()
    columns = []
    if not several:
        columns.append(rows["value" if output.task == "regression" else "label"].alias("prediction"))
    if several:
        columns += _numbers_in(rows["output"], "prediction", output.names, "prediction")
    if shares:
        columns += _numbers_in(rows["output"], "probabilities", shares, "probability")
    if output.task == "outlier":
        columns.append(rows["value"].alias("score"))
    return columns


def _numbers_in(texts: pl.Series, part: str, names: Sequence[str], prefix: str) -> list[pl.Series]:
    """Numbers by their names in a part of the answers; null where it is none."""
    shape = pl.Struct({part: pl.Struct(dict.fromkeys(names, pl.Float64))})
    try:
        found = texts.str.json_decode(shape).struct.field(part).struct.unnest()
    except pl.exceptions.ComputeError:
        objects = [_object(text).get(part) for text in texts]
        told = [each if isinstance(each, dict) else {} for each in objects]
        numbers = {name: [_number_or_none(each.get(name)) for each in told] for name in names}
        found = pl.DataFrame(numbers, schema=dict.fromkeys(names, pl.Float64))
    return [found[name].alias(f"{prefix}_{name}") for name in names]


def _number_or_none(value: Any) -> float | None:
    return found if isinstance(found := _number(value), float) else None
