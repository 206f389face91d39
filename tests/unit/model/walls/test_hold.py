"""What holds a process from outside, on processes that do nothing but hold memory."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from garcom.model.walls import hold
from garcom.model.walls.hold import Hold, TooMuchMemory

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="pidfd_open(2) is Linux's")
HOLDER = "import sys; held = b'x' * (100 * 2**20); print(len(held), flush=True); sys.stdin.read()"


@pytest.fixture
def holder() -> Iterator[subprocess.Popen[str]]:
    """A process with 100 MB of memory."""
    command = [sys.executable, "-c", HOLDER]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == f"{100 * 2**20}\n"
        yield process
        process.kill()


def becomes(pid: int, state: str) -> bool:
    for _ in range(400):
        if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == state:
            return True
        time.sleep(0.025)
    return False


def test_it_stops_and_goes_on(holder: subprocess.Popen[str]) -> None:
    held = Hold(holder.pid, 2**30)
    held.stop()
    assert becomes(holder.pid, "T")
    held.go_on()
    assert becomes(holder.pid, "S")
    held.close()
    held.close()
    held.stop()
    assert becomes(holder.pid, "S"), "a closed hold leaves the process alone"


def test_more_memory_than_allowed_is_told(holder: subprocess.Popen[str]) -> None:
    held = Hold(holder.pid, 16 * 2**20)
    with pytest.raises(TooMuchMemory, match=r"may take 16 MB of memory .* took 1\d\d, and was ended"):
        held.look()
    held.look()  # not again at once
    held.close()


def test_as_much_memory_as_allowed_is_fine(holder: subprocess.Popen[str]) -> None:
    held = Hold(holder.pid, 128 * 2**20)
    held.look()
    held.close()


def test_a_process_that_has_ended_is_left_alone(holder: subprocess.Popen[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hold, "LOOK_EVERY_S", 0)
    held = Hold(holder.pid, 16 * 2**20)
    holder.kill()
    assert becomes(holder.pid, "Z")
    for act in (held.stop, held.look, held.go_on):
        act()
    holder.wait()
    for act in (held.stop, held.look, held.go_on):
        act()
    held.close()
    with pytest.raises(ProcessLookupError):
        Hold(holder.pid, 2**30)
