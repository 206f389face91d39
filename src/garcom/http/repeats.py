"""Requests with an ``Idempotency-Key``: repeated after a lost answer, they get the first answer.

The key is claimed in a file that all workers share before anything is computed, and settled when the prediction stands
in the journal. A claim whose worker has died is taken over by whoever comes next, who looks in journal and lake first.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TypeVar

import msgspec

from garcom.controller.asking import Controller
from garcom.controller.messages import FindAnswer, ListKeys
from garcom.errors import GarcomError, JournalUnavailable, KeyBusy, KeyReused
from garcom.http.edge import Head
from garcom.journal.journal import Origin
from garcom.journal.keys import Answer, Answered, Busy, Claim, Kept, KeyStore, Mismatch, Orphaned, Scope, digest_of
from garcom.lake.records import LoggedPrediction
from garcom.serving.codec.answers import Answers
from garcom.serving.dataplane import DataPlane, Meter, Served
from garcom.serving.guards import Warned
from garcom.serving.runtime import Route

logger = logging.getLogger("garcom.http")

T = TypeVar("T")

#: How long a request waits for the same one that another connection sent before, and how often it looks.
BUSY_S = 10.0
POLL_S = 0.02
#: Keys that have had their time are removed so many at a time, so that nobody waits long for the file.
EXPIRED_AT_ONCE = 1000

_rows = msgspec.json.Decoder(list[LoggedPrediction]).decode
_keys = msgspec.json.Decoder(list[tuple[str, int | None, str, str]]).decode


class Repeats:
    """The keys of one worker's requests, in the folder that its siblings share.

    ``is_new`` tells whether nothing was ever predicted here, so that no key has to be looked for.
    """

    def __init__(
        self,
        folder: Path,
        plane: DataPlane,
        controller: Controller,
        lifetime: timedelta,
        is_new: Callable[[], bool],
    ) -> None:
        self._is_new = is_new
        self._plane = plane
        self._controller = controller
        self._lifetime = lifetime
        self._threads = ThreadPoolExecutor(2, thread_name_prefix="keys")
        self._loop = asyncio.get_running_loop()
        self._store = KeyStore(folder, self._kept, lifetime_s=lifetime.total_seconds())

    async def serve(self, route: Route, head: Head, origin: Origin, body: bytes, meter: Meter | None = None) -> Served:
        """The answer to a request with a key: the first, if there was one.

        Raises InputError for a key that cannot be one, KeyReused for one that came with another body, KeyBusy while
        another connection is still being answered, and what predicting raises.
        """
        pinned = route.slot.version if route.role == "pinned" else None
        scope = Scope(route.slot.model, "" if pinned is None else str(pinned))
        key = origin.key or ""
        # The same rows about somebody else are another request.
        kind = f"{head.content_type.decode('latin-1')} {origin.subject or ''}"

        async def work(is_orphaned: bool) -> Served:
            found = await self._found(route, pinned, key, head, body) if is_orphaned else None
            return found or await self._plane.predict(route, body, head.content_type, origin, head.names, meter)

        # An answer about several people could not be erased for one of them: a repetition is made from the lake.
        keep = not head.subject_field
        return await self.once(scope, key, digest_of(kind, body), work, subject=origin.subject, keep=keep)

    async def once(
        self,
        scope: Scope,
        key: str,
        digest: bytes,
        work: Callable[[bool], Awaitable[Served]],
        *,
        subject: str | None,
        keep: bool = True,
    ) -> Served:
        """The answer that a key got first, or that of ``work`` now; ``digest`` tells one request from another.

        ``work`` is told whether somebody who has died may have written the rows already: then it looks first. With
        ``keep`` false the answer is not kept, so that a repetition has to look as well. Raises what :meth:`serve` does.
        """
        claim = await self._claim(scope, key, digest)
        if isinstance(claim, Answered):
            media_type, answer, id, _ = claim.answer
            return Served(answer, media_type.encode(), id, repeated=True)
        try:
            served = await work(isinstance(claim, Orphaned))
        except BaseException as error:
            # What the journal refused may be on the disk all the same; of other errors nothing was written.
            certain = isinstance(error, GarcomError) and not isinstance(error, JournalUnavailable)
            await self._give_back(claim, certain)
            raise
        if keep:
            await self._settle(claim, Answer(served.media_type.decode(), served.body, served.id, subject))
        else:
            await self._give_back(claim, certain=False)
        return served

    async def ids(self, model: str, key: str, since: datetime) -> list[str]:
        """The ids of the rows that a request has logged, predicted since then, in their order; empty where none was."""
        since = min(since, self._since())
        question = FindAnswer(model=model, version=None, key=key, since=since, elsewhere=True)
        _, told = await self._controller.ask(question)
        return [row.id for row in _rows(told)]

    async def prepare(self) -> None:
        """Open the file, or build it, before the first request wants it."""
        await self._in_thread(self._store.open)

    def close(self) -> None:
        """Free the file; claims that are still held are taken over by whoever repeats their requests."""
        self._threads.shutdown(wait=True, cancel_futures=True)
        self._store.close()

    async def expire(self) -> None:
        """Remove keys that have had their time."""
        while await self._in_thread(partial(self._store.expire, EXPIRED_AT_ONCE)) == EXPIRED_AT_ONCE:
            await asyncio.sleep(POLL_S)

    async def _claim(self, scope: Scope, key: str, digest: bytes) -> Claim | Answered:
        deadline = self._loop.time() + BUSY_S
        while True:
            claim = await self._in_thread(partial(self._store.claim, scope, key, digest))
            if isinstance(claim, Mismatch):
                raise KeyReused(
                    "Expected the body that came first with this Idempotency-Key, got another one. Use a new key for "
                    "each request that is not a repetition."
                )
            if not isinstance(claim, Busy):
                return claim
            if self._loop.time() > deadline:
                raise KeyBusy(
                    "Another request with this Idempotency-Key is still being answered. Repeat it in a moment."
                )
            await asyncio.sleep(POLL_S)

    async def _found(self, route: Route, pinned: int | None, key: str, head: Head, body: bytes) -> Served | None:
        """The answer made again from what was written; None if nothing was, or not all of it."""
        model = route.slot.model
        _, told = await self._controller.ask(FindAnswer(model=model, version=pinned, key=key, since=self._since()))
        rows = _rows(told)
        if not rows:
            return None
        runtime = self._plane.runtime
        batcher = await runtime.batcher(runtime.slot(model, str(rows[0].version)))
        encoder = batcher.predictor.codec.encoder
        order = self._plane.read(batcher, body, head.content_type, head.names)
        if order.n_rows != len(rows):
            return None
        outputs = encoder.outputs(
            [row.prediction for row in rows], [row.probabilities for row in rows], [row.score for row in rows]
        )
        warnings = {i: msgspec.convert(row.warnings, list[Warned]) for i, row in enumerate(rows) if row.warnings}
        answer, media_type = encoder.encode(order.form, Answers([row.id for row in rows], outputs, warnings))
        return Served(answer, media_type, rows[0].id, repeated=True)

    async def _settle(self, claim: Claim, answer: Answer) -> None:
        try:
            await self._in_thread(partial(self._store.settle, claim, answer))
        except JournalUnavailable as error:
            # The prediction is in the journal, where the next request with this key finds it.
            logger.error("idempotency key cannot be kept", extra={"why": str(error)})

    async def _give_back(self, claim: Claim, certain: bool) -> None:
        give_back = self._store.release if certain else self._store.abandon
        try:
            await asyncio.shield(self._in_thread(partial(give_back, claim)))
        except JournalUnavailable as error:
            logger.error("idempotency key cannot be given back", extra={"why": str(error)})

    def _in_thread(self, work: Callable[[], T]) -> asyncio.Future[T]:
        return self._loop.run_in_executor(self._threads, work)

    def _kept(self) -> Iterable[Kept]:
        """The keys of requests that were answered before the file was lost; runs in a thread of the store."""
        if self._is_new():
            return
        asking = self._controller.ask(ListKeys(since=self._since()))
        _, told = asyncio.run_coroutine_threadsafe(asking, self._loop).result()
        for model, version, key, id in _keys(told):
            yield Kept(Scope(model, "" if version is None else str(version)), key, id)

    def _since(self) -> datetime:
        return datetime.now(UTC) - self._lifetime
