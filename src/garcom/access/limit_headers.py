"""The header fields that tell a client of its limits (draft-ietf-httpapi-ratelimit-headers-06)."""

from __future__ import annotations

from collections.abc import Iterable

Header = tuple[bytes, bytes]


def lasting_headers(amount: int, span_s: int) -> list[Header]:
    """The limit and its span."""
    return [(b"ratelimit-limit", b"%d" % amount), (b"ratelimit-policy", b"%d;w=%d" % (amount, span_s))]


def remaining(left: int) -> Header:
    """What is left of it."""
    return b"ratelimit-remaining", b"%d" % (left if left > 0 else 0)


def reset(seconds: int) -> Header:
    """In how many seconds all of it is there again."""
    return b"ratelimit-reset", b"%d" % seconds


def spelled(headers: Iterable[Header]) -> bytes:
    """The fields as lines of HTTP/1.1."""
    return b"".join([b"%b: %b\r\n" % header for header in headers])
