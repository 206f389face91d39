"""A careful JSON reader: slower than the typed one, but it can tell what is wrong, and where.

It serves bodies that the typed decoder refused, and the few it cannot read (a field name with a quotation
mark, an integer written 1.0, a date without a time). RFC 8259, with the choices it leaves open made so:
duplicate names, NaN, Infinity, numbers beyond float64 and a byte order mark are refused.
"""

from __future__ import annotations

import json
from typing import Any

from garcom.serving.codec.documents import NotANumber, Pairs
from garcom.serving.codec.faults import malformed


def _float(literal: str) -> float | NotANumber:
    number = float(literal)
    return number if number - number == 0.0 else NotANumber(literal)


def _int(literal: str) -> int | NotANumber:
    # Python refuses integers of more than 4,300 digits; float64 ends at 309.
    return int(literal) if len(literal) <= 310 else NotANumber(literal)


_DECODER = json.JSONDecoder(
    object_pairs_hook=Pairs, parse_constant=NotANumber, parse_float=_float, parse_int=_int, strict=True
)


def read(body: bytes) -> Any:
    """The body as Python values: objects as Pairs, impossible numbers as NotANumber.

    Raises MalformedBody for anything that is not one JSON value in UTF-8.
    """
    if not body.strip():
        raise malformed("", "a JSON document", "an empty body")
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise malformed("", "UTF-8", f"bytes that are not UTF-8 at position {error.start}") from None
    if text.startswith("\ufeff"):
        raise malformed("", "JSON", "a byte order mark before it", "Save the file as UTF-8 without BOM.")
    try:
        return _DECODER.decode(text)
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}"
        raise malformed("", "JSON", f"a document that breaks at {place} ({error.msg.lower()})") from None
    except RecursionError:
        raise malformed("", "records of plain values", "a document that is nested too deeply") from None
