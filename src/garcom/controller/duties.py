"""What the controller does by the clock."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import Executor

from garcom.errors import GarcomError

logger = logging.getLogger("garcom.controller")


async def repeat(name: str, work: Callable[[], None], every_s: float, executor: Executor) -> None:
    """Do the work in a thread again and again; what fails is logged, and tried again at the next turn."""
    loop = asyncio.get_running_loop()
    while True:
        await asyncio.sleep(every_s)
        try:
            await loop.run_in_executor(executor, work)
        except (GarcomError, OSError) as error:  # such as a full disk
            logger.error("duty failed", extra={"duty": name, "why": str(error)})
        except Exception:
            # The boundary of this background work: one fault must not end the drain for good.
            logger.exception("duty failed", extra={"duty": name})
