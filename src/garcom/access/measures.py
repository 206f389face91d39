"""What is limited: the measures of one caller or one model, as their limits say."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from typing import NamedTuple

from garcom.access.windows import NS
from garcom.errors import BodyTooLarge, RateLimited
from garcom.rates import Limits, Rate

DAY_S = 86_400


class Measure(NamedTuple):
    """At most ``amount`` of something in ``span_s`` seconds; a ``daily`` one begins anew with each day of UTC."""

    #: Whose it is, as in ``key:gk_a1b2c3d4`` or ``model:wine``.
    holder: str
    what: str
    amount: int
    span_s: int
    daily: bool = False

    @property
    def key(self) -> str:
        """Under which it is counted; a changed rate begins at nothing, a changed quota does not."""
        return (
            f"{self.holder}/{self.what}/day" if self.daily else f"{self.holder}/{self.what}/{self.amount}/{self.span_s}"
        )

    def reset_s(self) -> int:
        """In how many seconds all of it is there again, if nothing more is asked for."""
        return DAY_S - int(time.time()) % DAY_S if self.daily else self.span_s

    def refusal(self, wait_ns: int) -> RateLimited:
        """Why no more can be had now."""
        wait_s = max(1, math.ceil(wait_ns / NS))
        message = f"{self._expected}, got more. Wait {wait_s:,} s, or ask for a higher limit."
        return RateLimited(message, wait_s, self.amount, self.span_s)

    def too_many(self, n: int) -> BodyTooLarge:
        """Why so many can never be had at once."""
        return BodyTooLarge(
            f"{self._expected}, got {n:,} at once. Send fewer in one request, or ask for a higher limit."
        )

    @property
    def _expected(self) -> str:
        span = "a day (UTC)" if self.daily else f"any {self.span_s} s"
        return f"Expected at most {self.amount:,} {self.what} in {span} ({self.holder})"


def measures_of_requests(holder: str, limits: Limits) -> Iterator[Measure]:
    """What is counted when a request is admitted."""
    if rate := Rate.read(limits.requests):
        yield Measure(holder, "requests", *rate)


def measures_of_rows(holder: str, limits: Limits) -> Iterator[Measure]:
    """What is counted when a body has been read."""
    if rate := Rate.read(limits.rows):
        yield Measure(holder, "rows", *rate)
    if limits.daily_rows:
        yield Measure(holder, "rows", limits.daily_rows, DAY_S, daily=True)
