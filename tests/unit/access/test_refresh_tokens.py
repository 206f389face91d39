from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from garcom.access.accounts import Accounts
from garcom.access.listing import current_access_list
from garcom.access.refresh_tokens import Refreshed, RefreshTokens
from garcom.access.roles import Grant, Role
from garcom.errors import Unauthenticated
from garcom.storage.audit_rows import entries
from garcom.storage.database import Database
from garcom.storage.tokens import forget_expired, revoked
from tests.unit.access.opened import PASSWORD, open_accounts

LIFETIME = timedelta(days=30)


@pytest.fixture
def accounts(tmp_path: Path) -> Accounts:
    accounts = open_accounts(tmp_path)
    for name in ("ana", "boss"):
        accounts.create_user(name, [Grant(Role.ADMIN)], PASSWORD)
    return accounts


@pytest.fixture
def database(accounts: Accounts, tmp_path: Path) -> Database:
    return Database.open(tmp_path)


@pytest.fixture
def tokens(database: Database) -> RefreshTokens:
    return RefreshTokens(database, LIFETIME)


def now() -> datetime:
    return datetime.now(UTC)


def actions(database: Database) -> list[tuple[str, str]]:
    with database.read() as connection:
        return [(entry.action, entry.target) for entry in entries(connection) if entry.action != "user.create"]


def refused(tokens: RefreshTokens, token: str, when: datetime | None = None) -> bool:
    try:
        tokens.use(token, when or now())
    except Unauthenticated as error:
        return not token or token not in str(error)
    return False


def chain(tokens: RefreshTokens, length: int) -> list[Refreshed]:
    found = [tokens.begin("ana", now())]
    for _ in range(length):
        found.append(tokens.use(found[-1].token, now()))
    return found


def test_each_is_used_once_and_gives_the_next(tokens: RefreshTokens) -> None:
    found = chain(tokens, 3)
    assert len({it.token for it in found}) == 4
    assert {(it.user, it.family) for it in found} == {("ana", found[0].family)}


@pytest.mark.parametrize("used", [0, 1, 2])
def test_one_that_comes_again_ends_its_family(tokens: RefreshTokens, database: Database, used: int) -> None:
    other = tokens.begin("ana", now())
    found = chain(tokens, 3)
    assert refused(tokens, found[used].token)
    assert refused(tokens, found[-1].token)
    assert actions(database)[-1] == ("token.reuse", "user:ana")
    assert found[0].family in current_access_list(database, public=True).revoked_tokens
    assert not refused(tokens, other.token)


def test_of_two_that_use_one_at_the_same_time_one_is_a_thief(tokens: RefreshTokens) -> None:
    first = tokens.begin("ana", now())

    def use(_: int) -> Refreshed | None:
        try:
            return tokens.use(first.token, now())
        except Unauthenticated:
            return None

    with ThreadPoolExecutor(4) as threads:
        found = [it for it in threads.map(use, range(4)) if it is not None]
    assert len(found) == 1
    assert refused(tokens, found[0].token)


def test_a_family_ends_a_fixed_time_after_its_login(tokens: RefreshTokens) -> None:
    start = now()
    first = tokens.begin("ana", start)
    second = tokens.use(first.token, start + LIFETIME - timedelta(seconds=1))
    assert refused(tokens, second.token, start + LIFETIME)


@pytest.mark.parametrize("what", ["disable", "password", "remove"])
def test_what_ends_a_user_s_sessions_ends_these(tokens: RefreshTokens, accounts: Accounts, what: str) -> None:
    token = tokens.begin("ana", now()).token
    if what == "disable":
        accounts.disable("ana")
        assert refused(tokens, token)
        accounts.enable("ana")
    elif what == "password":
        accounts.set_password("ana", PASSWORD + "!")
    else:
        accounts.remove_user("ana")
    assert refused(tokens, token)


@pytest.mark.parametrize("token", ["", "gr_", "gr_" + "A" * 43, "' OR 1=1 --", "\0", "\ud800", "x" * 10_000])
def test_what_is_none_is_refused(tokens: RefreshTokens, token: str) -> None:
    assert refused(tokens, token)


def test_revoking_ends_the_family_and_tells_it_once(tokens: RefreshTokens, database: Database) -> None:
    found = chain(tokens, 2)
    tokens.revoke(found[0].token, now())
    assert refused(tokens, found[-1].token)
    tokens.revoke(found[0].token, now())
    tokens.revoke("gr_unknown", now())
    assert actions(database) == [("session.login", "user:ana"), ("session.logout", "user:ana")]


def test_the_tokens_themselves_are_kept_nowhere(tokens: RefreshTokens, database: Database) -> None:
    found = chain(tokens, 1)
    content = b"".join(path.read_bytes() for path in database.home.glob("garcom.db*"))
    for it in found:
        assert it.token.encode() not in content
        assert it.token not in repr(it)


def test_what_has_expired_is_forgotten(tokens: RefreshTokens, database: Database) -> None:
    start = now()
    tokens.revoke(tokens.begin("ana", start).token, start)
    with database.write() as connection:
        assert len(revoked(connection, start)) == 1
        forget_expired(connection, start)
        assert len(revoked(connection, start)) == 1
        forget_expired(connection, start + LIFETIME)
        assert revoked(connection, start) == frozenset()
        assert connection.exec_driver_sql("SELECT count(*) FROM refresh_tokens").scalar_one() == 0
