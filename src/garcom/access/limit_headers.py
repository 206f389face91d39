"""The header fields that tell a client of its limits (draft-ietf-httpapi-ratelimit-headers-06)."""

from __future__ import annotations

from functools import lru_cache

Header = tuple[bytes, bytes]


def limit_headers(amount: int, span_s: int, left: int, reset_s: int) -> list[Header]:
    """The limit and its span, what is left of it, and in how many seconds all of it is there again."""
    return [*_lasting(amount, span_s), (b"ratelimit-remaining", b"%d" % left), (b"ratelimit-reset", b"%d" % reset_s)]


@lru_cache(maxsize=1024)
def _lasting(amount: int, span_s: int) -> tuple[Header, ...]:
    return (b"ratelimit-limit", b"%d" % amount), (b"ratelimit-policy", b"%d;w=%d" % (amount, span_s))
