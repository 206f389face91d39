"""What the careful JSON reader yields where plain Python values would lose something."""

from __future__ import annotations

from typing import Any


class Pairs(list[tuple[str, Any]]):
    """An object's names and values in the order they came, duplicates included."""

    def duplicates(self) -> list[str]:
        """The names that occur more than once, each once."""
        seen: set[str] = set()
        twice: dict[str, None] = {}
        for name, _ in self:
            if name in seen:
                twice[name] = None
            seen.add(name)
        return list(twice)


class NotANumber:
    """A number literal that JSON has no place for: NaN, Infinity, or one beyond float64."""

    def __init__(self, literal: str) -> None:
        self.literal = literal if literal in ("NaN", "Infinity", "-Infinity") else "a number too large for float64"
