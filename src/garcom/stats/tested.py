"""What a test of two samples answers."""

from __future__ import annotations

from typing import NamedTuple


class Tested(NamedTuple):
    """A statistic, and the chance of one at least as great where both samples come from the same distribution.

    Both are NaN where nothing can be said.
    """

    statistic: float
    p_value: float
