"""Which reader takes a body, by its Content-Type."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from garcom.errors import UnsupportedMediaType

T = TypeVar("T")

JSON, CSV, ARROW = b"application/json", b"text/csv", b"application/vnd.apache.arrow.stream"


def reader_for(content_type: bytes, readers: Mapping[bytes, T]) -> T:
    """The one of ``readers`` (by media type) for a body. Raises UnsupportedMediaType; bodies are in UTF-8 always."""
    kind, _, parameters = content_type.lower().partition(b";")
    kind = kind.strip()
    if kind.startswith(b"application/") and kind.endswith(b"+json"):
        kind = JSON
    reader = readers.get(kind)
    if reader is None:
        came = repr(content_type.decode("latin-1")[:100]) if kind else "a request that does not say what it is"
        *others, last = (known.decode() for known in readers)
        wanted = f"{', '.join(others)} or {last}" if others else last
        raise UnsupportedMediaType(f"Expected a body of {wanted}, got {came}. Set the Content-Type header.")
    charset = _charset(parameters)
    if charset and charset not in (b"utf-8", b"utf8", b"us-ascii"):
        raise UnsupportedMediaType(f"Expected UTF-8, got charset {charset.decode('latin-1')[:50]!r}.")
    return reader


def _charset(parameters: bytes) -> bytes:
    """The charset among a media type's parameters, or nothing."""
    for parameter in parameters.split(b";"):
        name, _, value = parameter.partition(b"=")
        if name.strip() == b"charset":
            return value.strip().strip(b'"')
    return b""
