"""Ids as people write them: whole, or their beginning."""

from __future__ import annotations

import re
from collections.abc import Collection

from garcom.errors import InputError, NotFound

#: A shorter beginning would be of many ids.
SHORTEST = 8
_BEGINNING = re.compile(r"[0-9a-f-]+")
_SHOWN = 5


def meant(text: str, ids: Collection[str], what: str) -> str:
    """The one of these ids that a text is, or that begins with it; ``what`` calls them, as «an alert».

    Raises NotFound where there is none, and InputError where the text is the beginning of several: an id begins with
    the time at which it was made, so that those of one round begin alike.
    """
    if text in ids:
        return text
    if len(text) < SHORTEST or not _BEGINNING.fullmatch(text):
        raise NotFound(
            f"Expected the id of {what}, or at least {SHORTEST} characters of its beginning, got {text[:100]!r}."
        )
    found = sorted(each for each in ids if each.startswith(text))
    if not found:
        raise NotFound(f"Expected the id of {what} or its beginning, got {text[:100]!r}.")
    if len(found) > 1:
        more = f" and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
        raise InputError(
            f"Expected the beginning of one id, and {text!r} is that of {len(found)}: "
            f"{', '.join(found[:_SHOWN])}{more}. Those made at the same time begin alike: give more of it."
        )
    return found[0]
