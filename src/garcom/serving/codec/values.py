"""One value for one field: the rules that JSON (on its careful path), CSV and split bodies share.

What a caller sent is never repeated in an error: values may be personal, and errors are logged elsewhere.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from garcom.errors import Fault
from garcom.model.signature import INTEGER_LIMIT, Field, FieldType
from garcom.serving.codec.documents import NotANumber, Pairs
from garcom.suggestions import near

#: Looking for the nearest name takes a while where a model has many; past this many faults nobody reads hints.
_MAX_HINTS = 10
TOO_LARGE_INTEGER = "an integer beyond ±9007199254740992 (2**53), which is not exact in a model"

_EXPECTED = {
    FieldType.FLOAT: "a number",
    FieldType.INTEGER: "an integer",
    FieldType.BOOLEAN: "true or false",
    FieldType.DATETIME: "a date-time such as 2026-11-21T10:00:00Z",
    FieldType.STRING: "text",
}


class Misfit(Exception):
    """A value that does not fit its field; the message says what came."""


def expected(field: Field) -> str:
    """What a field takes, in words."""
    if field.type is FieldType.CATEGORY:
        kind = "an integer" if field.categories and isinstance(field.categories[0], int) else "text"
        known = ", ".join(str(value) for value in field.categories[:5])
        words = f"{kind} (a category such as {known})" if known else kind
    else:
        words = _EXPECTED[field.type]
    return f"{words} or null" if field.nullable else words


def described(value: object) -> str:
    """What came, in words, without repeating it."""
    match value:
        case None:
            return "null"
        case bool():
            return "a boolean"
        case int() | float():
            return "a number"
        case str():
            return "text" if value else "empty text"
        case NotANumber():
            return value.literal
        case Pairs():
            return "an object"
        case list():
            return "a list"
        case _:
            return "an object"


def read_value(field: Field, value: object) -> Any:
    """A JSON value as the field's Python value, or Misfit."""
    if value is None:
        if field.nullable:
            return None
        raise Misfit("null")
    match field.type:
        case FieldType.FLOAT:
            return _number(value)
        case FieldType.INTEGER:
            return _integer(value)
        case FieldType.BOOLEAN:
            if isinstance(value, bool):
                return value
        case FieldType.DATETIME:
            if isinstance(value, str):
                return _moment(value)
        case FieldType.STRING:
            if isinstance(value, str):
                return _text(value)
        case FieldType.CATEGORY:
            if field.categories and isinstance(field.categories[0], int):
                return _integer(value)
            if isinstance(value, str):
                return _text(value)
    raise Misfit(described(value))


def read_cell(field: Field, cell: str) -> Any:
    """A cell of CSV as the field's Python value, or Misfit; an empty cell is a missing value."""
    if not cell:
        if field.type is FieldType.STRING and not field.nullable:
            return ""
        return read_value(field, None)
    match field.type:
        case FieldType.FLOAT | FieldType.INTEGER:
            return read_value(field, _parsed_number(cell))
        case FieldType.CATEGORY if field.categories and isinstance(field.categories[0], int):
            return read_value(field, _parsed_number(cell))
        case FieldType.BOOLEAN:
            known = {"true": True, "false": False, "1": True, "0": False}.get(cell.strip().lower())
            return read_value(field, cell if known is None else known)
        case _:
            return read_value(field, cell)


def missing(where: str, field: Field) -> Fault:
    """The fault of a field that was left out."""
    return Fault(where, expected(field), "nothing: the field is missing")


def unknown(where: str, name: str, names: Sequence[str], n_before: int = 0) -> Fault:
    """The fault of a field that the model does not have; only the first few of a body get a suggestion."""
    hint = ""
    if n_before < _MAX_HINTS:
        hint = near(name, names).lstrip() or f"The fields are: {', '.join(map(repr, names[:20]))}."
    return Fault(where, "only the model's fields", "an unknown field", hint)


def _number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Misfit(described(value))
    try:
        number = float(value)
    except OverflowError:
        raise Misfit("a number too large for float64") from None
    if not math.isfinite(number):
        raise Misfit(_not_finite(number))
    return number


def _not_finite(number: float) -> str:
    return "NaN" if number != number else "Infinity"


def _integer(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Misfit(described(value))
    if isinstance(value, float) and not value.is_integer():
        raise Misfit("a number with a fraction" if math.isfinite(value) else _not_finite(value))
    if not -INTEGER_LIMIT <= value <= INTEGER_LIMIT:
        raise Misfit(TOO_LARGE_INTEGER)
    return int(value)


def _moment(value: str) -> datetime:
    try:
        return datetime.fromisoformat(value)
    except ValueError:
        raise Misfit("text that is no date-time (ISO 8601)") from None


def _text(value: str) -> str:
    try:
        value.encode()
    except UnicodeEncodeError:
        raise Misfit("text with half a surrogate pair, which is not Unicode") from None
    return value


def _parsed_number(cell: str) -> object:
    if "_" in cell or not cell.isascii():  # Python's digit separators and other scripts' digits
        return cell
    try:
        return int(cell)
    except ValueError:
        pass
    try:
        number = float(cell)
    except ValueError:
        return cell
    beyond = math.isinf(number) and any(character.isdigit() for character in cell)
    return NotANumber(cell) if beyond else number
