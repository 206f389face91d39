"""Users and API keys: made, changed and ended, each change with its row in the audit trail, in one transaction.

Imported by the controller and the command line only: a worker decides by the access list.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime

import msgspec
from sqlalchemy import Connection

from garcom.access import api_keys
from garcom.access.api_keys import NewKey
from garcom.access.grants import check_grant, check_grants, check_holder_name
from garcom.access.holders import Key, Keys, User, Users
from garcom.access.lookup import key_of, require_key, require_user, told_key, told_user, user_of
from garcom.access.password_rule import check_password, generated_password
from garcom.access.passwords import Passwords
from garcom.access.roles import ALL_MODELS, Grant, Role
from garcom.errors import Conflict, InputError, NotFound, Unauthenticated
from garcom.handwritten import faults
from garcom.moments import in_utc
from garcom.rates import Limits
from garcom.storage import access_state, accounts
from garcom.storage.accounts import GrantRow, UserRow
from garcom.storage.audit import record
from garcom.storage.database import Database

#: The name of the administrator that a first start makes.
FIRST_ADMINISTRATOR = "admin"
_NO_LIMITS = Limits()
_ADMINISTRATOR = GrantRow(Role.ADMIN, ALL_MODELS)
_ONE_MUST_STAY = (
    "This is the last administrator that is not disabled, and nobody could make another. Grant `admin` to somebody "
    "else first."
)


class Accounts:
    """The users and API keys of one home folder; several processes may use it at the same time.

    Changes are told as those of the database's actor (``Database.by``).
    """

    def __init__(self, database: Database, passwords: Passwords | None = None) -> None:
        self._database = database
        self._given_passwords = passwords

    # Users

    def users(self, *, after: str = "", limit: int | None = None) -> Users:
        """Users by name: those after a name, at most so many."""
        with self._database.read() as connection:
            rows = accounts.list_users(connection, after=after, limit=_one_more(limit))
            page = rows[:limit]
            granted = accounts.user_grants(connection, [row.id for row in page] if limit else None)
        return Users(
            users=tuple(user_of(row, granted.get(row.id, [])) for row in page),
            next=page[-1].name if len(rows) > len(page) else None,
        )

    def user(self, name: str) -> User:
        """One user. Raises NotFound."""
        with self._database.read() as connection:
            return told_user(connection, name)

    def create_user(self, name: str, grants: Iterable[Grant], password: str | None) -> User:
        """Make a user; without a password only an external provider can tell that it is them.

        Raises InputError for a name, grant or password that cannot be, and Conflict where the name is taken, be it
        written with other capitals.
        """
        check_holder_name(name, "a user")
        checked = check_grants(grants)
        hashed = None if password is None else self._passwords.hash(check_password(password, name))
        with self._changing() as connection:
            taken = accounts.name_like(connection, name)
            if taken is not None:
                raise Conflict(f"There is a user {taken!r} already. Choose another name.")
            _add_user(connection, name, checked, hashed)
            return told_user(connection, name)

    def first_administrator(self) -> tuple[str, str] | None:
        """Make an administrator where no user exists at all: its name and its password; otherwise None.

        Of several servers that start at the same time, one makes it.
        """
        with self._database.read() as connection:
            if accounts.list_users(connection, limit=1):
                return None
        password = generated_password()
        hashed = self._passwords.hash(password)
        with self._changing() as connection:
            if accounts.list_users(connection, limit=1):
                return None
            _add_user(connection, FIRST_ADMINISTRATOR, (Grant(Role.ADMIN),), hashed)
        return FIRST_ADMINISTRATOR, password

    def nobody_administers(self) -> bool:
        """Whether there are users or keys, so that everyone is asked, and none of them is a valid administrator."""
        with self._database.read() as connection:
            return accounts.any_account(connection) and not (
                accounts.count_able(connection, *_ADMINISTRATOR)
                or accounts.count_able_keys(connection, *_ADMINISTRATOR, _now())
            )

    def set_password(self, name: str, password: str) -> None:
        """Give a user another password; sessions and tokens from before end. Raises NotFound and InputError."""
        hashed = self._passwords.hash(check_password(password, name))
        with self._changing() as connection:
            user = require_user(connection, name)
            accounts.change_user(connection, user.id, password_hash=hashed, sessions_from=_now())
            record(connection, "user.password", f"user:{name}")

    def disable(self, name: str) -> User:
        """Let a user in no more; sessions and tokens end. Raises NotFound, and Conflict for the last administrator."""
        return self._set_disabled(name, _now())

    def enable(self, name: str) -> User:
        """Let a disabled user in again. Raises NotFound."""
        return self._set_disabled(name, None)

    def remove_user(self, name: str) -> None:
        """Remove a user with all that is granted. Raises NotFound, and Conflict for the last administrator."""
        with self._changing() as connection:
            user = told_user(connection, name)
            accounts.remove_user(connection, require_user(connection, name).id)
            record(connection, "user.remove", f"user:{name}", before={"grants": _texts(user.grants)})

    def grant(self, name: str, grant: Grant) -> User:
        """Grant a role to a user; nothing happens when it is granted already. Raises NotFound and InputError."""
        check_grant(grant)
        with self._changing() as connection:
            before = told_user(connection, name)
            if grant not in before.grants:
                check_grants((*before.grants, grant))
                row = GrantRow(grant.role, grant.model)
                accounts.add_grants(connection, [row], user_id=require_user(connection, name).id)
                self._record_grants(connection, "user.grant", before)
            return told_user(connection, name)

    def revoke_grant(self, name: str, grant: Grant) -> User:
        """Take a grant away; it counts at once.

        Raises NotFound where there is no such user or grant, and Conflict for the last administrator's.
        """
        with self._changing() as connection:
            before = told_user(connection, name)
            row = GrantRow(grant.role, grant.model)
            if not accounts.remove_grant(connection, row, user_id=require_user(connection, name).id):
                held = ", ".join(_texts(before.grants)) or "nothing"
                raise NotFound(f"Expected a grant of user {name!r}, who has {held}, got {str(grant)!r}.")
            self._record_grants(connection, "user.revoke", before)
            return told_user(connection, name)

    def check_password(self, name: str, password: str) -> UserRow:
        """The user who has this name and password, and is not disabled.

        Otherwise raises Unauthenticated, which tells neither by its words nor by its time what was wrong.
        """
        with self._database.read() as connection:
            user = accounts.find_user(connection, name)
            stored = None if user is None else accounts.password_hash(connection, user.id)
        is_right = self._passwords.verify(stored, password)
        if user is None or stored is None or user.disabled_at is not None or not is_right:
            raise Unauthenticated("Expected the name and the password of a user, and these are not.")
        if self._passwords.is_outdated(stored):
            self._hash_again(user, stored, password)
        return user

    # API keys

    def keys(self, *, after: str = "", limit: int | None = None) -> Keys:
        """API keys, the oldest first: those made after the one of a prefix, at most so many.

        Raises NotFound for the prefix of no key.
        """
        with self._database.read() as connection:
            after_id = require_key(connection, after).id if after else 0
            rows = accounts.list_keys(connection, after_id=after_id, limit=_one_more(limit))
            page = rows[:limit]
            granted = accounts.key_grants(connection, [row.id for row in page] if limit else None)
        return Keys(
            keys=tuple(key_of(row, granted.get(row.id, [])) for row in page),
            next=page[-1].prefix if len(rows) > len(page) else None,
        )

    def create_key(
        self,
        name: str,
        grants: Iterable[Grant],
        *,
        by: str,
        expires: datetime | None = None,
        limits: Limits = _NO_LIMITS,
    ) -> tuple[Key, NewKey]:
        """Make an API key: what is kept of it, and the key, which nobody can be shown again.

        Several keys may have the same name, as the old and the new one of a service have while it changes over.
        Raises InputError for a name, grant, limit or expiry that cannot be.
        """
        check_holder_name(name, "an API key")
        checked = check_grants(grants)
        _check_limits(limits)
        now = _now()
        expires_at = None if expires is None else _future(expires, now)
        new = api_keys.make_key()
        with self._changing() as connection:
            key_id = accounts.add_key(
                connection,
                name=name,
                prefix=new.prefix,
                digest=api_keys.digest(new.text),
                created_at=now,
                created_by=by[:200],
                expires_at=expires_at,
                limits=msgspec.to_builtins(limits),
            )
            accounts.add_grants(connection, _rows(checked), api_key_id=key_id)
            key = told_key(connection, new.prefix)
            after = {"name": name, "grants": _texts(checked), "expires_at": expires_at, "limits": limits}
            record(connection, "api_key.create", f"key:{new.prefix}", after=after)
        return key, new

    def revoke_key(self, prefix: str) -> Key:
        """Let an API key be valid no more; workers know within a second.

        Raises NotFound where there is none, and Conflict for one that was revoked already.
        """
        with self._changing() as connection:
            row = require_key(connection, prefix)
            if row.revoked_at is not None:
                raise Conflict(f"The API key {prefix} was revoked already, at {row.revoked_at:%Y-%m-%d %H:%M:%S} UTC.")
            accounts.revoke_key(connection, row.id, _now())
            record(connection, "api_key.revoke", f"key:{prefix}", before={"name": row.name})
            return told_key(connection, prefix)

    def note_use(self, uses: Mapping[str, datetime]) -> None:
        """Write down when keys, by their digests, were last used; no change of who may do what."""
        if uses:
            with self._database.write() as connection:
                accounts.note_uses(connection, uses)

    @functools.cached_property
    def _passwords(self) -> Passwords:
        return self._given_passwords or Passwords()

    @contextmanager
    def _changing(self) -> Iterator[Connection]:
        """A transaction that changes who may do what, and in which the last administrator cannot go."""
        with self._database.write() as connection:
            before = accounts.count_able(connection, *_ADMINISTRATOR)
            yield connection
            if before and not accounts.count_able(connection, *_ADMINISTRATOR):
                raise Conflict(_ONE_MUST_STAY)
            access_state.bump(connection)

    def _set_disabled(self, name: str, when: datetime | None) -> User:
        with self._changing() as connection:
            user = require_user(connection, name)
            if (user.disabled_at is None) != (when is None):
                accounts.change_user(connection, user.id, disabled_at=when, sessions_from=_now())
                action = "user.enable" if when is None else "user.disable"
                record(connection, action, f"user:{name}")
            return told_user(connection, name)

    def _hash_again(self, user: UserRow, stored: str, password: str) -> None:
        hashed = self._passwords.hash(password)
        with self._database.write() as connection:
            # Another process may have given the user another password meanwhile.
            if accounts.password_hash(connection, user.id) == stored:
                accounts.change_user(connection, user.id, password_hash=hashed)

    @staticmethod
    def _record_grants(connection: Connection, action: str, before: User) -> None:
        after = told_user(connection, before.name)
        told = {"before": {"grants": _texts(before.grants)}, "after": {"grants": _texts(after.grants)}}
        record(connection, action, f"user:{before.name}", **told)


def _add_user(connection: Connection, name: str, grants: tuple[Grant, ...], hashed: str | None) -> None:
    user_id = accounts.add_user(connection, name, hashed, _now())
    accounts.add_grants(connection, _rows(grants), user_id=user_id)
    record(connection, "user.create", f"user:{name}", after={"grants": _texts(grants)})


def _rows(grants: Iterable[Grant]) -> list[GrantRow]:
    return [GrantRow(grant.role, grant.model) for grant in grants]


def _texts(grants: Iterable[Grant]) -> list[str]:
    return [str(grant) for grant in grants]


def _one_more(limit: int | None) -> int | None:
    """To see whether there is a page after this one."""
    return None if limit is None else limit + 1


def _check_limits(limits: Limits) -> None:
    wrong = list(faults(msgspec.to_builtins(limits), Limits, ".".join))
    if wrong:
        raise InputError(" ".join(wrong))


def _future(moment: datetime, now: datetime) -> datetime:
    try:
        expires = in_utc(moment)
    except OverflowError:
        expires = now
    if expires <= now:
        raise InputError(f"Expected a moment in the future at which the API key expires, got {moment.isoformat()}.")
    return expires


def _now() -> datetime:
    return datetime.now(UTC)
