"""JSON bodies of the routes that are no prediction: read strictly, and refused in words that repeat no value."""

from __future__ import annotations

import re
from typing import Any, TypeVar

import msgspec
from fastapi import Request

from garcom.errors import Fault, InputError, MalformedBody, UnsupportedMediaType
from garcom.http.bodies import Disconnected, read_short
from garcom.http.parts import bodies
from garcom.serving.codec import strict_json
from garcom.serving.codec.documents import NotANumber, Pairs

#: Enough for every body of a few fields; none of them is a table.
MAX_JSON_BYTES = 128 * 1024

_Wanted = TypeVar("_Wanted", bound=msgspec.Struct)
# How msgspec tells what is wrong.
_EXPECTED = re.compile(r"Expected (.+?)(?:, got (.+?))?", re.DOTALL)
_UNKNOWN = re.compile(r"Object contains unknown field `(.*)`", re.DOTALL)
_MISSING = re.compile(r"Object missing required field `(.*)`", re.DOTALL)


async def read_json(request: Request, kind: type[_Wanted]) -> _Wanted:
    """The body as a ``kind``.

    Raises UnsupportedMediaType, MalformedBody for what is no JSON, and InputError for JSON that does not fit.
    """
    content_type = request.headers.get("content-type", "")
    if content_type.partition(";")[0].strip().lower() != "application/json":
        raise UnsupportedMediaType(f"Expected a body of application/json, got {content_type[:100]!r}.")
    try:
        body = await read_short(bodies(request), request.headers.raw, request.receive, MAX_JSON_BYTES)
    except Disconnected:  # nobody is there to read the answer
        raise MalformedBody("Expected the whole body, and the client has gone.") from None
    return read_document(body, kind)


def read_document(body: bytes, kind: type[_Wanted]) -> _Wanted:
    """Bytes as a ``kind``; raises MalformedBody and InputError."""
    try:
        document = _plain(strict_json.read(body), "$")
    except RecursionError:
        raise MalformedBody("Expected a few fields, got a document that is nested too deeply.") from None
    try:
        return msgspec.convert(document, kind)
    except msgspec.ValidationError as error:
        raise _refusal(str(error)) from None


def _plain(value: Any, at: str) -> Any:
    """The value without anything that JSON leaves open: names twice, impossible numbers, halves of characters."""
    match value:
        case Pairs():
            if value.duplicates():
                raise _wrong(at, "each name once", "the same name more than once")
            return {_plain(name, at): _plain(each, f"{at}.{name}") for name, each in value}
        case list():
            return [_plain(each, f"{at}[{position}]") for position, each in enumerate(value)]
        case NotANumber():
            raise _wrong(at, "a number that JSON has", value.literal)
        case float() if value.is_integer():  # 1.0 is an integer in JSON Schema
            return int(value)
        case str() if any("\ud800" <= character <= "\udfff" for character in value):
            raise _wrong(at, "text", "half of a surrogate pair")
        case _:
            return value


def _refusal(message: str) -> InputError:
    text, _, at = message.partition(" - at ")
    at = at.strip("`")
    if found := _EXPECTED.fullmatch(text):
        expected, got = found.groups()
        return _wrong(at, expected.replace("`", ""), (got or "something else").replace("`", ""))
    if found := _UNKNOWN.fullmatch(text):
        return _wrong(f"{at}.{found[1]}", "no such field", "one")
    if found := _MISSING.fullmatch(text):
        return _wrong(f"{at}.{found[1]}", "this field", "none")
    return _wrong(at, "one of the values that /docs lists", "another")


def _wrong(at: str, expected: str, got: str) -> InputError:
    # The name of a field may be anything, of any length.
    place = "".join(c if c.isprintable() else "?" for c in at.removeprefix("$").lstrip("."))[:100]
    fault = Fault(place, expected, "".join(c if c.isprintable() else "?" for c in got)[:200])
    return InputError(f"The body does not fit: {fault.sentence()}", (fault,))
