"""Servers for the tests: ``garcom serve`` as a process of its own, over a home that the test fills."""

from __future__ import annotations

import json
import os
import re
import signal
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from garcom.registry.registry import Registry
from garcom.rollout.use import use
from tests.integration.server import wire
from tests.integration.server.wire import Answer, ask, request

COMMAND = (sys.executable, "-m", "garcom")
_ADDRESS = re.compile(rb"(https?)://127\.0\.0\.1:(\d+)")


class Running:
    """A server that answers."""

    def __init__(self, process: subprocess.Popen[bytes], port: int, log: Path, home: Path, greeting: str) -> None:
        self.process = process
        self.port = port
        self.home = home
        self.greeting = greeting
        self._log = log

    def ask(self, data: bytes) -> Answer:
        return ask(self.port, data)

    def get(self, path: str) -> Any:
        answer = self.ask(request("GET", path))
        assert answer.status == 200, answer
        return answer.json

    def log(self) -> list[dict[str, Any]]:
        """The lines of the log; each has to be JSON."""
        return [json.loads(line) for line in self._log.read_text().splitlines()]

    def logged(self, message: str) -> list[dict[str, Any]]:
        return [line for line in self.log() if line["message"] == message]

    def workers(self) -> list[int]:
        """The process numbers of the web workers."""
        return [pid for pid in children(self.process.pid) if "garcom.server.worker" in command_line(pid)]

    @property
    def run_folder(self) -> Path:
        """Where the supervisor puts the plan; the workers' command line names it."""
        return next(Path(word) for word in command_line(self.workers()[0]).split(" ") if "garcom-run-" in word)

    @property
    def registry(self) -> Registry:
        """The registry that it serves."""
        return Registry.open(self.home)

    def use(self, reference: str) -> None:
        """``garcom use``, without a process of its own."""
        use(self.registry.database, reference)

    def garcom(self, *arguments: str) -> str:
        """Run another command over the server's home; gives what it printed."""
        command = [*COMMAND, *arguments, "--home", str(self.home)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def stop(self, number: int = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        return self.process.wait(60)


def children(pid: int) -> list[int]:
    """The living children of a process."""
    listed = [path.read_text().split() for path in Path(f"/proc/{pid}/task").glob("*/children")]
    return [int(child) for of_thread in listed for child in of_thread]


def command_line(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    except OSError:
        return ""


def alive(pid: int) -> bool:
    """Whether the process runs; a zombie does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(") ", 1)[1][0] != "Z"
    except OSError:
        return False


def wait_for(condition: Callable[[], Any], timeout_s: float = 20.0) -> Any:
    """The first true value of the condition."""
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        if value := condition():
            return value
        time.sleep(0.02)
    raise AssertionError(f"not within {timeout_s:g} s: {condition}")


@contextmanager
def running(
    folder: Path, *arguments: str, register: tuple[Path, ...] = (), trust: object = None, **settings: object
) -> Iterator[Running]:
    """Serve the home ``folder/home`` on a free port; ``settings`` go in through the environment.

    A server that speaks HTTPS is trusted by the file ``trust``, else by the certificate that it made for itself.
    ``GARCOM_TEST_TLS=1`` puts every server of the tests behind TLS; what differs then is what TLS cannot do: end one
    direction.
    """
    folder.mkdir(exist_ok=True)
    home = folder / "home"
    if register:
        registry = Registry.open(home)
        for bundle in register:
            registry.register(bundle)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GARCOM_")}
    environment |= {f"GARCOM_{name.upper()}": str(value) for name, value in settings.items()}
    if os.environ.get("GARCOM_TEST_TLS"):
        arguments += ("--tls-self-signed",)
    command = [*COMMAND, "serve", "--home", str(home), "--port", "0", "--log-format", "json", *arguments]
    log = folder / "log"
    with (
        log.open("wb") as stderr,
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=stderr, env=environment) as process,
    ):
        assert process.stdout is not None
        port = 0
        try:
            greeting = process.stdout.readline()
            found = _ADDRESS.search(greeting)
            assert found, f"no address: {greeting!r} {log.read_text()}"
            greeting += process.stdout.readline()
            port = int(found[2])
            if found[1] == b"https":
                wire.secured[port] = ssl.create_default_context(cafile=str(trust or home / "self-signed.pem"))
            yield Running(process, port, log, home, greeting.decode())
        finally:
            wire.secured.pop(port, None)
            if process.poll() is None:
                process.terminate()
                try:
                    process.wait(45)
                except subprocess.TimeoutExpired:
                    process.kill()
                    raise
