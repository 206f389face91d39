from __future__ import annotations

import sys
from typing import Any

import pytest

from garcom.model.walls import WALLS
from garcom.model.walls.check import report_of, try_walls
from garcom.model.walls.missing import WallMissing
from tests.walls import NEEDS_WALLS

GOOD: dict[str, Any] = {"walls": list(WALLS), "attempts": {"fork": [True, "refused"], "mount": [True, "refused"]}}


def fake(code: str) -> tuple[str, ...]:
    """A canary that does something else; it gets MEMORY_MB SECRET PORT SOCKET FOLDER."""
    head = "import socket, sys, json\nend = socket.socket(fileno=int(sys.argv[-2]))\nport = int(sys.argv[-3])\n"
    return (sys.executable, "-c", head + code)


def test_everything_stopped_confines() -> None:
    found = report_of(GOOD)
    assert found.confines
    assert [wall.name for wall in found.walls if wall.stands] == list(WALLS)


def test_one_attempt_that_gets_through_is_named() -> None:
    found = report_of({**GOOD, "attempts": {"fork": [False, "it got int"], "mount": [True, ""]}})
    assert not found.confines
    assert "the canary could fork." in found.says
    assert "--allow-python=unconfined" in found.says


def test_a_canary_that_tries_nothing_proves_nothing() -> None:
    assert not report_of({**GOOD, "attempts": {}}).confines


def test_a_wall_that_cannot_stand_is_named_with_what_to_do() -> None:
    found = report_of({"missing": "namespaces", "why": "unshare: Operation not permitted", "says": "x"})
    assert not found.confines
    assert "'namespaces'" in found.says
    assert "unshare: Operation not permitted" in found.says
    assert "CAP_SYS_ADMIN" in found.says
    assert [(wall.stands, wall.detail) for wall in found.walls[:2]] == [
        (False, "unshare: Operation not permitted"),
        (False, "not tried"),
    ]


@pytest.mark.parametrize("wall", WALLS)
def test_every_wall_has_its_message(wall: str) -> None:
    error = WallMissing(wall, "why")
    assert (error.wall, error.why) == (wall, "why")
    assert f"{wall!r}" in str(error)


@pytest.mark.parametrize(
    "code",
    [
        "sys.exit(0)",
        "end.sendall(b'no JSON\\n')",
        "end.sendall(b'{}')",
        "end.sendall(b'[]\\n')",
        "end.sendall(b'{}\\n')",
    ],
)
def test_a_canary_that_does_not_report_proves_nothing(code: str) -> None:
    found = try_walls(fake(code))
    assert not found.confines
    assert "did not report" in found.says


def test_a_canary_that_connects_unseen_is_seen() -> None:
    code = f"socket.create_connection(('127.0.0.1', port))\nend.sendall(json.dumps({GOOD!r}).encode() + b'\\n')"
    found = try_walls(fake(code))
    assert "the canary could connect by TCP" in found.says


@NEEDS_WALLS
def test_the_walls_stand_here() -> None:
    found = try_walls()
    assert found.confines
    assert len(found.attempts) > 20
