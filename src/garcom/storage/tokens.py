"""Queries on the keys that sign tokens, on refresh tokens, and on what was revoked before its time."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, delete, insert, select, update

from garcom.storage.tables import refresh_tokens, revoked_tokens, signing_keys, users


class KeyRow(NamedTuple):
    """A key that signs or has signed tokens, without its private half."""

    kid: str
    public: str
    created_at: datetime


class RefreshRow(NamedTuple):
    """A refresh token, and the user to whom it was given."""

    id: int
    family: str
    user: str
    created_at: datetime
    expires_at: datetime
    used_at: datetime | None
    revoked_at: datetime | None
    disabled_at: datetime | None
    sessions_from: datetime


def public_keys(connection: Connection) -> dict[str, str]:
    """The public halves of the keys that verify, as base64url, by their kid."""
    return {key.kid: key.public for key in living_keys(connection)}


def living_keys(connection: Connection) -> list[KeyRow]:
    """The keys that are not retired, the newest first."""
    columns = (signing_keys.c[name] for name in KeyRow._fields)
    query = select(*columns).where(signing_keys.c.retired_at.is_(None)).order_by(signing_keys.c.created_at.desc())
    return [KeyRow(*row) for row in connection.execute(query)]


def private_half(connection: Connection, kid: str) -> str:
    """The private half of a key, encrypted as it was given; empty where it is deleted."""
    query = select(signing_keys.c.private).where(signing_keys.c.kid == kid)
    return connection.execute(query).scalar_one_or_none() or ""


def add_key(connection: Connection, kid: str, public: str, private: str, now: datetime) -> None:
    """Keep a new key."""
    row = {"kid": kid, "public": public, "private": private, "created_at": now}
    connection.execute(insert(signing_keys).values(row))


def retire_key(connection: Connection, kid: str, now: datetime) -> None:
    """Let a key verify no more, and delete its private half."""
    connection.execute(update(signing_keys).where(signing_keys.c.kid == kid).values(retired_at=now, private=""))


def revoked(connection: Connection, now: datetime) -> frozenset[str]:
    """The tokens and logins that are revoked, as long as they would be valid otherwise."""
    query = select(revoked_tokens.c.jti).where(revoked_tokens.c.expires_at > now)
    return frozenset(connection.execute(query).scalars())


def revoke(connection: Connection, jti: str, expires_at: datetime) -> None:
    """Revoke a token, or every token of a login, that is valid until then; what is revoked already stays so."""
    known = connection.execute(select(revoked_tokens.c.expires_at).where(revoked_tokens.c.jti == jti)).scalar()
    if known is None:
        connection.execute(insert(revoked_tokens).values(jti=jti, expires_at=expires_at))
    elif known < expires_at:
        connection.execute(update(revoked_tokens).where(revoked_tokens.c.jti == jti).values(expires_at=expires_at))


def add_refresh_token(
    connection: Connection, digest: str, family: str, user: str, now: datetime, expires_at: datetime
) -> None:
    """Keep a refresh token for a user."""
    user_id = select(users.c.id).where(users.c.name == user).scalar_subquery()
    row = {"digest": digest, "family": family, "user_id": user_id, "created_at": now, "expires_at": expires_at}
    connection.execute(insert(refresh_tokens).values(row))


def find_refresh_token(connection: Connection, digest: str) -> RefreshRow | None:
    """The refresh token with this SHA-256."""
    tokens = refresh_tokens.c
    query = (
        select(
            tokens.id,
            tokens.family,
            users.c.name,
            tokens.created_at,
            tokens.expires_at,
            tokens.used_at,
            tokens.revoked_at,
            users.c.disabled_at,
            users.c.sessions_from,
        )
        .join(users, users.c.id == tokens.user_id)
        .where(tokens.digest == digest)
    )
    row = connection.execute(query).one_or_none()
    return None if row is None else RefreshRow(*row)


def use_refresh_token(connection: Connection, id: int, now: datetime) -> None:
    """Note that a refresh token has been used."""
    connection.execute(update(refresh_tokens).where(refresh_tokens.c.id == id).values(used_at=now))


def revoke_family(connection: Connection, family: str, now: datetime) -> None:
    """Revoke every refresh token that came from one login."""
    living = (refresh_tokens.c.family == family) & refresh_tokens.c.revoked_at.is_(None)
    connection.execute(update(refresh_tokens).where(living).values(revoked_at=now))


def forget_expired(connection: Connection, now: datetime) -> None:
    """Delete what would be refused for its age alone."""
    connection.execute(delete(refresh_tokens).where(refresh_tokens.c.expires_at <= now))
    connection.execute(delete(revoked_tokens).where(revoked_tokens.c.expires_at <= now))
