"""Users and API keys over a real database: every change, what forbids it, and what is told of it."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from garcom.access.accounts import Accounts
from garcom.access.api_keys import digest
from garcom.access.listing import current_access_list, current_access_revision
from garcom.access.passwords import Passwords
from garcom.access.roles import Grant, Role
from garcom.errors import Conflict, GarcomError, InputError, NotFound, Unauthenticated
from garcom.rates import Limits
from garcom.storage import accounts as rows
from garcom.storage import audit_rows
from garcom.storage.audit import Actor
from garcom.storage.database import Database
from tests.unit.access.opened import CHEAP, PASSWORD, open_accounts

ADMIN, VIEWER, WINE = Grant(Role.ADMIN), Grant(Role.VIEWER), Grant(Role.CLIENT, "wine")
OTHER = "another long password"


@pytest.fixture
def accounts(tmp_path: Path) -> Accounts:
    return open_accounts(tmp_path)


@pytest.fixture
def database(tmp_path: Path) -> Database:
    return Database.open(tmp_path)


def told(database: Database) -> list[audit_rows.Entry]:
    with database.read() as connection:
        return list(audit_rows.entries(connection))


def test_a_user_is_what_it_was_made(accounts: Accounts, database: Database) -> None:
    made = accounts.create_user("ana", [WINE, VIEWER, WINE], PASSWORD)
    assert accounts.user("ana") == made
    assert (made.name, set(made.grants), made.has_password, made.disabled_at) == ("ana", {WINE, VIEWER}, True, None)
    assert accounts.check_password("ana", PASSWORD).name == "ana"
    (row,) = told(database)
    assert (row.action, row.target, row.before) == ("user.create", "user:ana", None)
    assert json.loads(row.after or "") == {"grants": ["client:wine", "viewer"]}


@pytest.mark.parametrize("name", ["ana", "ANA", "aNa"])
def test_a_name_is_given_once_whatever_its_capitals(accounts: Accounts, name: str) -> None:
    accounts.create_user("Ana", [], None)
    with pytest.raises(Conflict, match="'Ana'"):
        accounts.create_user(name, [ADMIN], PASSWORD)
    assert [user.name for user in accounts.users().users] == ["Ana"]


def test_wrong_passwords_unknown_disabled_and_external_users_look_the_same(accounts: Accounts) -> None:
    for name, password in (("ana", PASSWORD), ("bia", PASSWORD), ("external", None)):
        accounts.create_user(name, [], password)
    accounts.disable("bia")
    said = set()
    for name, password in (
        ("ana", OTHER),
        ("ANA", PASSWORD),
        ("nobody", PASSWORD),
        ("bia", PASSWORD),
        ("external", ""),
    ):
        with pytest.raises(Unauthenticated) as caught:
            accounts.check_password(name, password)
        said.add(str(caught.value))
    assert len(said) == 1


def test_another_password_ends_sessions(accounts: Accounts, database: Database) -> None:
    accounts.create_user("ana", [VIEWER], PASSWORD)
    before = current_access_list(database, public=True).users["ana"].sessions_from
    accounts.set_password("ana", OTHER)
    assert current_access_list(database, public=True).users["ana"].sessions_from > before
    assert accounts.check_password("ana", OTHER).name == "ana"
    with pytest.raises(Unauthenticated):
        accounts.check_password("ana", PASSWORD)


def test_a_hash_of_old_parameters_is_made_anew_at_the_next_login(accounts: Accounts, database: Database) -> None:
    accounts.create_user("ana", [], PASSWORD)
    user_id = accounts.check_password("ana", PASSWORD).id
    dearer = Accounts(database, Passwords(passes=2, memory_kib=8, lanes=1))
    revision = current_access_revision(database)
    assert dearer.check_password("ana", PASSWORD).name == "ana"
    with database.read() as connection:
        assert ",t=2,p=1$" in (rows.password_hash(connection, user_id) or "")
    assert current_access_revision(database) == revision
    assert dearer.check_password("ana", PASSWORD).name == "ana"


def test_a_disabled_user_is_not_on_the_list_until_enabled(accounts: Accounts, database: Database) -> None:
    accounts.create_user("ana", [VIEWER], PASSWORD)
    before = current_access_list(database, public=True).users["ana"].sessions_from
    assert accounts.disable("ana").disabled_at is not None
    assert current_access_list(database, public=False).users == {}
    assert current_access_list(database, public=False).required
    accounts.disable("ana")  # is so already
    accounts.enable("ana")
    assert current_access_list(database, public=True).users["ana"].sessions_from > before
    assert [row.action for row in told(database)] == ["user.create", "user.disable", "user.enable"]


def test_grants_come_and_go(accounts: Accounts, database: Database) -> None:
    accounts.create_user("ana", [VIEWER], PASSWORD)
    assert set(accounts.grant("ana", WINE).grants) == {VIEWER, WINE}
    assert set(accounts.grant("ana", WINE).grants) == {VIEWER, WINE}
    assert accounts.revoke_grant("ana", VIEWER).grants == (WINE,)
    assert current_access_list(database, public=True).users["ana"].grants == (WINE,)
    with pytest.raises(NotFound, match=r"has client:wine, got 'viewer'"):
        accounts.revoke_grant("ana", VIEWER)
    _, granted, revoked = told(database)
    assert (granted.action, json.loads(granted.after or "")) == ("user.grant", {"grants": ["client:wine", "viewer"]})
    assert (revoked.action, json.loads(revoked.after or "")) == ("user.revoke", {"grants": ["client:wine"]})


@pytest.mark.parametrize(
    "change",
    [
        lambda accounts: accounts.disable("ana"),
        lambda accounts: accounts.remove_user("ana"),
        lambda accounts: accounts.revoke_grant("ana", ADMIN),
    ],
)
def test_the_last_administrator_stays(
    accounts: Accounts, database: Database, change: Callable[[Accounts], object]
) -> None:
    accounts.create_user("ana", [ADMIN], PASSWORD)
    accounts.create_user("off", [ADMIN], PASSWORD)
    accounts.create_user("of-one-model", [Grant(Role.ADMIN, "wine")], PASSWORD)
    accounts.disable("off")
    before = current_access_list(database, public=True), told(database)
    with pytest.raises(Conflict, match="last administrator"):
        change(accounts)
    assert (current_access_list(database, public=True), told(database)) == before
    accounts.enable("off")
    change(accounts)


def test_a_removed_user_leaves_nothing_to_one_of_the_same_name(accounts: Accounts, database: Database) -> None:
    accounts.create_user("ana", [WINE], PASSWORD)
    accounts.remove_user("ana")
    assert accounts.create_user("ana", [], None).grants == ()
    with pytest.raises(Unauthenticated):
        accounts.check_password("ana", PASSWORD)


@pytest.mark.parametrize(
    "change",
    [
        lambda accounts: accounts.user("nobody"),
        lambda accounts: accounts.set_password("nobody", OTHER),
        lambda accounts: accounts.disable("nobody"),
        lambda accounts: accounts.enable("nobody"),
        lambda accounts: accounts.remove_user("nobody"),
        lambda accounts: accounts.grant("nobody", WINE),
        lambda accounts: accounts.revoke_grant("nobody", WINE),
        lambda accounts: accounts.revoke_key("gk_abcdefgh"),
        lambda accounts: accounts.keys(after="gk_abcdefgh"),
    ],
)
def test_what_is_not_there_is_said_and_counts_as_no_change(
    accounts: Accounts, database: Database, change: Callable[[Accounts], object]
) -> None:
    with pytest.raises(NotFound):
        change(accounts)
    assert current_access_revision(database) == 0
    assert told(database) == []


def test_of_servers_that_start_together_one_makes_the_administrator(tmp_path: Path) -> None:
    Database.open(tmp_path)
    with ThreadPoolExecutor(6) as threads:
        made = list(threads.map(lambda _: open_accounts(tmp_path).first_administrator(), range(6)))
    ((name, password),) = [each for each in made if each is not None]
    accounts = open_accounts(tmp_path)
    assert [(user.name, user.grants) for user in accounts.users().users] == [(name, (ADMIN,))]
    assert accounts.check_password(name, password).name == "admin"
    assert accounts.first_administrator() is None


def test_a_key_is_told_once_and_stored_as_its_digest(accounts: Accounts, database: Database, tmp_path: Path) -> None:
    limits = Limits(requests="100/1s", daily_rows=5)
    expires = datetime.now(UTC) + timedelta(days=90)
    key, new = accounts.create_key("pricing", [WINE], by="user:ana", expires=expires, limits=limits)
    assert (key.prefix, key.name, key.grants, key.limits) == (new.prefix, "pricing", (WINE,), limits)
    assert (key.created_by, key.expires_at, key.revoked_at, key.last_used_at) == ("user:ana", expires, None, None)
    listed = current_access_list(database, public=False)
    assert listed.required
    assert listed.keys[digest(new.text)].grants == (WINE,)
    assert listed.keys[digest(new.text)].limits == limits
    secret = new.text.removeprefix(new.prefix).encode()
    assert all(secret not in path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())


def test_a_revoked_key_is_off_the_list_and_on_record(accounts: Accounts, database: Database) -> None:
    _, new = accounts.create_key("pricing", [WINE], by="user:ana")
    assert accounts.revoke_key(new.prefix).revoked_at is not None
    assert current_access_list(database, public=False).keys == {}
    assert current_access_list(database, public=False).required
    assert [key.prefix for key in accounts.keys().keys] == [new.prefix]
    with pytest.raises(Conflict, match="revoked already"):
        accounts.revoke_key(new.prefix)
    assert [row.action for row in told(database)] == ["api_key.create", "api_key.revoke"]


def test_an_expired_key_is_off_the_list(accounts: Accounts, database: Database) -> None:
    _, new = accounts.create_key("pricing", [WINE], by="user:ana", expires=datetime.now(UTC) + timedelta(days=1))
    with database.read() as connection:
        assert [row.prefix for row in rows.list_valid_keys(connection, datetime.now(UTC))] == [new.prefix]
        assert rows.list_valid_keys(connection, datetime.now(UTC) + timedelta(days=2)) == []


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"name": "a b"}, "name of an API key"),
        ({"grants": [Grant(Role.CLIENT, "Wine")]}, "name of a model"),
        ({"expires": datetime(2020, 1, 1, tzinfo=UTC)}, "in the future"),
        ({"expires": datetime.fromisoformat("9999-12-31T23:59:59-12:00")}, "in the future"),
        ({"limits": Limits(requests="fast")}, "100/1s"),
        ({"limits": Limits(daily_rows=0)}, "daily_rows"),
    ],
)
def test_keys_that_cannot_be_are_refused(accounts: Accounts, changes: dict[str, object], said: str) -> None:
    with pytest.raises(InputError, match=said):
        accounts.create_key(**({"name": "pricing", "grants": [WINE], "by": "user:ana"} | changes))  # type: ignore[arg-type]
    assert accounts.keys().keys == ()


def test_somebody_who_takes_the_key_for_its_prefix_does_not_read_it_again(accounts: Accounts) -> None:
    _, new = accounts.create_key("pricing", [WINE], by="user:ana")
    with pytest.raises(NotFound) as caught:
        accounts.revoke_key(new.text)
    assert new.text[12:] not in str(caught.value)


def test_the_last_use_never_goes_back_and_is_no_change(accounts: Accounts, database: Database) -> None:
    _, new = accounts.create_key("pricing", [WINE], by="user:ana")
    revision, now = current_access_revision(database), datetime.now(UTC)
    accounts.note_use({digest(new.text): now, digest("unknown"): now})
    accounts.note_use({digest(new.text): now - timedelta(hours=1)})
    accounts.note_use({})
    assert accounts.keys().keys[0].last_used_at == now
    assert current_access_revision(database) == revision


def test_lists_come_in_pages(accounts: Accounts) -> None:
    for number in range(5):
        accounts.create_user(f"user{number}", [WINE], None)
        accounts.create_key(f"key{number}", [WINE], by="user:ana")
    names, keys = [], []
    after: str | None = ""
    while after is not None:
        users = accounts.users(after=after, limit=2)
        names.append([user.name for user in users.users])
        after = users.next
    after = ""
    while after is not None:
        page = accounts.keys(after=after, limit=5)
        keys.append([key.name for key in page.keys])
        after = page.next
    assert names == [["user0", "user1"], ["user2", "user3"], ["user4"]]
    assert keys == [[f"key{number}" for number in range(5)]]
    assert all(user.grants == (WINE,) for user in accounts.users().users)


def test_changes_are_told_as_their_actors(database: Database) -> None:
    Accounts(database.by(Actor("user:root", "203.0.113.7")), Passwords(**CHEAP)).create_user("ana", [], None)
    (row,) = told(database)
    assert (row.actor, row.address) == ("user:root", "203.0.113.7")


def test_a_server_without_accounts_is_open_on_loopback_only(database: Database) -> None:
    assert not current_access_list(database, public=False).required
    assert current_access_list(database, public=True).required


def test_each_change_has_a_revision_of_its_own(accounts: Accounts, database: Database) -> None:
    current_access_list(database, public=True)  # makes the first key that signs tokens
    seen = [current_access_revision(database)]
    for change in (
        lambda: accounts.create_user("ana", [], PASSWORD),
        lambda: accounts.grant("ana", WINE),
        lambda: accounts.set_password("ana", OTHER),
        lambda: accounts.disable("ana"),
        lambda: accounts.create_key("k", [], by="user:ana"),
        lambda: accounts.remove_user("ana"),
    ):
        change()
        seen.append(current_access_revision(database))
    assert seen == sorted(set(seen))
    assert current_access_list(database, public=True).revision == seen[-1]


def test_nothing_that_is_raised_or_recorded_holds_a_password(accounts: Accounts, database: Database) -> None:
    secret = "pa55 canary phrase"
    accounts.create_user("ana", [], secret)
    accounts.set_password("ana", secret)
    for attempt in (lambda: accounts.create_user("ana", [], secret), lambda: accounts.check_password("bia", secret)):
        with pytest.raises(GarcomError) as caught:
            attempt()
        assert secret not in str(caught.value)
    assert secret not in str(told(database))
