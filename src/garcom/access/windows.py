"""Counters of what was asked for: at most so much in any span of time, and at most so much in a day.

A :class:`Window` keeps when things were counted in :data:`N_BUCKETS` buckets, each with the moment of its newest; a
bucket counts until that moment is a span ago. So what is counted is never less than what was asked for in the last
span, and at most the rest of one bucket more. The exact way, a list of all moments as in ``limits``'
``MovingWindowRateLimiter``, needs memory and time in the amount of the limit (a million rows a minute); its
``SlidingWindowCounterRateLimiter`` lets through up to twice the amount in a span.

Several processes count together in a :class:`~garcom.access.shared_table.SharedTable`. Two that count in the same
microsecond may each not yet see the other, so that with N processes up to N − 1 requests more than the amount can pass.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Protocol

from garcom.access.shared_table import (
    FINGERPRINT,
    HEAD_WORDS,
    LANES_TAKEN,
    RECORD_HEAD_WORDS,
    WORD_BYTES,
    SharedTable,
    fingerprint,
)

N_BUCKETS = 31
#: One more than the span has, because the oldest is still alive while the newest begins.
_RING = N_BUCKETS + 1
#: In a lane: the sum of its living buckets, until when that sum is right, then a count and a moment for each bucket.
_SUM = 0
_RIGHT_UNTIL = 1
_COUNTS = 2
WINDOW_LANE_WORDS = _COUNTS + 2 * _RING
WINDOW_STAMPS = slice(_COUNTS + 1, None, 2)
#: In a lane of a daily quota: the day, and what was counted on it.
_DAY = 0
_COUNT = 1
QUOTA_LANE_WORDS = 2
QUOTA_STAMPS = slice(_DAY, _DAY + 1)
NS = 1_000_000_000
DAY_NS = 86_400 * NS


class Counter(Protocol):
    """What limits something."""

    amount: int

    def take(self, cost: int) -> int:
        """Count so many and give how many are left; where there is no room, minus the nanoseconds until there is."""

    def give_back(self, cost: int) -> None:
        """Count so many less, right after :meth:`take` had room for them."""


class Window:
    """At most ``amount`` in any span of ``span_s`` seconds, by a clock of nanoseconds that never goes back."""

    def __init__(
        self,
        table: SharedTable,
        key: str,
        amount: int,
        span_s: int,
        clock: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        self.amount = amount
        self._table = table
        self._key = key
        self._fingerprint = fingerprint(key)
        self._span = span_s * NS
        self._width = -(-self._span // N_BUCKETS)
        self._clock = clock
        self._own = self._bucket = 0
        #: Until when there is no room for so many, once that is known.
        self._full_until = 0
        self._full_cost = 0
        #: Until when :attr:`_own` is right.
        self._turn = 0
        self._others: list[_OtherLane] = []
        self._lanes_seen: int = 0
        self._words: memoryview[int]
        self._use_own_memory()

    def take(self, cost: int) -> int:
        """Count so many and give how many are left; where there is no room, minus the nanoseconds until there is."""
        now = self._clock()
        if now < self._full_until and cost >= self._full_cost:
            return now - self._full_until
        words = self._words
        if now >= self._turn or words[LANES_TAKEN] != self._lanes_seen:  # somebody has begun to count
            self._turn_to(now)
            words = self._words
        own = self._own + cost
        left = self.amount - own
        for other in self._others:
            left -= other.sum(now)
        if left < 0:
            self._full_until = self._room_at(cost, now)
            self._full_cost = cost
            return now - self._full_until
        at = self._bucket
        words[at] += cost
        words[at + 1] = now
        words[self._lane] = self._own = own
        return left

    def give_back(self, cost: int) -> None:
        """Count so many less, right after :meth:`take` had room for them."""
        self._own -= cost
        self._words[self._bucket] -= cost
        self._words[self._lane] = self._own

    def _turn_to(self, now: int) -> None:
        """Begin the bucket of this moment, and count anew what is alive of this process's lane."""
        table = self._table
        if not self._shared or self._words[self._record] != self._fingerprint:
            self._settle(now)
        if self._words[LANES_TAKEN] != self._lanes_seen:
            self._lanes_seen = self._words[LANES_TAKEN]
            lanes = (table.lane_at(self._record, lane) for lane in range(self._lanes_seen) if lane != table.lane)
            self._others = [_OtherLane(self._words, lane, self._span) for lane in lanes]
        words, lane = self._words, self._lane
        own, right_until = 0, (now // self._width + 1) * self._width
        for at in range(lane + _COUNTS, lane + WINDOW_LANE_WORDS, 2):
            if count := words[at]:
                ends = words[at + 1] + self._span
                if ends > now:
                    own += count
                    right_until = min(right_until, ends)
                else:
                    words[at] = 0
        self._bucket = lane + _COUNTS + 2 * (now // self._width % _RING)
        if not words[self._bucket]:
            words[self._bucket + 1] = now  # so that nobody else gets the record before this bucket has ended
        self._own = own
        self._turn = words[lane + _RIGHT_UNTIL] = right_until
        words[lane + _SUM] = own

    def _settle(self, now: int) -> None:
        """Find the key's record; while there is none, count in this process alone."""
        record = self._table.find(self._key, self._span, now)
        lane = self._table.lane
        if record is not None and lane is not None:
            self._words, self._record, self._lane = self._table.words, record, self._table.lane_at(record, lane)
            self._shared = True
            self._lanes_seen = 0
        elif self._shared:
            self._use_own_memory()

    def _use_own_memory(self) -> None:
        """Count as in a table with one record and one lane, which is looked at by nobody else."""
        self._shared = False
        n_words = HEAD_WORDS + RECORD_HEAD_WORDS + WINDOW_LANE_WORDS
        self._words = memoryview(bytearray(WORD_BYTES * n_words)).cast("q")
        self._record, self._lane = HEAD_WORDS, HEAD_WORDS + RECORD_HEAD_WORDS
        self._words[self._record + FINGERPRINT] = self._fingerprint
        self._lanes_seen, self._others = 0, []

    def _room_at(self, cost: int, now: int) -> int:
        """When so much of what is counted will have had its time that there is room for ``cost``."""
        words = self._words
        alive: list[tuple[int, int]] = []
        for lane in (self._lane, *(other.lane for other in self._others)):
            for at in range(lane + _COUNTS, lane + WINDOW_LANE_WORDS, 2):
                ends = words[at + 1] + self._span
                if words[at] and ends > now:
                    alive.append((ends, words[at]))
        excess = sum(count for _, count in alive) + cost - self.amount
        if excess <= 0:
            return now  # another process has just written down that some of it had its time
        for ends, count in sorted(alive):
            excess -= count
            if excess <= 0:
                return ends
        return now + self._span  # never: it is more than the amount


class _OtherLane:
    """What another process has counted, as seen from this one."""

    __slots__ = ("_seen", "_span", "_sum", "_until", "_words", "lane")

    def __init__(self, words: memoryview, lane: int, span: int) -> None:
        self.lane = lane
        self._words = words
        self._span = span
        self._seen = (0, 0)
        self._sum = 0
        self._until = 0

    def sum(self, now: int) -> int:
        """The sum of what is alive there.

        Its owner keeps it right as long as it counts. When it has long had nothing to count, the buckets are looked at,
        and that is remembered until the next of them ends or the owner comes back.
        """
        words, lane = self._words, self.lane
        total, right_until = words[lane], words[lane + _RIGHT_UNTIL]
        if now < right_until or not total:
            return total
        if now < self._until and self._seen == (total, right_until):
            return self._sum
        alive, until = 0, now + self._span
        for at in range(lane + _COUNTS, lane + WINDOW_LANE_WORDS, 2):
            ends = words[at + 1] + self._span
            if words[at] and ends > now:
                alive += words[at]
                until = min(until, ends)
        self._seen, self._sum, self._until = (total, right_until), alive, until
        return alive


class DailyQuota:
    """At most ``amount`` in one day of UTC, by a clock of nanoseconds since 1970.

    The day is the newest on which something was counted, so a clock that is set back a day gives nobody a second quota.
    """

    def __init__(self, table: SharedTable, key: str, amount: int, clock: Callable[[], int] = time.time_ns) -> None:
        self.amount = amount
        self._table = table
        self._key = key
        self._fingerprint = fingerprint(key)
        self._clock = clock
        self._words = table.words
        self._record: int | None = None
        self._lane = 0
        self._others: list[int] = []
        self._lanes_seen = 0
        #: The day that is counted, and what was counted on it by this process: in its lane, and while it had none.
        self._day = 0
        self._own = 0
        self._alone = 0
        #: The day by the clock; nothing but this process changes :attr:`_own` in it.
        self._from = self._until = 0

    def take(self, cost: int) -> int:
        """Count so many and give how many are left; where there is no room, minus the nanoseconds until there is."""
        now = self._clock()
        words = self._words
        if (
            not self._from <= now < self._until
            or words[LANES_TAKEN] != self._lanes_seen  # somebody has begun to count
            or self._record is None
        ):
            self._turn_to(now)
        left = self.amount - self._own - self._alone - cost
        for lane in self._others:
            counted_on = words[lane + _DAY]
            if counted_on == self._day:
                left -= words[lane + _COUNT]
            elif self._day < counted_on <= now // DAY_NS + 1:
                self._from = self._until = 0  # somebody's clock is on the next day already
                return self.take(cost)
        if left < 0:
            return now - (self._day + 1) * DAY_NS
        self._count(cost)
        return left

    def give_back(self, cost: int) -> None:
        """Count so many less, right after :meth:`take` had room for them."""
        self._count(-cost)

    def _count(self, cost: int) -> None:
        if self._record is None:
            self._alone += cost
        else:
            self._own += cost
            self._words[self._lane + _COUNT] = self._own

    def _turn_to(self, now: int) -> None:
        """Count on the day of this moment."""
        words, today = self._words, now // DAY_NS
        self._from, self._until = today * DAY_NS, (today + 1) * DAY_NS
        if self._record is None or words[self._record] != self._fingerprint:
            self._record = self._table.find(self._key, 1, today)
        self._lanes_seen = words[LANES_TAKEN]
        lanes: list[int] = []
        if self._record is not None and self._table.lane is not None:
            self._lane = self._table.lane_at(self._record, self._table.lane)
            lanes = [self._table.lane_at(self._record, lane) for lane in range(self._lanes_seen)]
        # A day further ahead was counted by a clock that was wrong: it would never end.
        counted_on = [words[lane + _DAY] for lane in lanes if words[lane + _DAY] <= today + 1]
        day = max([today, *counted_on, *([self._day] if self._alone and self._day <= today + 1 else [])])
        if day != self._day:
            self._day, self._alone = day, 0
        self._own = 0
        if lanes:
            if words[self._lane + _DAY] == day:
                self._own = words[self._lane + _COUNT]
            else:
                words[self._lane + _COUNT] = 0
                words[self._lane + _DAY] = day  # also so that nobody else gets the record on this day
        self._others = [lane for lane in lanes if lane != self._lane]
