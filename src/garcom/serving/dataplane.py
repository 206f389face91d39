"""Inference, written once: every transport hands over bytes and gets bytes back."""

from __future__ import annotations

import time
from typing import NamedTuple

import msgspec
from msgspec import UNSET

from garcom.records import Batch
from garcom.serving.codec.answers import JSON
from garcom.serving.codec.forms import Form
from garcom.serving.runtime import Route, Runtime
from garcom.serving.telemetry import Telemetry

_encode = msgspec.json.Encoder().encode


class Served(NamedTuple):
    """An answer as bytes; ``id`` is the first row's prediction id."""

    body: bytes
    media_type: bytes
    id: str


class DataPlane:
    """Decode, predict, encode, count."""

    def __init__(self, runtime: Runtime, telemetry: Telemetry) -> None:
        self.runtime = runtime
        self.telemetry = telemetry

    async def predict(self, route: Route, body: bytes, content_type: bytes) -> Served:
        """Answer one request. Raises InputError, Unavailable, EngineError or BundleError."""
        began = time.perf_counter()
        slot = route.slot
        batcher = slot.batcher or await self.runtime.batcher(slot)
        codec = batcher.predictor.codec
        order = codec.read_json(body) if content_type == JSON else codec.decode(body, content_type)
        if order.form is Form.RECORD and not isinstance(order.rows, Batch):
            answer = await batcher.submit(order.rows[0])
            n_rows, n_warned = 1, int(answer.warnings is not UNSET)
            served = Served(_encode(answer), JSON, answer.id)
        else:
            answers = await batcher.submit_body(order.rows)
            n_rows, n_warned = len(answers.ids), len(answers.warnings)
            served = Served(*codec.encoder.encode(order.form, answers), answers.ids[0])
        now = time.perf_counter()
        slot.last_used = now
        self.telemetry.version(slot.model, slot.version).add(200, n_rows, n_warned, now - began)
        return served
