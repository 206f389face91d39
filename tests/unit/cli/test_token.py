"""``garcom token rotate-keys``."""

from __future__ import annotations

import json
from pathlib import Path

from typer.testing import CliRunner

from garcom.access.listing import current_access_list
from garcom.cli import app
from garcom.storage.database import Database


def rotate(home: Path, *arguments: str) -> str:
    result = CliRunner().invoke(app, ["token", "rotate-keys", "--home", str(home), *arguments])
    assert result.exit_code == 0, result.output
    return result.stdout


def kids(home: Path) -> set[str]:
    return set(current_access_list(Database.open(home), public=False).token_keys)


def test_the_keys_before_stay_unless_all_is_to_end(tmp_path: Path) -> None:
    first = json.loads(rotate(tmp_path, "--json"))
    assert first == {"kid": first["kid"], "ended_all": False}
    assert "stays valid" in rotate(tmp_path)
    assert len(kids(tmp_path)) == 2
    assert first["kid"] in kids(tmp_path)
    last = json.loads(rotate(tmp_path, "--json", "--end-all"))
    assert kids(tmp_path) == {last["kid"]}
    assert "has ended" in rotate(tmp_path, "--end-all")
