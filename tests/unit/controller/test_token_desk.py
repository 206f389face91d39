"""Tokens as the controller gives them: each grant type, each refusal, and what the audit trail tells."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pytest

from garcom.access.access_list import AccessList
from garcom.access.accounts import Accounts
from garcom.access.api_keys import NewKey
from garcom.access.listing import current_access_list
from garcom.access.logins import Logins
from garcom.access.oauth import GrantType, TokenRequest
from garcom.access.principals import Principal
from garcom.access.roles import Grant, Role
from garcom.access.signing_keys import SigningKeys
from garcom.access.slowdown import Slowdown
from garcom.access.tokens import SigningKey
from garcom.controller.token_desk import TokenDesk
from garcom.errors import RateLimited, Unauthenticated
from garcom.http.token_owner import TokenOwners
from garcom.settings import AccessSettings
from garcom.storage.audit_rows import entries
from garcom.storage.database import Database
from tests.unit.access.forgery import Forger
from tests.unit.access.opened import PASSWORD, open_accounts

ADDRESS = "203.0.113.7"
GRANT = Grant(Role.CLIENT, "wine")
OWNERS = TokenOwners("garcom", "garcom")


class Office(NamedTuple):
    desk: TokenDesk
    accounts: Accounts
    database: Database

    def ask(self, grant_type: GrantType, **fields: str) -> Any:
        request = msgspec.json.encode(TokenRequest(grant_type=grant_type, **fields))
        return msgspec.json.decode(self.desk.give(request, ADDRESS)[1])

    def log_in(self, name: str = "ana", password: str = PASSWORD) -> Any:
        return self.ask(GrantType.PASSWORD, username=name, password=password)

    def refresh(self, token: str) -> Any:
        return self.ask(GrantType.REFRESH_TOKEN, refresh_token=token)

    def by_key(self, key: NewKey, secret: str | None = None) -> Any:
        return self.ask(
            GrantType.CLIENT_CREDENTIALS, client_id=key.prefix, client_secret=key.text if secret is None else secret
        )

    def make_key(self, expires: datetime | None = None) -> NewKey:
        return self.accounts.create_key("service", [GRANT], by="user:ana", expires=expires)[1]

    @property
    def access(self) -> AccessList:
        return current_access_list(self.database, public=False)

    def owner(self, token: str) -> Principal:
        return OWNERS(token, self.access)[0]

    def refuses(self, token: str) -> bool:
        try:
            self.owner(token)
        except Unauthenticated:
            return True
        return False

    def trail(self) -> list[tuple[str, str, str]]:
        with self.database.read() as connection:
            told = [(entry.action, entry.target, f"{entry.actor} {entry.address}") for entry in entries(connection)]
        return [it for it in told if it[0].partition(".")[0] in ("token", "session")]


@pytest.fixture
def office(tmp_path: Path) -> Office:
    accounts = open_accounts(tmp_path)
    accounts.create_user("ana", [GRANT], PASSWORD)
    accounts.create_user("boss", [Grant(Role.ADMIN)], PASSWORD)
    database = Database.open(tmp_path)
    return Office(
        TokenDesk(AccessSettings(), database, accounts, Logins(database, accounts, Slowdown())), accounts, database
    )


def test_a_password_gives_a_token_with_the_grants_of_now(office: Office) -> None:
    given = office.log_in()
    assert (given["token_type"], given["expires_in"]) == ("Bearer", 600)
    assert office.owner(given["access_token"]) == Principal(kind="user", name="ana", grants=(GRANT,))
    office.accounts.revoke_grant("ana", GRANT)
    assert office.owner(given["access_token"]).grants == ()
    assert office.trail() == [("session.login", "user:ana", f"user:ana {ADDRESS}")]


@pytest.mark.parametrize(("name", "password"), [("ana", "wrong"), ("nobody", PASSWORD), ("ana", ""), ("ANA", PASSWORD)])
def test_a_wrong_password_is_told_as_any_other(office: Office, name: str, password: str) -> None:
    wrong = office.log_in(name, password)
    assert wrong == office.log_in("another", "wrong")
    assert wrong["error"] == "invalid_grant"
    target = "user:ana" if name == "ana" else "user:(unknown)"
    assert office.trail()[0] == ("token.refused", target, f"nobody {ADDRESS}")


def test_failures_are_slowed(office: Office) -> None:
    for _ in range(4):
        office.log_in(password="wrong")
    with pytest.raises(RateLimited):
        office.log_in()  # the right one, too, or it would be told from the wrong ones


def test_a_refresh_token_gives_the_next(office: Office) -> None:
    first = office.log_in()
    second = office.refresh(first["refresh_token"])
    assert office.owner(second["access_token"]).name == "ana"
    assert second["refresh_token"] != first["refresh_token"]


def test_one_that_comes_again_ends_every_token_of_its_login(office: Office) -> None:
    other, first = office.log_in(), office.log_in()
    second = office.refresh(first["refresh_token"])
    assert office.refresh(first["refresh_token"])["error"] == "invalid_grant"
    assert office.refresh(second["refresh_token"])["error"] == "invalid_grant"
    assert office.refuses(first["access_token"])
    assert office.refuses(second["access_token"])
    assert not office.refuses(other["access_token"])
    assert ("token.reuse", "user:ana", f"nobody {ADDRESS}") in office.trail()


def test_tokens_are_not_taken_for_each_other(office: Office) -> None:
    given = office.log_in()
    key = office.make_key()
    assert office.refuses(given["refresh_token"])
    assert office.refuses(key.text)
    assert office.refresh(given["access_token"])["error"] == "invalid_grant"
    assert office.by_key(key, given["access_token"])["error"] == "invalid_client"


def test_a_key_gives_a_token_without_a_refresh_token(office: Office) -> None:
    key = office.make_key()
    given = office.by_key(key)
    assert set(given) == {"access_token", "token_type", "expires_in"}
    owner = office.owner(given["access_token"])
    assert (owner.kind, owner.name, owner.grants) == ("key", key.prefix, (GRANT,))
    assert office.accounts.keys().keys[0].last_used_at is not None
    office.accounts.revoke_key(key.prefix)
    assert office.refuses(given["access_token"])
    assert office.by_key(key)["error"] == "invalid_client"


def test_a_token_never_outlives_its_key(office: Office) -> None:
    key = office.make_key(expires=datetime.now(UTC) + timedelta(seconds=90))
    assert 80 <= office.by_key(key)["expires_in"] <= 90


@pytest.mark.parametrize("secret", ["", "wrong", "gk_aaaaaaaa_" + "A" * 43, "\0", "ç"])
def test_a_wrong_key_is_refused(office: Office, secret: str) -> None:
    key = office.make_key()
    refused = office.by_key(key, secret)
    assert refused["error"] == "invalid_client"
    assert refused == office.ask(GrantType.CLIENT_CREDENTIALS, client_id="gk_nonesuch", client_secret=key.text)


def test_the_key_of_another_prefix_is_refused(office: Office) -> None:
    one, other = office.make_key(), office.make_key()
    assert office.by_key(one, other.text)["error"] == "invalid_client"


@pytest.mark.parametrize("which", ["access_token", "refresh_token"])
def test_a_revoked_token_is_over(office: Office, which: str) -> None:
    given, other = office.log_in(), office.log_in()
    office.desk.revoke(given[which], ADDRESS)
    assert office.refuses(given["access_token"])
    if which == "refresh_token":
        assert office.refresh(given["refresh_token"])["error"] == "invalid_grant"
    assert not office.refuses(other["access_token"])
    revision = office.access.revision
    for token in (given[which], "unknown", "", "gr_unknown", "a.b.c"):
        office.desk.revoke(token, ADDRESS)
    assert office.access.revision == revision


@pytest.mark.parametrize("what", ["disable", "remove", "password"])
def test_tokens_end_with_their_user(office: Office, what: str) -> None:
    given = office.log_in()
    match what:
        case "disable":
            office.accounts.disable("ana")
        case "remove":
            office.accounts.remove_user("ana")
        case _:
            office.accounts.set_password("ana", PASSWORD + "!")
    assert office.refuses(given["access_token"])
    assert office.refresh(given["refresh_token"])["error"] == "invalid_grant"


def test_no_forgery_passes_the_access_list(office: Office) -> None:
    keys = SigningKeys(office.database)
    now = datetime.now(UTC)
    retired = keys.signer(now)
    keys.rotate(now, end_all=True)
    other = keys.signer(now)
    keys.rotate(now + timedelta(seconds=1))
    forger = Forger(keys.signer(now + timedelta(minutes=1)), other, retired, "user:ana", now)
    assert office.owner(forger.token()).name == "ana"
    assert office.owner(forger.valid(other)).name == "ana"
    access = office.access
    accepted = []
    for name, token in forger.all().items():
        try:
            accepted.append((name, OWNERS(token, access)))
        except Unauthenticated:
            continue
    assert accepted == []


def test_another_server_of_the_same_name_gives_no_tokens_here(office: Office) -> None:
    stranger = SigningKey.make()
    forger = Forger(stranger, stranger, stranger, "user:ana", datetime.now(UTC))
    assert office.refuses(forger.valid())
