"""Segments: the rows in which a field has a value, as ``field=value``, written in one way."""

from __future__ import annotations

import polars as pl

from garcom.errors import InputError
from garcom.model.segments import segment_texts
from garcom.model.signature import FieldType, Signature

_BOOLEANS = {"true": "true", "1": "true", "1.0": "true", "false": "false", "0": "false", "0.0": "false"}


def canonical(segment: str | None, signature: Signature) -> str | None:
    """The segment as profiles name it: booleans are true and false, whole numbers have no fraction.

    Raises InputError for a text that is none, and for a field that the model does not take or that is personal.
    """
    if segment is None:
        return None
    name, equals, value = segment.partition("=")
    if not name or not equals:
        raise InputError(f"Expected a segment as field=value, such as region=SP, got {segment[:100]!r}.")
    fields = {field.name: field for field in signature.fields if not field.personal}
    if name not in fields:
        raise InputError(
            f"Expected a segment of a field that the model takes and that is not personal ({', '.join(fields)[:300]}), "
            f"got {name[:100]!r}."
        )
    if fields[name].type is FieldType.BOOLEAN:
        return f"{name}={_BOOLEANS.get(value.strip().lower(), value)}"
    if not fields[name].type.is_text:
        try:
            number = float(value)
        except ValueError:
            return segment
        value = str(int(number)) if number.is_integer() and abs(number) < 2**53 else str(number)
    return f"{name}={value}"


def rows_of(table: pl.DataFrame, segment: str | None, signature: Signature) -> pl.DataFrame:
    """The rows of a table (:func:`~garcom.monitoring.rows.table_of`) that are in a canonical segment; None is all."""
    if segment is None:
        return table
    name, _, value = segment.partition("=")
    field = next(field for field in signature.fields if field.name == name)
    return table.filter(segment_texts(table[name], field) == value)
