"""Servers leave nothing behind, not even children that ignore being asked to end."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from bench.processes import NotStarted, Server, free_ports, identify

#: Starts a child in a session of its own that ignores SIGTERM; both then write until they are ended.
STUBBORN = """
import signal, subprocess, sys, time
CHILD = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('child', flush=True); time.sleep(60)"
subprocess.Popen([sys.executable, "-c", CHILD], start_new_session=True)
while True:
    print("tick", flush=True)
    time.sleep(0.01)
"""


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.01)


def test_stop_ends_children_that_ignore_it(tmp_path: Path) -> None:
    server = Server([sys.executable, "-c", STUBBORN], tmp_path, tmp_path / "log")
    try:
        wait_for(lambda: "child" in server.log.read_text())
        found = server.processes
    finally:
        server.stop()
    assert len(found) == 2
    # A killed orphan stays a zombie until its new parent collects it, and identify does not count zombies.
    wait_for(lambda: not any(identify(process.pid) == process for process in found))


def test_a_frozen_server_does_nothing_until_it_is_thawed(tmp_path: Path) -> None:
    server = Server([sys.executable, "-c", STUBBORN], tmp_path, tmp_path / "log")
    try:
        wait_for(lambda: "child" in server.log.read_text())
        server.freeze()
        wait_for(lambda: all(_state(process.pid) == "T" for process in server.processes))
        size = server.log.stat().st_size
        time.sleep(0.1)
        assert server.log.stat().st_size == size
        server.thaw()
        wait_for(lambda: server.log.stat().st_size > size)
    finally:
        server.stop()


def _state(pid: int) -> str:
    return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]


def test_a_server_that_ended_says_what_it_printed(tmp_path: Path) -> None:
    server = Server([sys.executable, "-c", "import sys; sys.exit('no model')"], tmp_path, tmp_path / "log")

    def ended() -> bool:
        try:
            server.require_running()
        except NotStarted:
            return True
        return False

    wait_for(ended)
    with pytest.raises(NotStarted, match="status 1: no model"):
        server.require_running()
    server.stop()


def test_free_ports_differ() -> None:
    assert len(set(free_ports(5))) == 5
