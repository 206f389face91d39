"""What happens before a credential is refused: it may have been made a moment ago, and the access list be behind."""

from __future__ import annotations

import asyncio
import time

import msgspec

from garcom.controller.asking import Controller
from garcom.controller.messages import ShowAccessRevision
from garcom.errors import GarcomError
from garcom.http.gate import Gate

#: How often the controller is asked at most, however many unknown credentials come.
ASKED_EVERY_S = 0.02
#: How long one waits for an answer, and for the list that it tells of.
PATIENCE_S = 2.0
_POLL_S = 0.01


class CatchingUp:
    """Lets a gate know whoever the database knows already.

    All that wait at the same time share one question: whoever shows credentials that nobody knows costs little.
    """

    def __init__(self, controller: Controller, gate: Gate) -> None:
        self._controller = controller
        self._gate = gate
        self._one_asks = asyncio.Lock()
        self._asked_at = float("-inf")

    async def __call__(self) -> bool:
        """Whether the gate knows of changes that it did not know of when this was called."""
        known, came_at = self._gate.revision, time.monotonic()
        try:
            async with asyncio.timeout(PATIENCE_S), self._one_asks:
                # Whoever asked after this one came has asked for it too.
                if self._asked_at < came_at:
                    await self._ask()
        except (GarcomError, TimeoutError):
            pass  # no controller: the list is what is known
        return self._gate.revision != known

    async def _ask(self) -> None:
        await asyncio.sleep(self._asked_at + ASKED_EVERY_S - time.monotonic())
        self._asked_at = time.monotonic()
        _, answer = await self._controller.ask(ShowAccessRevision())
        revision = msgspec.json.decode(answer, type=int)
        while self._gate.revision < revision:
            await asyncio.sleep(_POLL_S)
