"""Why an engine is not in a bundle, in words that a person reads: one line, short."""

from __future__ import annotations

from garcom.errors import GarcomError

LIMIT = 160


def brief(text: str) -> str:
    """The first line of what a library said, with no more than :data:`LIMIT` characters, cut between words."""
    line = next((" ".join(line.split()) for line in text.splitlines() if line.strip()), "")
    if len(line) <= LIMIT:
        return line
    kept, _, _ = line[: LIMIT - 1].rpartition(" ")
    return (kept or line[: LIMIT - 2]).rstrip(" ,;:(") + " …"


def reason_of(error: Exception) -> str:
    """What an exception says; one of foreign code after its kind, as many of them say nothing without it."""
    return brief(str(error) if isinstance(error, GarcomError) else f"{type(error).__name__}: {error}")
