"""Questions that hash a password: few at a time, a bounded number waiting, and nobody else behind them."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from garcom.controller.answering import HASHED_AT_ONCE, MAX_WAITING, Answering
from garcom.controller.asking import SOCKET, Controller
from garcom.controller.messages import AnyQuestion, AskTokenByPassword, FindPrediction, PasswordCheck, Reply
from garcom.errors import Overloaded

LOGIN = AskTokenByPassword(by="nobody", address="")


class Hashing:
    """Hashes until it is told to end, and counts."""

    def __init__(self) -> None:
        self.end = threading.Event()
        self.lock = threading.Lock()
        self.now = self.most = self.begun = 0

    def __call__(self, question: AnyQuestion, body: bytes) -> tuple[Reply, bytes]:
        if not isinstance(question, PasswordCheck):
            return Reply(), b"other"
        with self.lock:
            self.now += 1
            self.begun += 1
            self.most = max(self.most, self.now)
        self.end.wait(30)
        with self.lock:
            self.now -= 1
        return Reply(), b"hashed"


def test_a_flood_of_logins_leaves_room_for_others(tmp_path: Path) -> None:
    hashing = Hashing()

    async def run() -> tuple[list[object], bytes]:
        with ThreadPoolExecutor(1) as threads:
            answering = Answering(tmp_path / SOCKET, hashing, threads)
            await answering.start()
            controller = Controller(tmp_path)
            try:
                flood = [asyncio.create_task(controller.ask(LOGIN)) for _ in range(HASHED_AT_ONCE + MAX_WAITING + 10)]
                for first in itertools.islice(asyncio.as_completed(flood, timeout=30), 10):
                    with contextlib.suppress(Overloaded):
                        await first
                _, other = await asyncio.wait_for(controller.ask(FindPrediction(id="x")), 30)
                hashing.end.set()
                return await asyncio.wait_for(asyncio.gather(*flood, return_exceptions=True), 30), other
            finally:
                hashing.end.set()
                answering.close()

    told, other = asyncio.run(run())
    assert other == b"other"
    refused = [it for it in told if isinstance(it, Overloaded)]
    assert len(refused) == 10
    assert hashing.begun == len(told) - 10
    assert hashing.most == HASHED_AT_ONCE
