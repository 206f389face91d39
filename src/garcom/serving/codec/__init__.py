"""Bytes ⇄ typed rows and answers, for the signature of one version of a model."""

from __future__ import annotations

from garcom.errors import UnsupportedMediaType
from garcom.model.signature import Signature
from garcom.serving.codec.answers import AnswerEncoder
from garcom.serving.codec.arrow_body import ArrowBodies
from garcom.serving.codec.csv_body import CsvBodies
from garcom.serving.codec.forms import Order
from garcom.serving.codec.json_body import JsonBodies

#: What a body may be, in the words of an error.
MEDIA_TYPES = "application/json, text/csv or application/vnd.apache.arrow.stream"


class Codec:
    """Decodes requests and encodes answers."""

    def __init__(self, model: str, version: int, signature: Signature, max_rows: int) -> None:
        self.encoder = AnswerEncoder(model, version, signature.output)
        self.read_json = JsonBodies(signature, max_rows).read
        self._readers = {
            b"application/json": self.read_json,
            b"text/csv": CsvBodies(signature, max_rows).read,
            b"application/vnd.apache.arrow.stream": ArrowBodies(signature, max_rows).read,
        }

    def decode(self, body: bytes, content_type: bytes) -> Order:
        """The rows of a body. Raises UnsupportedMediaType, MalformedBody or InvalidRows."""
        kind, _, parameters = content_type.lower().partition(b";")
        kind = kind.strip()
        if kind.startswith(b"application/") and kind.endswith(b"+json"):
            kind = b"application/json"
        reader = self._readers.get(kind)
        if reader is None:
            came = repr(content_type.decode("latin-1")[:100]) if kind else "a request that does not say what it is"
            raise UnsupportedMediaType(f"Expected a body of {MEDIA_TYPES}, got {came}. Set the Content-Type header.")
        charset = _charset(parameters)
        if charset and charset not in (b"utf-8", b"utf8", b"us-ascii"):
            raise UnsupportedMediaType(f"Expected UTF-8, got charset {charset.decode('latin-1')[:50]!r}.")
        return reader(body)


def _charset(parameters: bytes) -> bytes:
    """The charset among a media type's parameters, or nothing."""
    for parameter in parameters.split(b";"):
        name, _, value = parameter.partition(b"=")
        if name.strip() == b"charset":
            return value.strip().strip(b'"')
    return b""
