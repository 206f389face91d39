"""What a worker and the controller tell each other about logins in a browser; printed, it shows no secret."""

from __future__ import annotations

import msgspec


class _Secret(msgspec.Struct, frozen=True, kw_only=True):
    def __repr__(self) -> str:
        return type(self).__name__


class PasswordLogin(_Secret, frozen=True, kw_only=True):
    """A name and a password."""

    name: str
    password: str


class Session(_Secret, frozen=True, kw_only=True):
    """A session that has begun, for so many seconds; ``next`` is where its user wanted to go, where that is known."""

    token: str
    seconds: int
    next: str = "/"


class Departure(_Secret, frozen=True, kw_only=True):
    """Where a browser goes to log in at the provider, and the cookie by which it is known when it comes back."""

    url: str
    cookie: str


class Arrival(_Secret, frozen=True, kw_only=True):
    """What a browser brings back from the provider (RFC 6749 §4.1.2, RFC 9207)."""

    cookie: str
    state: str
    code: str
    issuer: str = ""
