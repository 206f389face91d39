"""Counters in Redis, for several machines that limit together.

The same buckets as in memory (see :mod:`garcom.access.windows`), in one hash for each measure, by the clock of the
Redis server. All measures of a request are looked at and counted by one script, so in one round trip and exactly. The
scripts of ``limits`` cannot do that: its moving window keeps an entry for every row, and each limit is a round trip of
its own.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from typing import Any

from garcom.access.measures import Measure
from garcom.access.windows import N_BUCKETS
from garcom.errors import SettingsError, Unavailable

#: Redis answers within a millisecond, or something is wrong.
TIMEOUT_S = 0.5
#: After it did not answer, one request in so long asks it again; the others do not wait for that.
PAUSE_S = 1.0
#: Of one worker; more requests at the same time wait for one of them.
MAX_CONNECTIONS = 16
#: What Redis takes to be one.
SCHEMES = ("redis://", "rediss://", "redis+unix://")

#: Times in microseconds. For each key a triple of arguments: the amount, the span, and 1 for a daily one. Answers which
#: measure refuses (0 for none), how long that lasts, and what is left of each.
_TAKE = """
local now = redis.call('TIME')
now = now[1] * 1000000 + now[2]
local cost, n_buckets, alive, left = tonumber(ARGV[1]), tonumber(ARGV[2]), {}, {}
for i, key in ipairs(KEYS) do
  local amount, span, daily = tonumber(ARGV[3 * i]), tonumber(ARGV[3 * i + 1]), ARGV[3 * i + 2] == '1'
  local used, ends, stored = 0, {}, redis.call('HGETALL', key)
  for j = 1, #stored, 2 do
    local count, stamp = string.match(stored[j + 1], '(%d+) (%d+)')
    local till = daily and (tonumber(stored[j]) + 1) * span or tonumber(stamp) + span
    if till > now then
      used = used + count
      ends[#ends + 1] = {till, tonumber(count)}
      alive[i .. ' ' .. stored[j]] = tonumber(count)
    else
      redis.call('HDEL', key, stored[j])
    end
  end
  local excess = used + cost - amount
  if excess > 0 then
    table.sort(ends, function(a, b) return a[1] < b[1] end)
    for _, each in ipairs(ends) do
      excess = excess - each[2]
      if excess <= 0 then return {i, each[1] - now} end
    end
    return {i, span}
  end
  left[i] = amount - used - cost
end
for i, key in ipairs(KEYS) do
  local span, daily = tonumber(ARGV[3 * i + 1]), ARGV[3 * i + 2] == '1'
  local bucket = string.format('%.0f', math.floor(now / (daily and span or math.ceil(span / n_buckets))))
  local count = (alive[i .. ' ' .. bucket] or 0) + cost
  redis.call('HSET', key, bucket, string.format('%.0f %.0f', count, now))
  redis.call('PEXPIRE', key, math.ceil(span / 500))
end
return {0, 0, unpack(left)}
"""


class RedisCounters:
    """Counters at the address ``url``, which is never told to anyone. Raises SettingsError for one of another kind."""

    def __init__(self, url: str) -> None:
        if not url.startswith(SCHEMES):
            raise SettingsError(
                f"limits.storage: expected an address that begins with one of {', '.join(SCHEMES)}, got another. "
                "docs/reference/limits.md explains it."
            )
        from limits.aio.storage import RedisStorage
        from limits.errors import ConfigurationError

        try:
            from redis.asyncio import BlockingConnectionPool

            self._pool: Any = BlockingConnectionPool.from_url(
                url.replace("redis+unix", "unix"),
                max_connections=MAX_CONNECTIONS,
                timeout=TIMEOUT_S,
                socket_timeout=TIMEOUT_S,
                socket_connect_timeout=TIMEOUT_S,
            )
            # Typed by the library as its clients of all kinds have it in common, which is too little.
            untyped: Any = RedisStorage
            storage = untyped(f"async+{url}", implementation="redispy", key_prefix="garcom", connection_pool=self._pool)
        except (ImportError, ValueError, ConfigurationError) as error:
            raise SettingsError(_unusable(error)) from None
        self._prefixed = storage.bridge.prefixed_key
        self._failures = (*storage.base_exceptions, OSError, TimeoutError)
        self._take: Any = storage.bridge.get_connection().register_script(_TAKE)
        self._away = False
        self._ask_again_at = 0.0

    async def take(self, measures: Sequence[Measure], cost: int) -> list[int]:
        """Count so many in all of the measures, and give what is left of each; or count nothing at all.

        Raises the measure's refusal, and Unavailable where Redis does not answer.
        """
        now = time.monotonic()
        if self._away:
            if now < self._ask_again_at:
                raise Unavailable("The place where limits are counted does not answer. Try again in a moment.")
            self._ask_again_at = now + PAUSE_S
        arguments: list[int] = [cost, N_BUCKETS]
        for measure in measures:
            arguments += (measure.amount, measure.span_s * 1_000_000, int(measure.daily))
        keys = [self._prefixed(f"limits:{measure.key}") for measure in measures]
        try:
            async with asyncio.timeout(TIMEOUT_S):
                refused, wait_us, *left = await self._take(keys, arguments)
        except self._failures as error:
            self._away, self._ask_again_at = True, time.monotonic() + PAUSE_S
            raise Unavailable(
                f"The place where limits are counted does not answer ({type(error).__name__}). Try again in a moment."
            ) from None
        self._away = False
        if refused:
            raise measures[refused - 1].refusal(wait_us * 1000)
        return [int(each) for each in left]

    async def close(self) -> None:
        """Close the connections."""
        await self._pool.aclose()


def _unusable(error: Exception) -> str:
    """Why there can be no such counters, without the address: it may hold a password."""
    if not isinstance(error, ValueError):
        return "limits.storage: expected the package `redis` for it, and it is not there: pip install 'garcom[redis]'."
    return "limits.storage: expected an address such as redis://host:6379/0, got one that cannot be read."
