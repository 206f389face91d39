"""Which language a page speaks: the one that its reader's browser asks for. Problems and the API speak English."""

from __future__ import annotations

from fastapi import Request

#: The languages of the pages, by their tags; the first is for readers of none of them.
LANGUAGES = ("en", "pt")


def language_of(accepted: str) -> str:
    """The language of an Accept-Language header that a reader likes best (RFC 9110 §12.5.4), English otherwise."""
    best, weight = LANGUAGES[0], 0.0
    for part in accepted[:500].split(","):
        tag, _, q = part.strip().partition(";q=")
        language = tag.split("-")[0].strip().lower()
        try:
            liked = float(q) if q else 1.0
        except ValueError:
            continue
        if language in LANGUAGES and liked > weight:
            best, weight = language, liked
    return best


def reader_language(request: Request) -> str:
    """The language in which to answer a browser."""
    return language_of(request.headers.get("accept-language", ""))
