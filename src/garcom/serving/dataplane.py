"""Inference, written once: every transport hands over bytes and gets bytes back."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import NamedTuple, Protocol

import msgspec
from msgspec import UNSET

from garcom.errors import EngineError, GarcomError
from garcom.journal.journal import Origin
from garcom.records import Batch
from garcom.serving.batching import Batcher
from garcom.serving.codec.answers import JSON, Answer, Answers
from garcom.serving.codec.forms import Form, Order
from garcom.serving.named_rows import NameFields
from garcom.serving.predictor import Predictor
from garcom.serving.runtime import Route, Runtime, Slot
from garcom.serving.scribe import Origins
from garcom.serving.telemetry import Telemetry

#: A longer body is decoded in a thread, so that the event loop can serve others meanwhile.
LONG_BODY_BYTES = 64 * 1024

NO_NAMES = NameFields()

_encode = msgspec.json.Encoder().encode


class Served(NamedTuple):
    """An answer as bytes; ``id`` is the first row's prediction id. A repeated one was given to the same key before."""

    body: bytes
    media_type: bytes
    id: str
    repeated: bool = False


class Meter(Protocol):
    """Counts the rows of a request for which there is a limit, before anything is computed."""

    def rows(self, n: int) -> None:
        """Count so many. Raises RateLimited."""

    async def rows_async(self, n: int) -> None:
        """As :meth:`rows`, where counting takes waiting."""


#: Gets what was served, or the error in its place; called once, on the event loop.
Deliver = Callable[[Served | GarcomError], None]


class DataPlane:
    """Decode, predict, encode, count."""

    def __init__(self, runtime: Runtime, telemetry: Telemetry, pseudonym: Callable[[str], str]) -> None:
        self.runtime = runtime
        self.telemetry = telemetry
        self._pseudonym = pseudonym

    def submit(
        self,
        slot: Slot,
        batcher: Batcher,
        body: bytes,
        content_type: bytes,
        origin: Origin,
        deliver: Deliver,
        meter: Meter | None = None,
    ) -> None:
        """Decode a body and queue its rows; ``deliver`` gets the answer later.

        Raises InputError, RateLimited and Overloaded at once, before anything is computed.
        """
        began = time.perf_counter()
        order = _decoded(batcher.predictor, body, content_type)
        if meter is not None:
            meter.rows(order.n_rows)
        self._queue(slot, batcher, order, origin, began, deliver)

    def _queue(
        self, slot: Slot, batcher: Batcher, order: Order, origins: Origins, began: float, deliver: Deliver
    ) -> None:
        if order.form is not Form.RECORD or isinstance(order.rows, Batch):
            self._queue_body(slot, batcher, order, origins, began, deliver)
            return

        def served_one(answer: Answer | GarcomError) -> None:
            if isinstance(answer, GarcomError):
                deliver(answer)
                return
            self._count(slot, 1, answer.warnings is not UNSET, began)
            deliver(Served(_encode(answer), JSON, answer.id))

        batcher.submit(order.rows[0], served_one, origins if isinstance(origins, Origin) else origins[0], began)

    def _queue_body(
        self, slot: Slot, batcher: Batcher, order: Order, origins: Origins, began: float, deliver: Deliver
    ) -> None:
        encoder = batcher.predictor.codec.encoder

        def encoded(answers: Answers) -> tuple[Served, int]:
            body, media_type = encoder.encode(order.form, answers)
            return Served(body, media_type, answers.ids[0]), len(answers.warnings)

        def served_all(found: tuple[Served, int] | GarcomError) -> None:
            if isinstance(found, GarcomError):
                if isinstance(found, EngineError) and found.row is not None:
                    found = found.at(order.form.place(found.row))
                deliver(found)
                return
            served, n_warned = found
            self._count(slot, order.n_rows, n_warned, began)
            deliver(served)

        batcher.submit_body(order.rows, encoded, served_all, origins, began)

    async def predict(
        self,
        route: Route,
        body: bytes,
        content_type: bytes,
        origin: Origin,
        names: NameFields = NO_NAMES,
        meter: Meter | None = None,
    ) -> Served:
        """Answer one request, loading the model if need be; the answer is written down by then.

        ``names`` are fields of the rows that tell whom each is about, and what the client calls it.
        Raises InputError, Unavailable, EngineError, and what loading raises.
        """
        slot = route.slot
        batcher = slot.batcher or await self.runtime.batcher(slot)
        answered: asyncio.Future[Served] = asyncio.get_running_loop().create_future()

        def deliver(served: Served | GarcomError) -> None:
            if answered.done():
                return  # its client has gone
            if isinstance(served, GarcomError):
                answered.set_exception(served)
            else:
                answered.set_result(served)

        began = time.perf_counter()
        origins: Origins = origin
        if names.given:
            order, origins = await asyncio.to_thread(self._read_named, batcher, body, content_type, origin, names)
        elif len(body) > LONG_BODY_BYTES:
            order = await asyncio.to_thread(_decoded_and_built, batcher.predictor, body, content_type)
        else:
            order = _decoded(batcher.predictor, body, content_type)
        if meter is not None:
            await meter.rows_async(order.n_rows)
        self._queue(slot, batcher, order, origins, began, deliver)
        return await answered

    def read(self, batcher: Batcher, body: bytes, content_type: bytes, names: NameFields) -> Order:
        """The order in a body, as :meth:`predict` reads it. Raises InputError."""
        if names.given:
            return self._read_named(batcher, body, content_type, Origin(), names)[0]
        return batcher.predictor.codec.decode(body, content_type)

    def _read_named(
        self, batcher: Batcher, body: bytes, content_type: bytes, origin: Origin, names: NameFields
    ) -> tuple[Order, list[Origin]]:
        return batcher.predictor.named_rows(names).read(body, content_type, origin, self._pseudonym)

    def _count(self, slot: Slot, n_rows: int, n_warned: int, began: float) -> None:
        now = time.perf_counter()
        slot.last_used = now
        self.telemetry.version(slot.model, slot.version).add(200, n_rows, n_warned, now - began)


def _decoded(predictor: Predictor, body: bytes, content_type: bytes) -> Order:
    codec = predictor.codec
    return codec.read_json(body) if content_type == JSON else codec.decode(body, content_type)


def _decoded_and_built(predictor: Predictor, body: bytes, content_type: bytes) -> Order:
    """The order of a long body, its rows as a batch already."""
    form, rows = predictor.codec.decode(body, content_type)
    return Order(form, rows if isinstance(rows, Batch) else predictor.build(rows))
