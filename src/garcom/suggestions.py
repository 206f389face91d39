"""Hints for names that somebody has misspelt."""

from __future__ import annotations

import difflib
from collections.abc import Collection


def near(name: str, known: Collection[str]) -> str:
    """A sentence that suggests the known name closest to ``name``, with a space before it; or nothing."""
    folded = {candidate.casefold(): candidate for candidate in known}
    found = difflib.get_close_matches(name.casefold(), folded, n=1)
    return f" Did you mean {folded[found[0]]!r}?" if found else ""
