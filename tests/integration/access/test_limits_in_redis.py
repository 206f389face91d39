from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from garcom.access.limits import Limiter, Pass
from garcom.access.principals import Principal
from garcom.access.redis_counters import TIMEOUT_S
from garcom.errors import BodyTooLarge, RateLimited, Unavailable
from garcom.rates import Limits
from garcom.settings import LimitsSettings
from tests.integration.access.redis import RedisServer

KEY = Principal(kind="key", name="gk_a")
#: Far longer than a test, so that no span ends in the midst of one.
LONG = "10/1h"


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[RedisServer]:
    server = RedisServer(tmp_path)
    server.start()
    yield server
    server.stop()


@asynccontextmanager
async def machine(folder: Path, url: str, **settings: Any) -> AsyncIterator[Limiter]:
    """A limiter as on a machine of its own."""
    folder.mkdir(exist_ok=True)
    limiter = Limiter(LimitsSettings(storage=url, **settings), folder, folder, 1)
    assert not limiter.is_quick
    try:
        yield limiter
    finally:
        await limiter.close()


async def admitted(limiter: Limiter, model: str = "wine") -> Pass:
    found = await limiter.admit_async(KEY, model)
    assert found is not None
    return found


async def until(condition: Callable[[], Any], timeout_s: float = 20) -> None:
    """Ask again until it is neither refused nor unavailable."""
    deadline = time.monotonic() + timeout_s
    while True:
        try:
            await condition()
        except Unavailable:
            assert time.monotonic() < deadline
            await asyncio.sleep(0.02)
        else:
            return


def test_two_machines_count_together(tmp_path: Path, redis: RedisServer) -> None:
    async def run() -> None:
        limits = {"keys": Limits(requests=LONG, daily_rows=100), "models": {"wine": Limits(rows="50/1h")}}
        async with machine(tmp_path / "a", redis.url, **limits) as a, machine(tmp_path / "b", redis.url, **limits) as b:
            for n in range(5):
                for each in (a, b):
                    found = await admitted(each)
                    await found.rows_async(4)
                assert dict(found.headers)[b"ratelimit-remaining"] == b"%d" % (8 - 2 * n)
            for each in (a, b):
                with pytest.raises(RateLimited, match=r"10 requests in any 3600 s \(key:gk_a\)") as caught:
                    await each.admit_async(KEY, "wine")
                assert 3500 < caught.value.retry_after_s <= 3600
            with pytest.raises(RateLimited, match=r"50 rows in any 3600 s \(model:wine\)"):
                await found.rows_async(11)
            await found.rows_async(10)  # nothing of the eleven was counted
            with pytest.raises(BodyTooLarge):
                await found.rows_async(51)

    asyncio.run(run())


def test_a_days_rows_and_what_limits_nobody(tmp_path: Path, redis: RedisServer) -> None:
    async def run() -> None:
        async with machine(tmp_path, redis.url, keys=Limits(daily_rows=10)) as limiter:
            found = await admitted(limiter)
            assert found.headers == []
            await found.rows_async(10)
            with pytest.raises(RateLimited, match=r"10 rows in a day \(UTC\)"):
                await found.rows_async(1)
            assert await limiter.admit_async(Principal(kind="nobody", name=""), "wine") is None

    asyncio.run(run())


def test_all_at_once_get_exactly_the_amount(
    tmp_path: Path, redis: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A machine that is busy otherwise would count in memory as soon as Redis takes too long.
    monkeypatch.setattr("garcom.access.redis_counters.TIMEOUT_S", 30.0)

    async def run() -> None:
        limits = {"keys": Limits(requests=LONG)}
        async with machine(tmp_path / "a", redis.url, **limits) as a, machine(tmp_path / "b", redis.url, **limits) as b:
            asked = [each.admit_async(KEY, "wine") for _ in range(20) for each in (a, b)]
            answers = await asyncio.gather(*asked, return_exceptions=True)
            assert sum(isinstance(answer, Pass) for answer in answers) == 10
            assert sum(isinstance(answer, RateLimited) for answer in answers) == 30

    asyncio.run(run())


def test_who_waits_gets_in(tmp_path: Path, redis: RedisServer) -> None:
    async def run() -> None:
        async with machine(tmp_path, redis.url, keys=Limits(requests="3/1s")) as limiter:
            for _ in range(3):
                await admitted(limiter)
            began = time.monotonic()
            with pytest.raises(RateLimited) as caught:
                await admitted(limiter)
            assert caught.value.retry_after_s == 1
            await until(lambda: admitted(limiter))
            assert time.monotonic() - began > 0.5  # three requests to a server on this machine took no longer

    asyncio.run(run())


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSTOP])
def test_while_redis_is_away_the_machine_counts_by_itself(
    tmp_path: Path, redis: RedisServer, how: signal.Signals
) -> None:
    async def run() -> None:
        async with machine(tmp_path, redis.url, keys=Limits(requests=LONG)) as limiter:
            for _ in range(10):
                await admitted(limiter)
            redis.send(how)
            for _ in range(10):
                await admitted(limiter)
            with pytest.raises(RateLimited):
                await admitted(limiter)
            redis.stop()
            redis.start()  # it has forgotten everything, the script too
            await until(lambda: admitted(limiter))
            assert dict((await admitted(limiter)).headers)[b"ratelimit-remaining"] == b"8"

    asyncio.run(run())


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSTOP])
def test_or_refuses_if_it_is_told_to(tmp_path: Path, redis: RedisServer, how: signal.Signals) -> None:
    async def run() -> None:
        limits = Limits(requests=LONG, concurrent=1)
        async with machine(tmp_path, redis.url, keys=limits, on_failure="refuse") as limiter:
            (await admitted(limiter)).release()
            redis.send(how)
            for _ in range(3):
                with pytest.raises(Unavailable, match="does not answer") as caught:
                    await admitted(limiter)
                assert not isinstance(caught.value, RateLimited)
            redis.stop()
            redis.start()
            await until(lambda: admitted(limiter))  # so none of those before is still being answered

    asyncio.run(run())


def test_a_frozen_redis_holds_up_one_request_in_a_while(tmp_path: Path, redis: RedisServer) -> None:
    async def run() -> None:
        async with machine(tmp_path, redis.url, keys=Limits(requests="1000000/1h")) as limiter:
            redis.send(signal.SIGSTOP)
            loop, waited = asyncio.get_running_loop(), 0
            for _ in range(100):
                began = loop.time()
                await admitted(limiter)
                waited += loop.time() - began > TIMEOUT_S / 2
            assert waited <= 5

    asyncio.run(run())


def test_a_wrong_password_is_told_nowhere(tmp_path: Path) -> None:
    (tmp_path / "server").mkdir()
    server = RedisServer(tmp_path / "server", "--requirepass", "right")
    server.start()

    async def run() -> None:
        file = tmp_path / "url"
        for password in ("right", "canary-wrong"):
            path = f"{server.url.removeprefix('redis+unix://')}?password={password}"
            file.write_text(f"redis+unix://{path}")
            settings = LimitsSettings(storage_file=str(file), keys=Limits(requests=LONG), on_failure="refuse")
            limiter = Limiter(settings, tmp_path, tmp_path, 1)
            if password == "right":
                await admitted(limiter)
            else:
                with pytest.raises(Unavailable) as caught:
                    await admitted(limiter)
                assert "canary" not in f"{caught.value}{caught.value.__cause__}{settings}"
            await limiter.close()

    try:
        asyncio.run(run())
    finally:
        server.stop()


def test_nothing_of_a_key_stays_for_ever(tmp_path: Path, redis: RedisServer) -> None:
    from redis.asyncio import Redis

    async def run() -> None:
        async with machine(tmp_path, redis.url, keys=Limits(requests="10/1s", daily_rows=5)) as limiter:
            await (await admitted(limiter)).rows_async(1)
            client = Redis.from_url(redis.url.replace("redis+unix", "unix"))
            lifetimes = {name: await client.pttl(name) for name in await client.keys()}
            assert set(lifetimes) == {b"garcom:limits:key:gk_a/requests/10/1", b"garcom:limits:key:gk_a/rows/day"}
            assert all(0 < lifetime <= 2 * 86_400_000 for lifetime in lifetimes.values())
            await client.aclose()

    asyncio.run(run())
