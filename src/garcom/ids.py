"""Prediction ids: UUID version 7 (RFC 9562 §5.7), ordered by time, made many at once."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence

_VARIANT = {digit: "89ab"[int(digit, 16) & 3] for digit in "0123456789abcdef"}


def uuid7s(n: int) -> list[str]:
    """``n`` new ids as text: 48 bits of Unix milliseconds, then 74 random bits.

    The random bits come from one call of the system's generator, because that call is what costs.
    """
    head = _head(time.time_ns() // 1_000_000)
    noise = os.urandom(10 * n).hex()
    return [
        # The variant field is 10 in its two highest bits: one of the digits 8, 9, a, b.
        f"{head}{noise[i : i + 3]}-{_VARIANT[noise[i + 3]]}{noise[i + 4 : i + 7]}-{noise[i + 7 : i + 19]}"
        for i in range(0, 20 * n, 20)
    ]


def uuid7s_at(milliseconds: Sequence[int]) -> list[str]:
    """A new id for each of these times (since 1970 UTC), as text: of what happened then and is told now."""
    return [_head(moment) + id[15:] for moment, id in zip(milliseconds, uuid7s(len(milliseconds)), strict=True)]


def _head(milliseconds: int) -> str:
    head = f"{milliseconds:012x}"
    return f"{head[:8]}-{head[8:]}-7"
