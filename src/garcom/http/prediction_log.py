"""Predictions that something else has made, logged so that they are kept, joined with actuals and monitored here."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any

import msgspec
from fastapi import APIRouter, Request, Response

from garcom.access.limits import Pass
from garcom.errors import InputError
from garcom.http.bodies import Body, Disconnected
from garcom.http.catalogue import Catalogue, catalogue
from garcom.http.edge import Edge, Head
from garcom.http.json_schemas import json_answer
from garcom.http.parameters import LAST_VERSION, ModelName
from garcom.http.parts import bodies
from garcom.http.repeats import Repeats
from garcom.journal.journal import Origin
from garcom.journal.keys import Scope, digest_of
from garcom.lake.records import Logged
from garcom.model.bundle import Bundle
from garcom.model.signature import Signature
from garcom.serving.codec.answers import JSON
from garcom.serving.codec.logged_body import MAX_ROWS, MadeElsewhere, read_logged
from garcom.serving.dataplane import Served
from garcom.serving.logbook import EXTERNAL, Logbook
from garcom.serving.runtime import version_number

router = APIRouter(tags=["predictions"])

_NUMBERS = {"type": "object", "additionalProperties": {"type": "number"}}
#: What a row holds depends on the model: its fields, its labels.
_ROW: dict[str, Any] = {
    "type": "object",
    "properties": {
        "input": {"type": "object", "description": "The fields that the model got."},
        "prediction": {
            "type": ["string", "number", "boolean", "object"],
            "description": "The label, the number, or the numbers by target.",
        },
        "probabilities": {**_NUMBERS, "description": "Of each label."},
        "score": {"type": "number", "description": "Of an outlier."},
        "key": {"type": "string", "maxLength": 255, "description": "What you call the row; actuals may name it."},
        "subject": {"type": "string", "maxLength": 255, "description": "Whom the row is about; kept as a pseudonym."},
        "time": {"type": "string", "format": "date-time", "description": "When it was predicted; now, if not told."},
        "version": {
            "type": "integer",
            "minimum": 1,
            "maximum": LAST_VERSION,
            "description": "Which version predicted; the one that answers, if not told.",
        },
        "latency_ms": {"type": "number", "minimum": 0, "description": "How long it took."},
    },
    "required": ["input", "prediction"],
    "additionalProperties": False,
}


@router.post(
    "/v1/models/{model}/log",
    summary="Log predictions made elsewhere",
    response_model=None,
    responses={200: json_answer("What was written.", Logged)},
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {"schema": {"type": "array", "minItems": 1, "maxItems": MAX_ROWS, "items": _ROW}}
            },
        }
    },
)
async def log_predictions(request: Request, model: ModelName) -> Response:
    """Up to 10,000 rows with what another server has answered; their ids come back in the same order.

    Rows are checked by the model's signature, written as those that are predicted here, and on the disk before the
    answer. When one row is wrong, none is taken. `Idempotency-Key` and `Garcom-Subject` mean what they mean when
    predicting.
    """
    found = catalogue(request)
    found.require(model)
    edge: Edge = request.app.state.edge
    head = edge.read_headers(request.headers.raw)
    origin = Origin(
        head.request_id.decode() if head.request_id else None,
        head.key.decode("latin-1") if head.key else None,
        edge.subject(head.subject),
        EXTERNAL,
    )
    body = Body(bodies(request), request.receive)
    try:
        bodies(request).check_head(request.headers.raw)
        call = _Call(request, found, model, head, origin, await body.read())
        served = await call.write(False) if origin.key is None else await call.write_once(origin.key)
    except Disconnected:
        return Response(status_code=400)  # nobody is there to read it
    finally:
        body.release()
    headers = {"idempotent-replayed": "true"} if served.repeated else None
    return Response(served.body, headers=headers, media_type=served.media_type.decode())


class _Call:
    """One request's rows, on their way into the journal."""

    def __init__(
        self, request: Request, known: Catalogue, model: str, head: Head, origin: Origin, content: bytes
    ) -> None:
        self._passed: Pass | None = getattr(request.state, "passed", None)
        self._logbook: Logbook = request.app.state.logbook
        self._repeats = request.app.state.repeats
        self._known = known
        self._model = model
        self._content_type = head.content_type
        self._origin = origin
        self._content = content
        self._bundles: dict[int, Bundle] = {}

    async def write_once(self, key: str) -> Served:
        """As :meth:`write`, or what the same request was answered before."""
        repeats: Repeats = self._repeats()
        # A key counts for a model; what predicts and what logs are never the same request.
        kind = f"log {self._content_type.decode('latin-1')} {self._origin.subject or ''}"
        digest = digest_of(kind, self._content)
        return await repeats.once(Scope(self._model), key, digest, self.write, subject=self._origin.subject)

    async def write(self, is_orphaned: bool) -> Served:
        """Read and write the rows; ``is_orphaned`` tells that they may have been written by one that died."""
        rows = await asyncio.to_thread(self._read)
        if self._passed is not None:
            await self._passed.rows_async(len(rows))
        if is_orphaned:
            since = datetime.fromtimestamp(min(row.time_us for row in rows) / 1e6, UTC)
            ids = await self._repeats().ids(self._model, self._origin.key or "", since)
            if len(ids) == len(rows):
                return self._served(ids, repeated=True)
        versions = [(number, bundle.digest, bundle.signature) for number, bundle in self._bundles.items()]
        self._logbook.introduce(self._model, versions)
        digests = {number: digest for number, digest, _ in versions}
        page = await asyncio.to_thread(self._logbook.page, self._model, digests, rows, self._origin)
        await self._logbook.write(self._model, page)
        return self._served(page.ids)

    def _read(self) -> list[MadeElsewhere]:
        rows = read_logged(self._content, self._content_type, self._version, datetime.now(UTC))
        if self._origin.key is not None and any(row.key is not None for row in rows):
            raise InputError(
                "Expected either an Idempotency-Key or rows with a key, got both. Send the one that counts."
            )
        return rows

    def _version(self, number: int | None) -> tuple[int, Signature]:
        answering, numbers = self._known.versions(self._model)
        if number is None:
            bundle = self._known.answering(self._model)
            number = answering or 0
        else:
            number = version_number(self._model, str(number), numbers)
            bundle = self._known.bundle(self._model, number)
        self._bundles[number] = bundle
        return number, bundle.signature

    def _served(self, ids: list[str], *, repeated: bool = False) -> Served:
        answer = msgspec.json.encode(Logged(model=self._model, rows=len(ids), ids=tuple(ids)))
        return Served(answer, JSON, ids[0], repeated)
