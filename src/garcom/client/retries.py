"""How long to wait before asking again: exponential backoff with full jitter.

Source: M. Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015. Waiting a random part of the
interval spreads the clients of a server that has just come back.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

BASE_S = 0.1
CAP_S = 1.0


def pause_s(attempt: int, retry_after_s: float, uniform: Callable[[float, float], float]) -> float:
    """Seconds to wait after the failed attempt number ``attempt`` (from 0).

    Between nothing and twice as long as after the attempt before, at most 1 s; what the server asked for
    (``retry_after_s``) comes on top, so that it is never undercut.
    """
    return retry_after_s + uniform(0.0, min(CAP_S, BASE_S * 2.0 ** min(attempt, 30)))


def parse_retry_after(value: str | None, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> float | None:
    """A ``Retry-After`` header (seconds, or an HTTP date) in seconds from now; None for nothing readable."""
    if value is None:
        return None
    try:
        seconds = float(value)
    except ValueError:
        try:
            moment = parsedate_to_datetime(value)
        except ValueError:
            return None
        if moment.tzinfo is None:  # "-0000": a time in UTC of unknown origin
            moment = moment.replace(tzinfo=UTC)
        seconds = (moment - now()).total_seconds()
    return max(0.0, seconds) if math.isfinite(seconds) else None


#: The source of jitter; not for secrets.
jitter = random.Random().uniform
