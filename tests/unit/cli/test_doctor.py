from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest
from typer.testing import CliRunner

from garcom.cli import app
from garcom.storage.secret_file import secret
from tests.walls import NEEDS_WALLS


def doctor(home: Path, *arguments: str) -> tuple[int, str]:
    done = CliRunner().invoke(app, ["doctor", "--home", str(home), *arguments])
    return done.exit_code, done.output


@NEEDS_WALLS
def test_where_everything_stands(tmp_path: Path) -> None:
    status, output = doctor(tmp_path / "home", "--json")
    found = json.loads(output)
    assert (status, found["missing"], found["home"]["writable"]) == (0, [], True)
    assert all(wall["stands"] for wall in found["walls"]["walls"])
    assert {"garcom", "python", "numpy"} <= set(found["versions"])
    assert not (tmp_path / "home").exists()


def test_a_home_that_cannot_be_written_is_missing(tmp_path: Path) -> None:
    status, output = doctor(Path("/proc/self/home"))
    assert status == 1
    assert "✗" in output
    assert "nothing can be written there" in output


def test_secrets_that_others_may_open_are_told_with_what_mends_it(tmp_path: Path) -> None:
    home = tmp_path / "the home"
    secret(home, "audit.key", lambda: b"x")
    assert json.loads(doctor(home, "--json")[1])["secrets"] == ""
    (home / "secrets").chmod(0o755)
    (home / "secrets" / "audit.key").chmod(0o644)
    (home / "secrets" / "audit.head.lock").touch(0o644)
    told = json.loads(doctor(home, "--json")[1])["secrets"]
    assert told in " ".join(doctor(home)[1].split())
    mend = re.search("`(chmod .*)`", told)
    assert mend is not None
    assert (str(home / "secrets" / "audit.key") in told, "lock" in told) == (True, False)
    subprocess.run(mend[1], shell=True, check=True, timeout=10)
    assert json.loads(doctor(home, "--json")[1])["secrets"] == ""
    assert (home / "secrets" / "audit.key").stat().st_mode & 0o777 == 0o640


@pytest.mark.parametrize("setting", ["true", '"confined"', '"unconfined"', "false"])
def test_walls_are_missed_only_where_they_are_wanted(
    tmp_path: Path, setting: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a machine that is none of those that have walls."""
    monkeypatch.setattr("platform.machine", lambda: "riscv64")
    (tmp_path / "garcom.toml").write_text(f"allow_python = {setting}")
    status, output = doctor(tmp_path, "--json")
    found = json.loads(output)
    assert status == (1 if setting in ("true", '"confined"') else 0)
    assert "riscv64" in found["walls"]["says"]
    assert bool(found["missing"]) == bool(status)
