"""Bytes ⇄ typed rows and answers, for the signature of one version of a model."""

from __future__ import annotations

from garcom.model.signature import Signature
from garcom.serving.codec.answers import AnswerEncoder
from garcom.serving.codec.arrow_body import ArrowBodies
from garcom.serving.codec.csv_body import CsvBodies
from garcom.serving.codec.forms import Order
from garcom.serving.codec.json_body import JsonBodies
from garcom.serving.codec.media import ARROW, CSV, JSON, reader_for


class Codec:
    """Decodes requests and encodes answers."""

    def __init__(self, model: str, version: int, signature: Signature, max_rows: int) -> None:
        self.encoder = AnswerEncoder(model, version, signature.output)
        self.read_json = JsonBodies(signature, max_rows).read
        self._readers = {
            JSON: self.read_json,
            CSV: CsvBodies(signature, max_rows).read,
            ARROW: ArrowBodies(signature, max_rows).read,
        }

    def decode(self, body: bytes, content_type: bytes) -> Order:
        """The rows of a body. Raises UnsupportedMediaType, MalformedBody or InvalidRows."""
        return reader_for(content_type, self._readers)(body)
