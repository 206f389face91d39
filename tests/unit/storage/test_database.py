from __future__ import annotations

import multiprocessing
import os
import sqlite3
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from garcom.errors import Conflict, SettingsError, Unavailable
from garcom.storage import sqlite, traffic
from garcom.storage.database import Database


def pragma(database: Database, name: str) -> object:
    with database.read() as connection:
        return connection.exec_driver_sql(f"PRAGMA {name}").scalar_one()


def test_connections_are_durable_and_checked(tmp_path: Path) -> None:
    database = Database.open(tmp_path / "home")
    assert pragma(database, "journal_mode") == "delete"
    assert pragma(database, "synchronous") == 2  # FULL
    assert pragma(database, "foreign_keys") == 1
    assert pragma(database, "secure_delete") == 1
    assert pragma(database, "busy_timeout") == sqlite.BUSY_TIMEOUT_S * 1000


def test_a_transaction_that_raises_leaves_nothing(tmp_path: Path) -> None:
    database = Database.open(tmp_path)

    def fail() -> None:
        with database.write() as connection:
            traffic.bump(connection)
            connection.execute(text("CREATE TABLE extra (id INTEGER)"))
            raise RuntimeError("in the middle")

    with pytest.raises(RuntimeError, match="in the middle"):
        fail()
    with database.read() as connection:
        assert traffic.revision(connection) == 0
        assert connection.execute(text("SELECT count(*) FROM sqlite_master WHERE name = 'extra'")).scalar_one() == 0


def test_a_reader_sees_one_state_throughout(tmp_path: Path) -> None:
    database = Database.open(tmp_path)
    with database.read() as connection:
        before = traffic.revision(connection)
        code = (
            "import sqlite3, sys; c = sqlite3.connect(sys.argv[1], timeout=0.2)\n"
            "try: c.execute('UPDATE state SET revision = 7'); c.commit()\n"
            "except sqlite3.OperationalError as error: print(error)"
        )
        done = subprocess.run(
            [sys.executable, "-c", code, str(tmp_path / "garcom.db")], check=True, capture_output=True, text=True
        )
        assert "locked" in done.stdout
        assert traffic.revision(connection) == before


def bump_often(home: Path, times: int) -> None:
    database = Database.open(home)
    for _ in range(times):
        with database.write() as connection:
            # Reads before it writes: without BEGIN IMMEDIATE this loses counts or fails.
            revision = traffic.revision(connection)
            assert traffic.bump(connection) == revision + 1


def test_writers_take_turns(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=bump_often, args=(tmp_path, 15)) for _ in range(3)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0, 0, 0]
    with Database.open(tmp_path).read() as connection:
        assert traffic.revision(connection) == 45


def test_a_busy_database_is_unavailable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite, "BUSY_TIMEOUT_S", 0.05)
    database = Database.open(tmp_path)
    other = sqlite3.connect(tmp_path / "garcom.db", isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    try:
        with pytest.raises(Unavailable, match="another process is writing"), database.write():
            pass
    finally:
        other.close()


def test_a_file_that_is_no_database_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "garcom.db").write_bytes(b"not a database at all" * 100)
    with pytest.raises(Conflict, match="not a database"):
        Database.open(tmp_path)
    assert (tmp_path / "garcom.db").read_bytes() == b"not a database at all" * 100


def test_a_home_that_cannot_be_a_folder_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SettingsError, match="--home or GARCOM_HOME"):
        Database.open(tmp_path / "file" / "home")


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write everywhere")
def test_a_home_that_is_not_writable_says_what_to_do(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(SettingsError, match="--home or GARCOM_HOME"):
        Database.open(tmp_path)


def test_a_home_with_special_characters(tmp_path: Path) -> None:
    home = tmp_path / "maçã? #1 %20"
    Database.open(home)
    assert (home / "garcom.db").stat().st_size > 0


def test_only_its_owner_reads_the_database(tmp_path: Path) -> None:
    path = tmp_path / "garcom.db"
    Database.open(tmp_path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    path.chmod(0o644)  # as an earlier version made it
    Database.open(tmp_path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_an_error_tells_no_value(tmp_path: Path) -> None:
    database = Database.open(tmp_path)
    with (
        pytest.raises(IntegrityError) as caught,
        database.write() as connection,
    ):
        connection.execute(text("INSERT INTO users (name) VALUES (:name)"), {"name": "secret"})
    assert "secret" not in str(caught.value)
