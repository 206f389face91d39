"""``garcom audit``, and the rows that the other commands leave in the trail."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from garcom.cli import app
from garcom.errors import Conflict, GarcomError, InputError, SettingsError
from garcom.journal.pseudonyms import SubjectKey, trail_name
from garcom.lake.tables import Lake
from garcom.storage.audit import record, terminal
from garcom.storage.database import Database
from tests.bundles import make_bundle
from tests.integration.server.running import COMMAND
from tests.unit.lake.rows import predictions

ANA = "Ana Planted"


class Terminal:
    """Runs commands with one home folder."""

    def __init__(self, home: Path) -> None:
        self.home = home

    def run(self, *arguments: str | Path) -> Result:
        environment = {"GARCOM_HOME": str(self.home), "COLUMNS": "200"}
        result = CliRunner().invoke(app, [str(each) for each in arguments], env=environment)
        if isinstance(result.exception, GarcomError):
            raise result.exception
        return result

    def __call__(self, *arguments: str | Path) -> str:
        result = self.run(*arguments)
        assert result.exit_code == 0, result.output
        return str(result.stdout)

    def trail(self, *arguments: str) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self("audit", "tail", "-n", "1000", "--json", *arguments).splitlines()]

    def told(self) -> list[tuple[str, str]]:
        return [(row["action"], row["target"]) for row in self.trail()]


@pytest.fixture
def garcom(tmp_path: Path) -> Terminal:
    return Terminal(tmp_path / "home")


def alter(home: Path, *statements: str) -> None:
    with sqlite3.connect(home / "garcom.db") as connection:
        for statement in statements:
            connection.execute(statement)
    connection.close()


def test_models_leave_their_rows(garcom: Terminal, tmp_path: Path) -> None:
    wine = make_bundle(tmp_path / "wine.bundle")
    better = make_bundle(tmp_path / "better.bundle", weights=b"better")
    garcom("register", wine, "--param", "trees=100")
    garcom("register", better, "--route", "/prever")
    garcom("use", "wine:2")
    garcom("use", "wine:2")  # changes nothing
    garcom("register", make_bundle(tmp_path / "beer.bundle", name="beer"), "--default")
    with pytest.raises(Conflict):
        garcom("remove", "wine:2")  # it answers
    garcom("use", "wine:2", "--drop-route", "/prever")
    garcom("remove", "wine:1")
    garcom("remove", "wine", "--yes")
    assert garcom.told() == [
        ("model.default", "wine"),
        ("model.register", "wine:1"),
        ("model.use", "wine"),
        ("model.register", "wine:2"),
        ("model.route", "wine"),
        ("model.use", "wine"),
        ("model.register", "beer:1"),
        ("model.use", "beer"),
        ("model.default", "beer"),
        ("model.route", "wine"),
        ("model.remove", "wine:1"),
        ("model.remove", "wine"),
    ]
    rows = garcom.trail()
    assert {(row["actor"], row["address"]) for row in rows} == {terminal()}
    assert rows[1]["after"]["parameters"] == {"trees": "100"}
    assert (rows[2]["before"], rows[2]["after"]) == ({"answers": None}, {"answers": 1})
    assert (rows[5]["before"], rows[5]["after"]) == ({"answers": 1}, {"answers": 2})
    assert (rows[4]["before"], rows[4]["after"]) == (None, {"route": "/prever"})
    assert (rows[9]["before"], rows[9]["after"]) == ({"route": "/prever"}, None)
    assert (rows[8]["before"], rows[8]["after"]) == ({"default": "wine"}, {"default": "beer"})
    assert rows[11]["before"] == {"answers": 2, "default": False, "routes": [], "versions": [2]}
    assert json.loads(garcom("audit", "verify", "--json"))["rows"] == 12


def test_datasets_and_exports_leave_their_rows(garcom: Terminal, tmp_path: Path) -> None:
    rows = tmp_path / "rows.csv"
    rows.write_text("pH,secret\n3.2,planted-value\n")
    garcom("dataset", "create", "wine-1", "--from", rows)
    garcom("dataset", "create", "wine-1", "--from", rows)  # the same content
    garcom("dataset", "export", "wine-1", tmp_path / "out.csv")
    garcom("dataset", "export", "wine-1:1", "-", "--format", "jsonl")
    garcom("dataset", "remove", "wine-1:1")
    Lake.open(garcom.home).predictions.append(predictions(3, began=datetime.now(UTC) - timedelta(hours=1)))
    garcom("log", "wine")  # a look at the terminal
    garcom("log", "wine", "--out", tmp_path / "log.csv")
    garcom("log", "wine", "--json")
    assert garcom.told() == [
        ("dataset.create", "wine-1:1"),
        ("dataset.export", "wine-1:1"),
        ("dataset.export", "wine-1:1"),
        ("dataset.remove", "wine-1:1"),
        ("predictions.export", "wine"),
        ("predictions.export", "wine"),
    ]
    trail = garcom.trail()
    assert trail[0]["after"] == trail[3]["before"]
    assert (trail[0]["after"]["rows"], trail[1]["after"], trail[4]["after"]["predictions"]) == (1, {"rows": 1}, 3)
    assert "planted" not in garcom("audit", "tail")


def test_who_read_and_erased_what_is_about_a_person_is_found_by_their_name(garcom: Terminal) -> None:
    pseudonym = SubjectKey.under(garcom.home).pseudonym(ANA)
    garcom("privacy", "export", "--subject", ANA)
    garcom("privacy", "export", "--subject", "Somebody Else")
    garcom("privacy", "erase", "--subject", ANA, "--yes")
    found = garcom.trail("--subject", ANA)
    assert [row["action"] for row in found] == ["privacy.export", "privacy.erase", "privacy.erase"]
    assert [row["after"].get("state") for row in found] == [None, "begun", "done"]
    assert {row["target"] for row in found} == {trail_name(pseudonym)}
    everything = garcom("audit", "tail", "--json")
    assert ANA not in everything
    assert pseudonym not in everything


def test_a_broken_trail_is_told_and_may_be_accepted(garcom: Terminal) -> None:
    assert garcom("audit", "verify") == "The audit trail is intact: 0 rows.\n"
    database = Database.open(garcom.home)
    for n in range(3):
        with database.write() as connection:
            record(connection, "model.use", "wine", {"answers": n}, {"answers": n + 1})
    said = garcom("audit", "verify")
    head = said.split("The newest: ")[1].split()[0]
    assert "intact: 3 rows" in said
    assert "intact" in garcom("audit", "verify", "--expect", head)
    alter(garcom.home, "DROP TRIGGER audit_no_delete", "DELETE FROM audit WHERE number = 3")
    refused = garcom.run("audit", "verify")
    assert refused.exit_code == 1
    assert "broken at number 3: rows up to number 3 have been written" in refused.stdout
    refused = garcom.run("audit", "verify", "--json")
    assert (refused.exit_code, json.loads(refused.stdout)["wrong"]) == (1, 3)
    garcom("audit", "accept", "--reason", "restored")
    assert "intact: 3 rows" in garcom("audit", "verify")
    assert garcom.run("audit", "verify", "--expect", head).exit_code == 1
    assert garcom.trail()[-1]["after"] == {"reason": "restored"}


def test_a_line_of_the_tail(garcom: Terminal) -> None:
    with Database.open(garcom.home).write() as connection:
        record(connection, "model.use", "wi\x1bne", None, {"answers": 2})
    line = garcom("audit", "tail")
    assert line.startswith("1  20")
    assert line.endswith(f'{terminal().name} from terminal  model.use wi\\x1bne  - → {{"answers":2}}\n')
    assert garcom("audit", "tail", "--action", "user") == ""
    assert garcom("audit", "tail", "--since", "1h") == line
    assert garcom("audit", "tail", "--since", "2999-01-01") == ""


def test_a_damaged_row_can_still_be_shown(garcom: Terminal) -> None:
    with Database.open(garcom.home).write() as connection:
        record(connection, "model.use", "wine", None, {"answers": 2})
    alter(garcom.home, "DROP TRIGGER audit_no_update", "UPDATE audit SET after = 'not JSON', actor = x'00ff'")
    (row,) = garcom.trail()
    assert row["after"] == "not JSON"


def test_the_tail_follows(garcom: Terminal) -> None:
    database = Database.open(garcom.home)
    command = [*COMMAND, "audit", "tail", "--follow", "--json", "--home", str(garcom.home), "--action", "model"]
    with database.write() as connection:
        record(connection, "model.use", "first")
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        timer = threading.Timer(30, process.kill)
        timer.start()
        try:
            assert process.stdout is not None
            assert json.loads(process.stdout.readline())["target"] == "first"
            with database.write() as connection:
                record(connection, "user.create", "passed over")
                record(connection, "model.use", "second")
            assert json.loads(process.stdout.readline())["target"] == "second"
        finally:
            timer.cancel()
            process.kill()


def test_what_cannot_be_asked(garcom: Terminal) -> None:
    with pytest.raises(InputError, match="NUMBER:HASH"):
        garcom("audit", "verify", "--expect", "12")
    with pytest.raises(InputError, match="No subject was ever stored"):
        garcom("audit", "tail", "--subject", ANA)
    assert garcom.run("audit", "tail", "--subject", ANA, "--target", "wine").exit_code == 2
    assert garcom.run("audit", "accept").exit_code == 2


def test_a_trail_without_its_table_is_told_as_that(garcom: Terminal) -> None:
    garcom("user", "add", "ana", "--no-password")
    alter(garcom.home, "DROP TABLE audit")
    result = garcom.run("audit", "verify")
    assert result.exit_code == 1
    assert "the table audit is missing" in result.stdout
    found = json.loads(garcom.run("audit", "verify", "--json").stdout)
    assert (found["intact"], found["rows"]) == (False, 0)
    for command in (("audit", "tail"), ("user", "remove", "ana")):
        with pytest.raises(SettingsError, match=r"no such table: audit.*Restore it from a backup"):
            garcom(*command)
