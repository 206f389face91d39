"""What the controller does by the clock."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from concurrent.futures import Executor

from garcom.errors import GarcomError

logger = logging.getLogger("garcom.controller")


async def repeat(
    name: str, work: Callable[[], None], every_s: float, executor: Executor, *, at_once: bool = False, rest: float = 0
) -> None:
    """Do the work in a thread again and again; what fails is logged, and tried again at the next turn.

    The first turn comes ``at_once``, or after the first pause. Work that takes long is followed by a pause of ``rest``
    times as long, if that is longer: so it never takes more than its share of the machine.
    """
    loop = asyncio.get_running_loop()
    took_s = 0.0

    def timed() -> None:
        nonlocal took_s
        began = time.monotonic()
        try:
            work()
        finally:
            took_s = time.monotonic() - began

    if not at_once:
        await asyncio.sleep(every_s)
    while True:
        try:
            await loop.run_in_executor(executor, timed)
        except (GarcomError, OSError) as error:  # such as a full disk
            logger.error("duty failed", extra={"duty": name, "why": str(error)})
        except Exception:
            # The boundary of this background work: one fault must not end the drain for good.
            logger.exception("duty failed", extra={"duty": name})
        await asyncio.sleep(pause_s(every_s, took_s, rest))


def pause_s(every_s: float, took_s: float, rest: float) -> float:
    """How long a duty pauses that has just taken ``took_s`` seconds.

    >>> pause_s(60, 2, rest=9), pause_s(60, 20, rest=9)
    (60, 180)
    """
    return max(every_s, rest * took_s)
