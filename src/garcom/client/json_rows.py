"""Records of Python, numpy and pandas values as JSON bodies."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any, NamedTuple

import msgspec
import numpy as np

from garcom.errors import Fault, InvalidRows

JSON = "application/json"
#: A body ends at whichever comes first; the server takes 64 MiB unless told otherwise.
MAX_ROWS = 10_000
MAX_BYTES = 16 * 1024 * 1024

_encode = msgspec.json.Encoder().encode


class Part(NamedTuple):
    """One body of a request that may need several, and the position of its first row."""

    first_row: int
    body: bytes


def one_record(record: Mapping[str, Any]) -> bytes:
    """A record as JSON; raises InvalidRows for a value that JSON cannot hold."""
    return _encoded(record, "")


def parts(
    records: Sequence[Any], max_rows: int = MAX_ROWS, max_bytes: int = MAX_BYTES, *, called: str = "records"
) -> Iterator[Part]:
    """A list of records as JSON bodies of bounded size; an empty list is one body, for the server to refuse.

    Raises InvalidRows for a value that JSON cannot hold; it tells the row as ``<called>[n]``.
    """
    held: list[bytes] = []
    size = first = 0
    for row, record in enumerate(records):
        body = _encoded(record, f"{called}[{row}]")
        if held and (len(held) == max_rows or size + len(body) > max_bytes):
            yield Part(first, _listed(held))
            held, size, first = [], 0, row
        held.append(body)
        size += len(body) + 1
    yield Part(first, _listed(held))


def _listed(bodies: list[bytes]) -> bytes:
    return b"[" + b",".join(bodies) + b"]"


def _encoded(record: Any, where: str) -> bytes:
    if not isinstance(record, Mapping):
        fault = Fault(where, "a record (a dict of the model's fields)", type(record).__name__)
        raise InvalidRows(fault.sentence(), (fault,))
    named = {_name(name, where): _value(value, where, name) for name, value in record.items()}
    try:
        return _encode(named)
    except UnicodeEncodeError as error:
        fault = Fault(where, "text", "text with half a surrogate pair, which is not Unicode")
        raise InvalidRows(fault.sentence(), (fault,)) from error


def _name(name: Any, where: str) -> str:
    if isinstance(name, str):
        return str(name)
    fault = Fault(where, "field names as text", f"{name!r}, of type {type(name).__name__}")
    raise InvalidRows(fault.sentence(), (fault,))


def _value(value: Any, where: str, name: str) -> Any:
    """The same for a value that may be an object: the actual of a model with several targets."""
    if isinstance(value, Mapping) and name == "actual":
        return {_name(target, where): plain(each, where, f"{name}.{target}") for target, each in value.items()}
    return plain(value, where, name)


def plain(value: Any, where: str, name: str) -> Any:
    """The value as JSON shows it: missing values of every library as null, moments as ISO 8601.

    Infinity is refused here, because an encoder would turn it into a missing value.
    """
    kind = type(value)
    if kind is str or kind is int or kind is bool or value is None:
        return value
    if isinstance(value, np.datetime64):
        return None if np.isnat(value) else str(value.astype("datetime64[us]"))
    if isinstance(value, np.generic):
        value = value.item()
    if kind.__name__ in ("NaTType", "NAType"):  # pandas' own missing values, without importing pandas
        return None
    if isinstance(value, Decimal):
        value = float(value)
    if isinstance(value, float):
        return None if math.isnan(value) else _finite(float(value), where, name)
    if isinstance(value, str):
        return str.__str__(value)  # the text itself, also of an enumeration
    if isinstance(value, int):
        return value if isinstance(value, bool) else int(value)
    if isinstance(value, date):
        return value.isoformat()
    raise _unfit(where, name, "a number, text, true or false, a date-time or null", f"a {kind.__name__}")


def _finite(value: float, where: str, name: str) -> float:
    if math.isinf(value):
        raise _unfit(where, name, "a finite number", "Infinity")
    return value


def _unfit(where: str, name: str, expected: str, got: str) -> InvalidRows:
    fault = Fault(f"{where}.{name}" if where else name, expected, got)
    return InvalidRows(fault.sentence(), (fault,))
