from __future__ import annotations

import json
import multiprocessing
import os
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from garcom.access.accounts import Accounts
from garcom.errors import InputError, SettingsError
from garcom.storage import traffic
from garcom.storage.audit import Actor, accept, key_path, record, terminal
from garcom.storage.audit_check import Anchor, Verification, verify
from garcom.storage.audit_rows import Entry, Wanted, chained, entries, newest_entries
from garcom.storage.database import Database
from garcom.storage.witness import FILE_NAME, witness_of

ANA = Actor("user:ana", "203.0.113.7")
N_ROWS = 8
COLUMNS = Entry._fields
TRIGGERS = ("audit_no_update", "audit_no_delete", "audit_in_order")


def told(database: Database, action: str = "model.use", target: str = "wine") -> None:
    with database.by(ANA).write() as connection:
        record(connection, action, target, {"answers": 1}, {"answers": 2})


def rows(database: Database) -> list[Entry]:
    with database.read() as connection:
        return list(entries(connection))


def witness_file(home: Path) -> Path:
    return home / "secrets" / FILE_NAME


def tamper(home: Path, *statements: str, parameters: tuple[Any, ...] = ()) -> None:
    """What somebody does who may write to the database's file: the triggers do not stop them."""
    with sqlite3.connect(home / "garcom.db") as connection:
        for trigger in TRIGGERS:
            connection.execute(f"DROP TRIGGER IF EXISTS {trigger}")
        for statement in statements:
            connection.execute(statement, parameters)
    connection.close()


@pytest.fixture(scope="module")
def trail(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("trail")
    database = Database.open(home)
    for number in range(N_ROWS):
        told(database, target=f"wine:{number}")
    return home


@pytest.fixture
def home(trail: Path, tmp_path: Path) -> Path:
    return shutil.copytree(trail, tmp_path / "home")


def checked(home: Path, anchor: Anchor | None = None) -> Verification:
    return verify(Database.open(home), anchor)


def test_a_row_tells_who_did_what_when_from_where_and_what_changed(tmp_path: Path) -> None:
    database = Database.open(tmp_path)
    with database.by(ANA).write() as connection:
        record(connection, "model.use", "wine", {"b": 1, "a": None}, {"ç": float("nan")})
    with database.write() as connection:
        record(connection, "model.remove", "wine:1")
    first, second = rows(database)
    assert first[:1] + first[2:8] == (
        1,
        "user:ana",
        "203.0.113.7",
        "model.use",
        "wine",
        '{"a":null,"b":1}',
        '{"ç":null}',
    )
    assert len(first.at) == len("2026-11-21T19:12:49.123456Z")
    assert second[:1] + second[2:8] == (2, *terminal(), "model.remove", "wine:1", None, None)
    assert chained(key_path(tmp_path).read_bytes(), first.hash, second) == second.hash
    assert verify(database) == Verification(intact=True, rows=2, head=f"2:{second.hash}")


def test_an_installation_without_rows_is_intact(tmp_path: Path) -> None:
    assert checked(tmp_path) == Verification(intact=True, rows=0)
    assert not (tmp_path / "secrets").exists()


def test_a_change_that_fails_leaves_no_row_and_no_witness_of_it(tmp_path: Path) -> None:
    database = Database.open(tmp_path)
    told(database)

    def fail() -> None:
        with database.write() as connection:
            traffic.bump(connection)
            record(connection, "model.use", "wine")
            raise RuntimeError("in the middle")

    with pytest.raises(RuntimeError, match="in the middle"):
        fail()
    assert len(rows(database)) == 1
    witness = witness_of(tmp_path)
    assert witness is not None
    assert witness.number == 1
    told(database)
    assert verify(database).intact


def test_several_rows_of_one_change_are_chained(tmp_path: Path) -> None:
    database = Database.open(tmp_path)
    with database.write() as connection:
        for number in range(3):
            record(connection, "model.use", f"wine:{number}")
    assert [row.number for row in rows(database)] == [1, 2, 3]
    assert verify(database).intact


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit SET actor = 'user:eve' WHERE number = 3",
        "DELETE FROM audit WHERE number = 8",
        "DELETE FROM audit",
        f"INSERT OR REPLACE INTO audit SELECT 3, {', '.join(COLUMNS[1:])} FROM audit WHERE number = 4",
        f"INSERT INTO audit SELECT 0, {', '.join(COLUMNS[1:])} FROM audit WHERE number = 3",
        f"INSERT INTO audit SELECT 77, {', '.join(COLUMNS[1:])} FROM audit WHERE number = 3",
    ],
)
def test_the_database_itself_refuses_to_change_a_row(home: Path, statement: str) -> None:
    with pytest.raises(IntegrityError, match="append-only"), Database.open(home).write() as connection:
        connection.execute(text(statement))
    assert checked(home).intact


@pytest.mark.parametrize("number", [1, 4, N_ROWS])
@pytest.mark.parametrize("column", COLUMNS[1:])
def test_an_edit_of_any_column_of_any_row_is_found(home: Path, column: str, number: int) -> None:
    tamper(home, f"UPDATE audit SET {column} = {column} || 'x' WHERE number = {number}")
    found = checked(home)
    assert (found.intact, found.wrong) == (False, number)


@pytest.mark.parametrize("column", ["before", "after"])
def test_nothing_and_null_are_not_the_same(home: Path, column: str) -> None:
    tamper(home, f"UPDATE audit SET {column} = NULL WHERE number = 2")
    assert checked(home).wrong == 2


def test_what_moves_from_one_column_to_the_next_is_found(home: Path) -> None:
    tamper(home, "UPDATE audit SET actor = 'user', address = ':ana203.0.113.7' WHERE number = 2")
    assert checked(home).wrong == 2


def test_a_renumbered_row_is_found(home: Path) -> None:
    tamper(home, f"UPDATE audit SET number = {N_ROWS + 5} WHERE number = {N_ROWS}")
    assert checked(home).wrong == N_ROWS


@pytest.mark.parametrize(
    ("gone", "wrong"),
    [("number = 1", 1), ("number IN (3, 4)", 3), (f"number = {N_ROWS}", N_ROWS), ("number > 5", 6), ("1", 1)],
)
def test_deleted_rows_are_found(home: Path, gone: str, wrong: int) -> None:
    tamper(home, f"DELETE FROM audit WHERE {gone}")
    found = checked(home)
    assert (found.intact, found.wrong) == (False, wrong)
    assert "gone" in found.how


def test_deleted_rows_are_found_when_others_take_their_numbers(home: Path) -> None:
    tamper(home, "DELETE FROM audit WHERE number > 5")
    for _ in range(6):
        told(Database.open(home))
    found = checked(home)
    assert (found.intact, found.wrong) == (False, N_ROWS)
    assert "not the row that was written" in found.how


def test_two_rows_in_each_other_s_place_are_found(home: Path) -> None:
    tamper(
        home,
        "UPDATE audit SET number = -1 WHERE number = 3",
        "UPDATE audit SET number = 3 WHERE number = 4",
        "UPDATE audit SET number = 4 WHERE number = -1",
    )
    assert checked(home).wrong == 3


@pytest.mark.parametrize(("number", "wrong"), [(-7, 1), (0, 1), (N_ROWS + 1, N_ROWS + 1), (N_ROWS + 9, N_ROWS + 1)])
def test_a_row_of_somebody_else_is_found(home: Path, number: int, wrong: int) -> None:
    columns = ", ".join(COLUMNS[1:])
    tamper(home, f"INSERT INTO audit SELECT {number}, {columns} FROM audit WHERE number = 5")
    found = checked(home)
    assert (found.intact, found.wrong) == (False, wrong)


def test_whoever_lacks_the_secret_cannot_chain_a_row(home: Path) -> None:
    last = rows(Database.open(home))[-1]
    forged = last._replace(number=N_ROWS + 1, actor="user:eve")
    forged = forged._replace(hash=chained(b"a guess", last.hash, forged))
    tamper(home, f"INSERT INTO audit VALUES ({', '.join('?' * len(COLUMNS))})", parameters=forged)
    assert checked(home).wrong == N_ROWS + 1


def test_rows_deleted_down_to_an_older_witness_are_found_by_a_row_kept_elsewhere(home: Path) -> None:
    old = witness_file(home).read_bytes()
    for _ in range(3):
        told(Database.open(home))
    kept_elsewhere = checked(home).head
    assert kept_elsewhere is not None
    tamper(home, f"DELETE FROM audit WHERE number > {N_ROWS}")
    assert checked(home).wrong == N_ROWS + 1  # by the witness
    witness_file(home).write_bytes(old)  # by somebody who may write to the secrets, too
    assert checked(home, Anchor.parse(kept_elsewhere)).wrong == N_ROWS + 1


def test_a_row_kept_elsewhere_must_be_the_one_that_is_there(home: Path) -> None:
    third = rows(Database.open(home))[2]
    assert checked(home, Anchor(3, third.hash)).intact
    assert checked(home, Anchor(3, "0" * 64)).wrong == 3


@pytest.mark.parametrize("words", ["", "5", "5:xyz", "0:" + "a" * 64, "5:" + "a" * 63, "-1:" + "a" * 64])
def test_a_row_kept_elsewhere_is_written_as_it_was_told(words: str) -> None:
    with pytest.raises(InputError, match="NUMBER:HASH"):
        Anchor.parse(words)


@pytest.mark.parametrize(
    "content", [b"", b"5", b"\xff\xfe", f"5 {'a' * 64} {'b' * 64}\n".encode(), f"0 {'0' * 64} {'0' * 64}\n".encode()]
)
def test_a_witness_that_this_installation_did_not_write_is_told(home: Path, content: bytes) -> None:
    witness_file(home).write_bytes(content)
    found = checked(home)
    assert not found.intact
    assert "witness was not written by this installation" in found.how
    told(Database.open(home))
    assert witness_file(home).read_bytes() == content  # the proof is not written over
    assert not checked(home).intact


def test_a_missing_witness_is_told_and_not_made_anew(home: Path) -> None:
    witness_file(home).unlink()
    told(Database.open(home))
    found = checked(home)
    assert not found.intact
    assert "witness is missing" in found.how
    assert not witness_file(home).exists()


def test_everything_deleted_with_the_witness_is_told(home: Path) -> None:
    witness_file(home).unlink()
    tamper(home, "DELETE FROM audit")
    told(Database.open(home))
    assert not checked(home).intact


def test_a_witness_that_lags_behind_is_nothing_bad(home: Path) -> None:
    old = witness_file(home).read_bytes()
    told(Database.open(home))
    witness_file(home).write_bytes(old)  # as if the process had died after its commit
    assert checked(home).intact
    told(Database.open(home))
    witness = witness_of(home)
    assert witness is not None
    assert witness.number == N_ROWS + 2


def test_the_database_of_another_installation_is_found(home: Path, tmp_path: Path) -> None:
    other = Database.open(tmp_path / "other")
    for _ in range(N_ROWS + 1):
        told(other)
    shutil.copy(tmp_path / "other" / "garcom.db", home / "garcom.db")
    assert checked(home).wrong == 1


def test_a_new_database_in_place_of_the_old_one_is_found(home: Path) -> None:
    (home / "garcom.db").unlink()
    found = checked(home)
    assert (found.intact, found.rows, found.wrong) == (False, 0, 1)


def test_a_home_restored_as_a_whole_is_intact_and_goes_on(home: Path, tmp_path: Path) -> None:
    backup = shutil.copytree(home, tmp_path / "backup")
    told(Database.open(home))
    told(Database.open(backup))
    assert checked(backup).rows == N_ROWS + 1
    assert checked(backup).intact


def test_a_database_restored_alone_goes_on_once_that_is_accepted(home: Path, tmp_path: Path) -> None:
    shutil.copy(home / "garcom.db", tmp_path / "backup.db")
    told(Database.open(home))
    shutil.copy(tmp_path / "backup.db", home / "garcom.db")
    assert checked(home).wrong == N_ROWS + 1
    with Database.open(home).by(ANA).write() as connection:
        accept(connection, "the disk failed")
    told(Database.open(home))
    assert checked(home).intact
    row = rows(Database.open(home))[N_ROWS]
    assert (row.actor, row.action) == ("user:ana", "audit.accept")
    assert json.loads(row.before or "")["witness"]["number"] == N_ROWS + 1
    assert json.loads(row.after or "") == {"reason": "the disk failed"}


def test_accepting_mends_no_row(home: Path) -> None:
    tamper(home, "UPDATE audit SET actor = 'user:eve' WHERE number = 3")
    with Database.open(home).write() as connection:
        accept(connection, "never mind")
    assert checked(home).wrong == 3


def test_without_its_secret_nothing_is_changed_and_nothing_is_proved(home: Path) -> None:
    key_path(home).unlink()
    with pytest.raises(SettingsError, match=r"audit\.key.*backup"):
        told(Database.open(home))
    assert len(rows(Database.open(home))) == N_ROWS
    found = checked(home)
    assert not found.intact
    assert "audit.key" in found.how
    with Database.open(home).write() as connection:
        accept(connection, "it was lost")
    told(Database.open(home))
    assert checked(home).wrong == 1


def test_a_secret_that_was_cut_is_refused(home: Path) -> None:
    key_path(home).write_bytes(b"short")
    with pytest.raises(SettingsError, match="32 bytes"):
        told(Database.open(home))
    assert not checked(home).intact


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can write as somebody else")
def test_what_root_records_the_owner_of_the_home_can_go_on_with(tmp_path: Path) -> None:
    nobody = 65534
    Database.open(tmp_path / "home")
    os.chown(tmp_path / "home", nobody, nobody)
    told(Database.open(tmp_path / "home"))
    made = [tmp_path / "home" / "secrets", *(tmp_path / "home" / "secrets").iterdir()]
    assert len(made) == 4
    assert {(path.stat().st_uid, path.stat().st_gid) for path in made} == {(nobody, nobody)}


def tell_often(home: Path, times: int) -> None:
    database = Database.open(home)
    for _ in range(times):
        told(database)


def test_processes_that_write_at_the_same_time_make_one_chain(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=tell_often, args=(tmp_path, 12)) for _ in range(2)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
    assert [process.exitcode for process in processes] == [0, 0]
    found = checked(tmp_path)
    assert (found.intact, found.rows) == (True, 24)
    witness = witness_of(tmp_path)
    assert witness is not None
    assert witness.number == 24


def test_rows_are_chosen(tmp_path: Path) -> None:
    database = Database.open(tmp_path)
    for action, target in (
        ("model.use", "wine:1"),
        ("model.remove", "wine"),
        ("models.x", "wine_red"),
        ("user.x", "w"),
    ):
        told(database, action, target)

    def numbers(**wanted: Any) -> list[int]:
        with database.read() as connection:
            return [entry.number for entry in newest_entries(connection, 10, None, Wanted(**wanted))]

    assert numbers() == [4, 3, 2, 1]
    assert numbers(action="model") == [2, 1]
    assert numbers(action="model.use") == [1]
    assert numbers(target="wine") == [2, 1]
    assert numbers(actor="user:an") == []
    with database.read() as connection:
        assert [entry.number for entry in newest_entries(connection, 2, before=4)] == [3, 2]


CHANGES: dict[str, Callable[[int], str]] = {
    **{column: f"UPDATE audit SET {column} = {column} || 'x' WHERE number = {{}}".format for column in COLUMNS[1:]},
    "cut": "UPDATE audit SET action = substr(action, 2) WHERE number = {}".format,
    "delete": "DELETE FROM audit WHERE number = {}".format,
    "truncate": "DELETE FROM audit WHERE number >= {}".format,
    "copy": (
        f"INSERT INTO audit SELECT (SELECT max(number) FROM audit) + 1, {', '.join(COLUMNS[1:])} "
        "FROM audit WHERE number = {}"
    ).format,
}


@given(number=st.integers(1, N_ROWS), kind=st.sampled_from(sorted(CHANGES)), later=st.integers(0, 2))
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_is_changed_is_found_and_stays_found(
    trail: Path, tmp_path_factory: pytest.TempPathFactory, number: int, kind: str, later: int
) -> None:
    home = shutil.copytree(trail, tmp_path_factory.mktemp("changed") / "home")
    assert checked(home).intact
    tamper(home, CHANGES[kind](number))
    for _ in range(later):
        told(Database.open(home))
    found = checked(home)
    assert not found.intact
    assert found.wrong is not None
    assert found.wrong <= N_ROWS + 1


def test_a_trail_that_was_made_to_look_as_if_it_had_never_begun_is_found(tmp_path: Path) -> None:
    database = Database.open(tmp_path)
    accounts = Accounts(database)
    accounts.create_user("ana", [], "a long enough password")
    assert checked(tmp_path).intact
    key_path(tmp_path).unlink()
    witness_file(tmp_path).unlink()
    tamper(tmp_path, "DELETE FROM audit")
    how = "user:ana is in the database, and no row tells who made it"
    assert checked(tmp_path) == Verification(intact=False, rows=0, how=how)
    accounts.create_user("bia", [], "a long enough password")
    assert (checked(tmp_path).intact, checked(tmp_path).how) == (False, how)
    with database.by(ANA).write() as connection:
        accept(connection, "the rows are lost")
    assert checked(tmp_path).intact
