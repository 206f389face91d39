"""Several processes at one registry, and processes that die in the middle."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from garcom.registry import Registry
from tests.bundles import make_bundle

REGISTER = """
import sys
from pathlib import Path
from garcom.registry import Registry
registry = Registry.open(Path(sys.argv[1]))
print("ready", flush=True)
sys.stdin.readline()
version = registry.register(Path(sys.argv[2]))
print(version.number, version.existed, flush=True)
"""

#: Dies at the first event named by the third argument: one of Python's own audit events, or the beginning of a
#: statement, or the commit.
DIE = """
import os, signal, sys
from pathlib import Path
from sqlalchemy import event
from sqlalchemy.engine import Engine
from garcom.registry import Registry

moment = sys.argv[3]

def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)

registry = Registry.open(Path(sys.argv[1]))
sys.addaudithook(lambda name, _: die() if name == moment else None)
event.listen(Engine, "before_cursor_execute", lambda c, cursor, sql, *_: die() if sql.startswith(moment) else None)
if moment == "commit":
    event.listen(Engine, "commit", lambda c: die() if c.get_execution_options().get("garcom_writer") else None)
registry.register(Path(sys.argv[2]))
"""


def at_the_same_time(home: Path, bundles: list[Path]) -> list[str]:
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", REGISTER, str(home), str(bundle)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for bundle in bundles
    ]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    answers = [process.communicate()[0].strip() for process in processes]
    assert [process.returncode for process in processes] == [0] * len(processes)
    return answers


def test_two_contents_registered_at_the_same_time_are_versions_1_and_2(tmp_path: Path) -> None:
    bundles = [make_bundle(tmp_path / f"{i}.bundle", weights=bytes([i])) for i in range(3)]
    answers = at_the_same_time(tmp_path / "home", bundles)
    assert sorted(answers) == ["1 False", "2 False", "3 False"]
    registry = Registry.open(tmp_path / "home")
    assert registry.model("wine").answers == 1
    for number in (1, 2, 3):
        assert registry.bundle("wine", number).name == "wine"


def test_one_content_registered_twice_at_the_same_time_is_one_version(tmp_path: Path) -> None:
    bundle = make_bundle(tmp_path / "wine.bundle")
    assert sorted(at_the_same_time(tmp_path / "home", [bundle, bundle])) == ["1 False", "1 True"]
    assert len(Registry.open(tmp_path / "home").model("wine").versions) == 1


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="the platform has no SIGKILL")
@pytest.mark.parametrize(
    "moment",
    ["shutil.copyfile", "os.rename", "INSERT INTO models", "INSERT INTO versions", "INSERT INTO traffic", "commit"],
)
def test_a_process_killed_while_it_registers_leaves_nothing(tmp_path: Path, moment: str) -> None:
    home = tmp_path / "home"
    bundle = make_bundle(tmp_path / "wine.bundle")
    done = subprocess.run([sys.executable, "-c", DIE, str(home), str(bundle), moment], check=False)
    assert done.returncode == -signal.SIGKILL
    registry = Registry.open(home)
    assert registry.models() == ()
    version = registry.register(bundle)
    assert (version.number, version.existed, version.answers) == (1, False, True)
    assert registry.bundle("wine", 1).digest == version.digest
    assert {entry.name for entry in registry.blobs.folder.iterdir()} == {version.digest, ".lock"}
