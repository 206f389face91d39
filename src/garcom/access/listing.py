"""The access list as the database has it now; asked by the supervisor, never by a worker."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from garcom.access.access_list import AccessList, ListedKey, ListedUser
from garcom.access.holders import as_grants, as_limits
from garcom.access.signing_keys import SigningKeys

if TYPE_CHECKING:
    from garcom.storage.database import Database


def current_access_revision(database: Database) -> int:
    """The number of the last change to who may do what: one indexed read."""
    from garcom.storage import access_state

    with database.read() as connection:
        return access_state.revision(connection)


def current_access_list(database: Database, *, public: bool) -> AccessList:
    """Everybody who is known and may come in, at one revision.

    Access control is required where the server is ``public``, or a user or key exists, be it disabled or revoked:
    to disable or revoke the last one opens a server to nobody.
    """
    from garcom.storage import access_state, accounts, tokens

    now = datetime.now(UTC)
    with database.read() as connection:
        required = public or accounts.any_account(connection)
    if required:
        # Before there is anybody to ask for a token: the first one is verified wherever it is shown.
        SigningKeys(database).prepare(now)
    with database.read() as connection:
        user_grants, key_grants = accounts.user_grants(connection), accounts.key_grants(connection)
        return AccessList(
            revision=access_state.revision(connection),
            required=required or accounts.any_account(connection),
            users={
                row.name: ListedUser(grants=as_grants(user_grants[row.id]), sessions_from=row.sessions_from)
                for row in accounts.list_users(connection)
                if row.disabled_at is None
            },
            keys={
                row.digest: ListedKey(
                    prefix=row.prefix,
                    grants=as_grants(key_grants[row.id]),
                    expires_at=row.expires_at,
                    limits=as_limits(row.limits),
                )
                for row in accounts.list_valid_keys(connection, now)
            },
            token_keys=tokens.public_keys(connection),
            revoked_tokens=tokens.revoked(connection, now),
        )
