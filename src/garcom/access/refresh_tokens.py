"""Refresh tokens: each is used once and gives the next; one that comes again ends its whole family (RFC 9700 §4.14.2).

Either a thief used the copy or its owner did; nobody can tell which, so both have to log in again. No time of grace is
given to a client that did not get its answer: that would be the thief's time, too. A family ends a fixed time after its
login, however often it was used.
"""

from __future__ import annotations

import secrets
import uuid
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from garcom.access.api_keys import digest
from garcom.access.tokens import ACCESS
from garcom.errors import Unauthenticated

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from garcom.storage.database import Database
    from garcom.storage.tokens import RefreshRow

#: How a refresh token begins.
PREFIX = "gr_"


@dataclass(frozen=True)
class Refreshed:
    """A new refresh token, whose it is, and the login that it came from."""

    token: str = field(repr=False)
    user: str
    family: str


class RefreshTokens:
    """The refresh tokens of one installation; a family lives for ``lifetime`` after its login."""

    def __init__(self, database: Database, lifetime: timedelta) -> None:
        self._database = database
        self._lifetime = lifetime

    def begin(self, user: str, now: datetime) -> Refreshed:
        """The first of a new family, for a user who has just logged in; the audit trail tells of the login."""
        from garcom.storage.audit import record

        refreshed = Refreshed(_made(), user, str(uuid.uuid4()))
        with self._database.write() as connection:
            _keep(connection, refreshed, now, now + self._lifetime)
            record(connection, "session.login", f"user:{user}")
        return refreshed

    def use(self, token: str, now: datetime) -> Refreshed:
        """Exchange a token for the next of its family. Raises Unauthenticated.

        A token that was used before revokes the family, and the access tokens that came from it.
        """
        from garcom.storage import tokens
        from garcom.storage.audit import record

        # Anybody may ask: only for a token that is one of ours does a transaction keep other writers waiting.
        if self._find(token, now) is not None:
            with self._database.write() as connection:
                found = tokens.find_refresh_token(connection, digest(token))
                if found is not None and _is_good(found, now):
                    if found.used_at is None:
                        tokens.use_refresh_token(connection, found.id, now)
                        refreshed = Refreshed(_made(), found.user, found.family)
                        _keep(connection, refreshed, now, found.expires_at)
                        return refreshed
                    _end(connection, found.family, now)
                    record(connection, "token.reuse", f"user:{found.user}")
        # Not in the transaction: an error would undo what it did.
        raise Unauthenticated(
            "Expected a refresh token that is valid and was not used before, got another. Log in again."
        )

    def revoke(self, token: str, now: datetime) -> None:
        """End the family of a token, and the access tokens that came from it; one that is not known changes nothing."""
        from garcom.storage.audit import record

        found = self._find(token, now)
        if found is None:
            return
        with self._database.write() as connection:
            _end(connection, found.family, now)
            record(connection, "session.logout", f"user:{found.user}")

    def _find(self, token: str, now: datetime) -> RefreshRow | None:
        """A token that is good, or was until it was used."""
        from garcom.storage.tokens import find_refresh_token

        with self._database.read() as connection:
            found = find_refresh_token(connection, digest(token))
        return found if found is not None and _is_good(found, now) else None


def _made() -> str:
    return PREFIX + secrets.token_urlsafe(32)


def _keep(connection: Connection, refreshed: Refreshed, now: datetime, expires_at: datetime) -> None:
    from garcom.storage.tokens import add_refresh_token

    add_refresh_token(connection, digest(refreshed.token), refreshed.family, refreshed.user, now, expires_at)


def _is_good(row: RefreshRow, now: datetime) -> bool:
    """Whether it would be valid, had nobody used it; what a disabled user has, or had before a new password, is not."""
    ended = row.revoked_at is not None or row.disabled_at is not None
    return not ended and now < row.expires_at and row.created_at >= row.sessions_from


def _end(connection: Connection, family: str, now: datetime) -> None:
    from garcom.storage import access_state, tokens

    tokens.revoke_family(connection, family, now)
    tokens.revoke(connection, family, now + ACCESS.longest)
    access_state.bump(connection)
