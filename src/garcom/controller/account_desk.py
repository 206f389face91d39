"""Users and API keys, for those who ask the controller."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec

from garcom.access.account_requests import NewApiKey, NewUser, UserChange
from garcom.access.accounts import Accounts
from garcom.access.holders import MadeKey
from garcom.controller.messages import (
    AccountQuestion,
    AddApiKey,
    AddUser,
    Change,
    ChangeUser,
    FindUser,
    GrantRole,
    ListApiKeys,
    ListUsers,
    RemoveUser,
    Reply,
    RevokeApiKey,
    RevokeRole,
)
from garcom.errors import InputError
from garcom.storage.audit import Actor
from garcom.storage.database import Database

_read_new_user = msgspec.json.Decoder(NewUser).decode
_read_change = msgspec.json.Decoder(UserChange).decode


class AccountDesk:
    """Answers over one database; every change is told as whoever asked for it."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def answer(self, question: AccountQuestion, body: bytes) -> tuple[Reply, bytes]:
        """The answer as JSON. Raises GarcomError."""
        return Reply(), msgspec.json.encode(self._answer(question, body))

    def _answer(self, question: AccountQuestion, body: bytes) -> object:
        accounts = self._accounts(question)
        match question:
            case ListUsers():
                return accounts.users(after=question.after, limit=question.limit)
            case FindUser():
                return accounts.user(question.name)
            case AddUser():
                new = _read_new_user(body)
                return accounts.create_user(new.name, new.grants, new.password)
            case ChangeUser():
                return _change(accounts, question.name, _read_change(body))
            case RemoveUser():
                accounts.remove_user(question.name)
                return None
            case GrantRole():
                return accounts.grant(question.name, question.grant)
            case RevokeRole():
                return accounts.revoke_grant(question.name, question.grant)
            case ListApiKeys():
                return accounts.keys(after=question.after, limit=question.limit)
            case AddApiKey():
                return _create_key(accounts, question.new, question.by)
            case RevokeApiKey():
                return accounts.revoke_key(question.prefix)

    def _accounts(self, question: AccountQuestion) -> Accounts:
        if isinstance(question, Change):
            return Accounts(self._database.by(Actor(question.by, question.address)))
        return Accounts(self._database)


def _change(accounts: Accounts, name: str, change: UserChange) -> object:
    match change.password, change.disabled:
        case str() as password, msgspec.UNSET:
            accounts.set_password(name, password)
            return accounts.user(name)
        case msgspec.UNSET, bool() as disabled:
            return accounts.disable(name) if disabled else accounts.enable(name)
    raise InputError("Expected one change: either another password, or whether the user is disabled.")


def _create_key(accounts: Accounts, new: NewApiKey, by: str) -> MadeKey:
    expires = None if new.expires_in_s is None else datetime.now(UTC) + timedelta(seconds=new.expires_in_s)
    key, made = accounts.create_key(new.name, new.grants, by=by, expires=expires, limits=new.limits)
    return MadeKey(key=made.text, **msgspec.structs.asdict(key))
