from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner

from garcom.cli import app
from garcom.errors import SettingsError
from garcom.monitoring.alerts.defaults import default_rules
from garcom.storage.alerts import MessageRow, add_message
from garcom.storage.database import Database
from garcom.storage.models import make_model
from tests.documents import DOCS
from tests.unit.monitoring.alerts.opened import RULE, Watched


def run(home: Path, *arguments: str) -> str:
    found = CliRunner().invoke(app, ["alert", *arguments, "--home", str(home)], catch_exceptions=False)
    assert found.exit_code == 0, found.output
    return found.output


def test_a_rule_from_beginning_to_end(tmp_path: Path) -> None:
    with Database.open(tmp_path).write() as connection:
        make_model(connection, "wine", datetime(2026, 11, 21, tzinfo=UTC))
    assert run(tmp_path, "add", "wine.accuracy < 80%").startswith("wine-accuracy: wine.accuracy < 0.8 over 24h warning")
    assert run(tmp_path, "off", "wine-accuracy") == "The rule wine-accuracy is off for wine.\n"
    listed = {rule["name"]: rule for rule in json.loads(run(tmp_path, "rules", "--json"))}
    assert set(listed) == {*default_rules(), "wine-accuracy"}
    assert listed["wine-accuracy"]["off"] == ["wine"]
    assert run(tmp_path, "on", "wine-accuracy") == "The rule wine-accuracy is on for wine.\n"
    changed = run(tmp_path, "add", "wine.accuracy < 70%", "--name", "wine-accuracy", "--replace")
    assert changed.startswith("wine-accuracy: wine.accuracy < 0.7 over 24h warning")
    alone = CliRunner().invoke(app, ["alert", "add", "wine.rows < 1", "--replace", "--home", str(tmp_path)])
    assert (alone.exit_code, "--name" in alone.output) == (2, True)
    assert run(tmp_path, "remove", "wine-accuracy") == "The rule wine-accuracy is removed.\n"
    assert "wine-accuracy" not in run(tmp_path, "rules")
    assert run(tmp_path, "list") == "No alert.\n"


def test_a_silence_from_beginning_to_end(tmp_path: Path) -> None:
    made = json.loads(run(tmp_path, "silence", "2h", "--rule", "drift", "--reason", "a move", "--json"))
    assert "a move" in run(tmp_path, "silence")
    assert run(tmp_path, "silence", "--end", made["id"]) == f"The silence {made['id']} is over.\n"
    assert run(tmp_path, "silence") == "No silence: people are told of everything.\n"


def test_an_id_stands_on_one_line_and_its_beginning_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    watched = Watched(tmp_path)
    (tmp_path / "garcom.toml").write_text(f'[alerts.rules]\nquality = "{RULE}"\n')
    watched.run(0, 0.7)
    (alert,) = watched.alerts()
    assert run(tmp_path, "list").splitlines() == [
        f"{alert.id}  firing, critical",
        "  quality: wine.accuracy < 0.8 over 1h with >= 100 actuals resolve at 0.85 ",
        "critical",
        "  since 2026-11-21 12:00 UTC, value 0.7",
    ]
    assert "taken on by" in run(tmp_path, "ack", alert.id[:13])
    silence = json.loads(run(tmp_path, "silence", "2h", "--model", "wine", "--json"))["id"]
    assert silence in run(tmp_path, "silence").splitlines()
    assert run(tmp_path, "silence", "--end", silence[:13]) == f"The silence {silence} is over.\n"


def test_of_alerts_that_are_over_and_one_that_is_not_the_beginning_means_that(tmp_path: Path) -> None:
    watched = Watched(tmp_path)
    watched.run(0, 0.7)
    watched.run(1, 0.9)
    watched.run(2, 0.7)
    first, second = sorted(watched.alerts(), key=lambda alert: alert.id)
    assert (first.state, second.state) == ("resolved", "firing")
    taken = json.loads(run(tmp_path, "ack", second.id[:8], "--json"))
    assert taken["id"] == second.id


def test_a_message_that_was_set_aside_is_listed_and_tried_again(tmp_path: Path) -> None:
    assert run(tmp_path, "messages") == run(tmp_path, "retry") == "Every message has arrived.\n"
    id, at = "019aa8f2-7f30-7a52-b2a6-6ad8f3b0c6d1", datetime(2026, 11, 21, 12, tzinfo=UTC)
    row = MessageRow(id, "one", "https://one", "wine", at, '{"title": "wine: 1"}', 1, at, None, "it answered 413", at)
    with Database.open(tmp_path).write() as connection:
        add_message(connection, row)
    assert run(tmp_path, "messages").splitlines() == [
        f"{id}  set aside",
        "  wine: 1; to https://one, attempts 1",
        "  it answered 413",
    ]
    assert run(tmp_path, "retry", id[:8]) == f"{id} to https://one is tried again.\n"
    (again,) = json.loads(run(tmp_path, "messages", "--json"))
    assert (again["state"], again["attempts"]) == ("waiting", 0)
    assert run(tmp_path, "retry") == f"{id} to https://one is tried again.\n"


def test_a_test_without_receivers_says_so(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="nobody hears of alerts"):
        run(tmp_path, "test")


def test_the_page_lists_the_rules_that_hold_from_the_start() -> None:
    page = (DOCS / "reference" / "alerts.md").read_text(encoding="utf-8")
    told = {line.split()[0]: line.partition(" ")[2].strip() for line in page.splitlines() if " *." in line}
    assert told == {name: str(rule) for name, rule in default_rules().items()}
