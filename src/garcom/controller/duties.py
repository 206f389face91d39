"""What the controller does by the clock."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import Executor

from garcom.errors import GarcomError

logger = logging.getLogger("garcom.controller")


async def repeat(
    name: str, work: Callable[[], None], every_s: float, executor: Executor, *, at_once: bool = False
) -> None:
    """Do the work in a thread again and again; what fails is logged, and tried again at the next turn.

    The first turn comes ``at_once``, or after the first pause.
    """
    loop = asyncio.get_running_loop()
    if not at_once:
        await asyncio.sleep(every_s)
    while True:
        try:
            await loop.run_in_executor(executor, work)
        except (GarcomError, OSError) as error:  # such as a full disk
            logger.error("duty failed", extra={"duty": name, "why": str(error)})
        except Exception:
            # The boundary of this background work: one fault must not end the drain for good.
            logger.exception("duty failed", extra={"duty": name})
        await asyncio.sleep(every_s)
