from __future__ import annotations

import asyncio
import errno
import itertools
import logging
from concurrent.futures import ThreadPoolExecutor

import pytest

from garcom.controller.duties import pause_s, repeat
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


@pytest.mark.parametrize(
    ("took_s", "rest", "expected_s"), [(500.0, 0.0, 60.0), (2.0, 9.0, 60.0), (20.0, 9.0, 180.0)], ids=str
)
def test_work_that_takes_long_rests_long(took_s: float, rest: float, expected_s: float) -> None:
    assert pause_s(60.0, took_s, rest) == expected_s
