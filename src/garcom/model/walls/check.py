"""Whether the walls stand on this machine: a canary tries, once for each server process."""

from __future__ import annotations

import contextlib
import json
import os
import platform
import signal
import socket
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import msgspec

from garcom.errors import EngineError
from garcom.model.walls import WALLS, kernel
from garcom.model.walls.missing import WallMissing
from garcom.model.walls.process import spawn

_CANARY = (sys.executable, "-P", "-m", "garcom.model.walls.canary")
_MEMORY_MB = 256
_TIMEOUT_S = 30.0
#: How long walls that do not stand are believed not to, so that asking about them costs little.
_TRY_AGAIN_S = 60.0
_REPORT_LIMIT = 65_536


class Wall(msgspec.Struct, frozen=True):
    """A wall: whether it stands, and if not, why."""

    name: str
    stands: bool
    detail: str = ""


class Attempt(msgspec.Struct, frozen=True):
    """Something that the canary tried: whether it was stopped, and what came of it."""

    name: str
    stopped: bool
    detail: str


class WallReport(msgspec.Struct, frozen=True, kw_only=True):
    """What the canary found; ``says`` tells what is missing and what to do, and is empty if nothing is."""

    walls: tuple[Wall, ...]
    attempts: tuple[Attempt, ...] = ()
    says: str = ""

    @property
    def confines(self) -> bool:
        """Whether every wall stands and every attempt was stopped."""
        return not self.says


_lock = threading.Lock()
_last: WallReport | None = None
_again_at = 0.0


def walls() -> WallReport:
    """The canary's report; a good one is kept for as long as this process lives, a bad one for a minute."""
    global _last, _again_at
    with _lock:
        if _last is None or not (_last.confines or time.monotonic() < _again_at):
            _last = try_walls()
            _again_at = time.monotonic() + _TRY_AGAIN_S
        return _last


def require_walls() -> None:
    """Raise :class:`~garcom.errors.EngineError` unless the walls stand."""
    found = walls()
    if not found.confines:
        raise EngineError(found.says)


def try_walls(command: tuple[str, ...] = _CANARY) -> WallReport:
    """Send out a canary. ``command`` is what to run; tests put others there."""
    if kernel.machine() is None:
        return _missing("seccomp", f"this is {platform.system()} on {platform.machine()}")
    with tempfile.TemporaryDirectory(prefix="garcom-canary-") as folder:
        secret = Path(folder, "secret")
        secret.write_text("found")
        os.chmod(folder, 0o755)
        with socket.create_server(("127.0.0.1", 0)) as listener:
            arguments = (str(_MEMORY_MB), str(secret), str(listener.getsockname()[1]))
            try:
                found = _told((*command, *arguments), Path(folder))
            except (OSError, EOFError, ValueError) as error:
                return _missing("seccomp", f"the canary did not report: {error}")
            listener.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                listener.accept()[0].close()
                found.setdefault("attempts", {})["connect by TCP"] = [False, "it connected"]
    try:
        return report_of(found)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        return _missing("seccomp", f"the canary did not report: {type(error).__name__}")


def report_of(found: dict[str, Any]) -> WallReport:
    """The canary's words as a report. Raises an error of Python's own for what is no report."""
    if "missing" in found:
        return _missing(found["missing"], found["why"])
    attempts = tuple(Attempt(name, stopped is True, detail) for name, (stopped, detail) in found["attempts"].items())
    through = [attempt.name for attempt in attempts if not attempt.stopped]
    says = ""
    if through or not attempts:
        says = (
            f"The walls around Python engines leak: the canary could {'; '.join(through) or 'not try'}. None is "
            "started. `garcom doctor` tells more; for bundles that you trust like programs of your own, say "
            "--allow-python=unconfined."
        )
    standing = tuple(Wall(name, name in found["walls"]) for name in WALLS)
    return WallReport(walls=standing, attempts=attempts, says=says)


def _missing(name: str, why: str) -> WallReport:
    reached = WALLS.index(name)
    walls = tuple(
        Wall(wall, at < reached, why if wall == name else "" if at < reached else "not tried")
        for at, wall in enumerate(WALLS)
    )
    return WallReport(walls=walls, says=str(WallMissing(name, why)))


def _told(command: tuple[str, ...], folder: Path) -> dict[str, Any]:
    ours, theirs = socket.socketpair()
    with ours:
        with theirs:
            process = spawn(command, theirs, folder)
        try:
            ours.settimeout(_TIMEOUT_S)
            with ours.makefile("rb") as stream:
                line = stream.readline(_REPORT_LIMIT)
            if not line.endswith(b"\n"):
                raise EOFError("it ended")
            found: dict[str, Any] = json.loads(line)
            if not isinstance(found, dict):
                raise ValueError("it sent no object")
            return found
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
