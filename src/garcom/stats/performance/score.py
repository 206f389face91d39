"""One score with its confidence interval, or the reason why there is none."""

from __future__ import annotations

from typing import NamedTuple


class Score(NamedTuple):
    """A score of ``n`` rows and its 95 % confidence interval.

    ``value`` is None where the rows do not define it: ``why`` then says why, in one sentence. ``low`` and ``high`` are
    also None where the value is there but its spread is not known (a mean of one row).
    """

    value: float | None
    low: float | None = None
    high: float | None = None
    n: int = 0
    why: str | None = None


def undefined(why: str, n: int) -> Score:
    """No score of these ``n`` rows, and why."""
    return Score(None, n=n, why=why)


def within(value: float, low: float, high: float, n: int, floor: float, ceiling: float) -> Score:
    """The score, all cut to the range of possible values, the interval never beside the value itself."""
    # A sum of shares can be 1.0000000000000002.
    value = float(max(floor, min(value, ceiling)))
    return Score(value, float(max(floor, min(low, value))), float(min(ceiling, max(high, value))), n)
