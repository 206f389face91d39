from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, create_mock_engine, inspect, make_url
from sqlalchemy.schema import ExecutableDDLElement

from garcom.errors import Conflict
from garcom.storage import schema, tables, traffic
from garcom.storage.database import Database
from garcom.storage.sqlite import WRITER, engine_for


def migrated(path: Path, revision: str = "head") -> Engine:
    engine = engine_for(path)
    with engine.connect().execution_options(**{WRITER: True}) as connection, connection.begin():
        schema.upgrade(connection, revision)
    return engine


def statements(engine: Engine) -> dict[str, str]:
    """Every table, index and trigger as SQLite wrote it down, blanks apart."""
    with engine.connect() as connection:
        rows = connection.exec_driver_sql("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL").all()
    return {name: "".join(sql.split()) for name, sql in rows}


def contents(engine: Engine) -> dict[str, list[tuple[object, ...]]]:
    with engine.connect() as connection:
        names = inspect(connection).get_table_names()
        return {name: [tuple(row) for row in connection.exec_driver_sql(f"SELECT * FROM {name}")] for name in names}


def test_the_migrations_build_what_a_new_database_is(tmp_path: Path) -> None:
    Database.open(tmp_path)
    made, stepped = engine_for(tmp_path / "garcom.db"), migrated(tmp_path / "stepped.db")
    assert statements(made) == statements(stepped)
    assert contents(made) == contents(stepped)


def test_the_migrations_build_what_the_tables_say(tmp_path: Path) -> None:
    with migrated(tmp_path / "stepped.db").connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        assert compare_metadata(context, tables.metadata) == []


def test_the_revisions_are_those_of_the_scripts() -> None:
    config = Config()
    config.set_main_option("script_location", "garcom.storage:migrations")
    scripts = [script.revision for script in ScriptDirectory.from_config(config).walk_revisions()]
    assert tuple(reversed(scripts)) == schema.REVISIONS


@pytest.mark.parametrize("revision", schema.REVISIONS)
def test_a_database_of_every_earlier_release_is_upgraded(tmp_path: Path, revision: str) -> None:
    migrated(tmp_path / "garcom.db", revision)
    database = Database.open(tmp_path)
    with database.write() as connection:
        assert traffic.bump(connection) == 1
    Database.open(tmp_path / "new")
    assert statements(engine_for(tmp_path / "garcom.db")) == statements(engine_for(tmp_path / "new" / "garcom.db"))


def test_an_interrupted_migration_leaves_the_old_schema(tmp_path: Path) -> None:
    engine = engine_for(tmp_path / "garcom.db")

    def interrupt() -> None:
        with engine.connect().execution_options(**{WRITER: True}) as connection, connection.begin():
            schema.upgrade(connection)
            assert "models" in inspect(connection).get_table_names()
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupt()
    assert statements(engine) == {}


def test_a_database_of_a_newer_garcom_is_refused_and_left_alone(tmp_path: Path) -> None:
    Database.open(tmp_path)
    engine = engine_for(tmp_path / "garcom.db")
    with engine.connect() as connection, connection.begin():
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    before = (tmp_path / "garcom.db").read_bytes()
    with pytest.raises(Conflict, match=r"newer Garçom \(schema 9999.*pip install --upgrade"):
        Database.open(tmp_path)
    assert (tmp_path / "garcom.db").read_bytes() == before


def test_a_database_of_another_program_is_refused_and_left_alone(tmp_path: Path) -> None:
    engine = engine_for(tmp_path / "garcom.db")
    with engine.connect() as connection, connection.begin():
        connection.exec_driver_sql("CREATE TABLE recipes (id INTEGER)")
    with pytest.raises(Conflict, match="another program"):
        Database.open(tmp_path)
    assert set(statements(engine)) == {"recipes"}


def test_opening_does_not_import_alembic(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from garcom.storage.database import Database\n"
        "for _ in range(2): Database.open(Path(sys.argv[1]))\n"
        "sys.exit('alembic' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=True)


def test_processes_that_open_a_new_home_at_the_same_time(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from garcom.storage.database import Database\n"
        "Database.open(Path(sys.argv[1]))"
    )
    processes = [subprocess.Popen([sys.executable, "-c", code, str(tmp_path)]) for _ in range(4)]
    assert [process.wait() for process in processes] == [0, 0, 0, 0]
    with Database.open(tmp_path).read() as connection:
        assert traffic.revision(connection) == 0


def test_the_schema_is_one_that_postgresql_takes_too() -> None:
    made: list[str] = []
    dialect = make_url("postgresql+psycopg://").get_dialect()()

    def note(sql: ExecutableDDLElement, *_: object, **__: object) -> None:
        made.append(" ".join(str(sql.compile(dialect=dialect)).split()))

    engine = create_mock_engine("postgresql+psycopg://", note)
    tables.metadata.create_all(engine, checkfirst=False)
    assert "CREATE UNIQUE INDEX uq_models_default ON models (is_default) WHERE is_default" in made
    assert (
        "CREATE UNIQUE INDEX uq_versions_living_digest ON versions (model_id, digest) WHERE removed_at IS NULL" in made
    )
    assert len([sql for sql in made if sql.startswith("CREATE TABLE")]) == len(tables.metadata.tables)
    assert [sql for sql in made if sql.startswith("CREATE TRIGGER")] == [
        "CREATE TRIGGER audit_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit "
        "FOR EACH STATEMENT EXECUTE FUNCTION refuse_audit_change()"
    ]
