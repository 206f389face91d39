"""A clock that tests turn by hand."""

from __future__ import annotations

NS = 1_000_000_000


class Clock:
    """Nanoseconds; it stands still until somebody turns it."""

    def __init__(self, now_ns: int = 1_000 * NS) -> None:
        self.now = now_ns

    def __call__(self) -> int:
        return self.now

    def turn(self, seconds: float) -> None:
        """Go on, or back."""
        self.now += round(seconds * NS)
