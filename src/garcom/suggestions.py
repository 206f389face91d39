"""Hints for names that somebody has misspelt."""

from __future__ import annotations

import difflib
from collections.abc import Collection

#: Names from outside may be of any length, and comparing takes time that grows with it.
_COMPARED = 100


def near(name: str, known: Collection[str]) -> str:
    """A sentence that suggests the known name closest to ``name``, with a space before it; or nothing."""
    folded = {candidate.casefold(): candidate for candidate in known}
    found = difflib.get_close_matches(name[:_COMPARED].casefold(), folded, n=1)
    return f" Did you mean {folded[found[0]]!r}?" if found else ""
