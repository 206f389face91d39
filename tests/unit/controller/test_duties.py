from __future__ import annotations

import asyncio
import errno
import itertools
import logging
from concurrent.futures import ThreadPoolExecutor

import pytest

from garcom.controller.duties import repeat
from garcom.errors import LakeUnavailable

FULL = OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.parametrize(
    ("error", "traceback"), [(LakeUnavailable("later"), False), (FULL, False), (ZeroDivisionError(), True)]
)
def test_a_duty_that_fails_is_told_and_done_again(
    caplog: pytest.LogCaptureFixture, error: Exception, traceback: bool
) -> None:
    async def run() -> None:
        done = asyncio.Event()
        loop = asyncio.get_running_loop()
        turns = itertools.chain((error,), itertools.repeat(None))

        def work() -> None:
            if failure := next(turns):
                raise failure
            loop.call_soon_threadsafe(done.set)

        with ThreadPoolExecutor(1) as threads:
            duty = asyncio.create_task(repeat("drain", work, 0.001, threads))
            await asyncio.wait_for(done.wait(), 30)
            duty.cancel()
            await asyncio.gather(duty, return_exceptions=True)

    with caplog.at_level(logging.ERROR, "garcom.controller"):
        asyncio.run(run())
    assert [(record.message, record.exc_info is not None) for record in caplog.records] == [("duty failed", traceback)]
