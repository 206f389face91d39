"""Columns of Arrow into columns of a batch; what does not fit becomes faults, by row where a row is to blame."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from garcom.errors import Fault
from garcom.model.signature import INTEGER_LIMIT, Field, FieldType
from garcom.records import FloatArray, TextArray
from garcom.serving.codec import values
from garcom.serving.codec.faults import MAX_FAULTS

Mask = npt.NDArray[np.bool_]

#: Views may name the same bytes a million times; as texts of their own they would not fit the memory.
_MAX_VIEWED_BYTES = 256 * 1024 * 1024
#: The years 1 to 9999 in microseconds since 1970, as far as JSON's date-times go.
_FIRST_MOMENT, _LAST_MOMENT = -62_135_596_800_000_000, 253_402_300_799_999_999


def numbers(field: Field, column: Any, faults: list[Fault]) -> FloatArray | float:
    """A column of numbers, booleans or date-times as float64, nulls as NaN; NaN alone after a fault of the type."""
    import pyarrow as pa

    if pa.types.is_null(column.type) and field.nullable:
        return np.nan
    if pa.types.is_dictionary(column.type) and _is_number(column.type.value_type):
        column = column.dictionary_decode()
    if not _fits(field, column.type):
        faults.append(Fault(field.name, values.expected(field), f"a column of {column.type}"))
        return np.nan
    missing: Mask = column.is_null().to_numpy(zero_copy_only=False)
    found = _moments(field, column, faults) if field.type is FieldType.DATETIME else _values(column)
    if field.type in (FieldType.INTEGER, FieldType.CATEGORY):
        _check_whole(field, found, faults)
    floats = found.astype(np.float64)
    if not field.nullable:
        _fault_at(field, missing, "null", faults)
        _fault_at(field, np.isnan(floats) & ~missing, "NaN", faults)
    _fault_at(field, np.isinf(floats), "Infinity", faults)
    floats[missing] = np.nan
    return floats


def texts(field: Field, column: Any, faults: list[Fault]) -> TextArray | None:
    """A column of texts, or of a category of integers, as objects, nulls as None; None alone after a fault."""
    import pyarrow as pa

    if pa.types.is_null(column.type) and field.nullable:
        return None
    if field.categories and isinstance(field.categories[0], int):
        return _whole_categories(field, column, faults)
    encoded = pa.types.is_dictionary(column.type)
    if not _is_text(column.type.value_type if encoded else column.type):
        faults.append(Fault(field.name, values.expected(field), f"a column of {column.type}"))
        return None
    found = _decoded(column) if encoded else _listed(field, column, faults)
    if found is not None and not field.nullable:
        _fault_at(field, np.array([text is None for text in found]), "null", faults)
    return found


def _fits(field: Field, kind: Any) -> bool:
    import pyarrow as pa

    match field.type:
        case FieldType.BOOLEAN:
            return bool(pa.types.is_boolean(kind))
        case FieldType.DATETIME:
            return bool(pa.types.is_timestamp(kind) or pa.types.is_date(kind))
        case _:
            return _is_number(kind)


def _is_number(kind: Any) -> bool:
    import pyarrow as pa

    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind))


def _is_text(kind: Any) -> bool:
    import pyarrow as pa

    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind))


def _values(column: Any) -> npt.NDArray[Any]:
    """The values as float64, or as integers where they are, 0 where they are null."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if pa.types.is_decimal(column.type) or pa.types.is_floating(column.type):
        column = pc.cast(column, pa.float64())
    elif pa.types.is_boolean(column.type):
        column = pc.cast(column, pa.int8())
    if column.null_count:
        column = column.fill_null(0)
    found: npt.NDArray[Any] = column.to_numpy(zero_copy_only=False)
    return found


def _moments(field: Field, column: Any, faults: list[Fault]) -> npt.NDArray[Any]:
    """Microseconds since 1970 UTC; nanoseconds are cut off."""
    import pyarrow as pa
    import pyarrow.compute as pc

    cuts = pa.types.is_timestamp(column.type) and column.type.unit == "ns"
    try:
        found = _values(pc.cast(pc.cast(column, pa.timestamp("us"), safe=not cuts), pa.int64()))
    except pa.ArrowInvalid:  # more microseconds than fit
        faults.append(Fault(field.name, values.expected(field), "a date-time beyond the year 9999"))
        return np.zeros(len(column))
    outside = (found < _FIRST_MOMENT) | (found > _LAST_MOMENT)
    _fault_at(field, outside, "a date-time outside the years 1 to 9999", faults)
    return found


def _check_whole(field: Field, found: npt.NDArray[Any], faults: list[Fault]) -> None:
    # Compared as they came: as float64, 2**53 + 1 is 2**53.
    beyond = (found > INTEGER_LIMIT) | (found < -INTEGER_LIMIT)
    if found.dtype.kind == "f":
        finite = np.isfinite(found)
        _fault_at(field, finite & (found != np.floor(found)), "a number with a fraction", faults)
        beyond &= finite
    _fault_at(field, beyond, values.TOO_LARGE_INTEGER, faults)


def _whole_categories(field: Field, column: Any, faults: list[Fault]) -> TextArray | None:
    floats = numbers(field, column, faults)
    if faults or isinstance(floats, float):
        return None
    found = np.empty(len(floats), object)
    found[:] = [None if value != value else int(value) for value in floats.tolist()]
    return found


def _decoded(column: Any) -> TextArray:
    """Dictionary-encoded texts: each row refers to its dictionary's text instead of having its own copy."""
    known = np.array([*column.dictionary.to_pylist(), None], object)
    missing = column.is_null().to_numpy(zero_copy_only=False)
    found: TextArray = known[column.indices.fill_null(0).to_numpy(zero_copy_only=False)]
    found[missing] = None
    return found


def _listed(field: Field, column: Any, faults: list[Fault]) -> TextArray | None:
    import pyarrow as pa

    if pa.types.is_string_view(column.type) and _viewed_bytes(column) > _MAX_VIEWED_BYTES:
        faults.append(Fault(field.name, f"at most {_MAX_VIEWED_BYTES:,} bytes of text", "more", "Send fewer rows."))
        return None
    found = np.empty(len(column), object)
    found[:] = column.to_pylist()
    return found


def _viewed_bytes(column: Any) -> int:
    """The length of all texts of a column of views: the first of the four int32 of each view."""
    views = np.frombuffer(column.buffers()[1], np.int32)[4 * column.offset :]
    return int(views[: 4 * len(column) : 4].sum(dtype=np.int64))


def _fault_at(field: Field, wrong: Mask, got: str, faults: list[Fault]) -> None:
    if wrong.any():
        rows = np.flatnonzero(wrong)[: max(0, MAX_FAULTS - len(faults))].tolist()
        faults.extend(Fault(f"records[{row}].{field.name}", values.expected(field), got) for row in rows)
