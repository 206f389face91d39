"""Does what a page says, in order, as a reader at a terminal would, and compares what comes out.

- ``console``: each ``$ `` line is a command (``> `` continues it); what stands below is what it prints. A line
  ``garcom serve …`` starts a server that runs until the page ends or the next one starts.
- ``python``: runs, all of a page in one namespace; a ``text`` block right after it is what it prints.
- any block with ``title="name"`` is saved as that file instead.
- ``json``, ``toml``: have to parse.

Numbers, digests, identifiers and durations may differ; words may not. ``…`` in a page stands for anything.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.documents import Block, blocks

_DOCUMENTED_PORT = "8000"
_ADDRESS = re.compile(rf"(127\.0\.0\.1|localhost):{_DOCUMENTED_PORT}\b")
_COMMAND_LIMIT_S = 120
_SHAPES = (
    (re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}"), "UUID"),
    (re.compile(r"\b[0-9a-f]{40,64}\b|(?<=-)[0-9a-f]{12}\b|\b(?=[0-9a-f]*[a-f])[0-9a-f]{12}\b"), "HEX"),
    (re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)?(\+00:00|Z| UTC)?"), "MOMENT"),
    (re.compile(r"\b\d[\d,.]* (µs|ms|s|bytes|kB|MB)\b"), "AMOUNT"),
    (re.compile(r"\b\d+(,\d{3})+(\.\d+)?\b|\b\d+\.\d+(e[-+]\d+)?\b"), "NUMBER"),
)
#: The steps of packing: at a terminal a bar tells them and vanishes, elsewhere a line each.
_STEPS = re.compile(r"^… .*\n", re.MULTILINE)
#: How many rows a wrong form gets wrong, which of two right ones is faster, and whether a slow conversion was awaited:
#: that is the machine's, and no two runs agree on it.
_CONVERTED = re.compile(r"^onnx-\w+[:,]? .*")
_ENGINES = re.compile(r"\b(arrays|onnx-\w+)( \+ (arrays|onnx-\w+))*")
_PROOF_LINE = re.compile(r"\b(won|proved|not convertible|rows placed)\b")


def shape(text: str) -> str:
    """What two runs of the same command have in common."""
    for pattern, word in _SHAPES:
        text = pattern.sub(word, text)
    lines = []
    for line in text.splitlines():
        if _CONVERTED.match(line):
            continue
        if _PROOF_LINE.search(line):
            line = re.sub(r"(?<![\w-])(\d+|-)(?![\w-])|AMOUNT|NUMBER", "FIGURE", line)
        lines.append(_ENGINES.sub("ENGINES", line))
    return " ".join(" ".join(lines).split())


def matches(expected: str, got: str) -> bool:
    """Whether an output has the shape of the documented one."""
    parts = [re.escape(part.strip()) for part in shape(expected).split("…")]
    return re.fullmatch(r"\s*.*?\s*".join(parts), shape(got), re.DOTALL) is not None


class Reader:
    """Follows pages in one folder, with a home folder and a port of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._server: subprocess.Popen[str] | None = None
        self._port = free_port()
        self._namespace: dict[str, Any] = {"__name__": "__page__"}
        self._printed: str | None = None
        own = {
            "GARCOM_HOME": str(folder / "home"),
            "GARCOM_PORT": str(self._port),
            "GARCOM_URL": f"http://127.0.0.1:{self._port}",
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "COLUMNS": "160",
            "PYTHONUNBUFFERED": "1",
        }
        self._environment = {name: value for name, value in os.environ.items() if not name.startswith("GARCOM_")} | own

    def follow(self, page: Path) -> None:
        """Do everything that the page says; the servers that it started are stopped in the end."""
        try:
            for block in blocks(page):
                self._do(block)
        finally:
            self.stop_server()

    def stop_server(self) -> None:
        """Stop the running server, if any, as Ctrl-C would; it has to end well."""
        if self._server is None:
            return
        self._server.send_signal(signal.SIGINT)
        try:
            status = self._server.wait(30)
        finally:
            self._server.kill()
            self._server.wait()
            if self._server.stdout is not None:
                self._server.stdout.close()
            self._server = None
        assert status == 0, f"the server ended with status {status}"

    def _do(self, block: Block) -> None:
        if block.title:
            (self.folder / block.title).parent.mkdir(parents=True, exist_ok=True)
            (self.folder / block.title).write_text(self._addressed(block.text), encoding="utf-8")
        elif block.language == "console":
            for command, output in commands(block):
                self._command(block, command, output)
        elif block.language == "python":
            self._printed = self._python(block)
        elif block.language == "text" and self._printed is not None:
            self._compare(block, "the Python block above", block.text, self._printed)
            self._printed = None
        elif block.language == "json":
            json.loads(block.text)
        elif block.language == "toml":
            tomllib.loads(block.text)

    def _command(self, block: Block, command: str, expected: str) -> None:
        if re.match(r"garcom (serve|demo)\b(?!.*--help)", command):
            self.stop_server()
            got = self._serve(block, command, expected)
        else:
            done = subprocess.run(
                ["bash", "-c", self._addressed(command)],
                cwd=self.folder,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                timeout=_COMMAND_LIMIT_S,
                check=False,
            )
            got = _STEPS.sub("", done.stdout)
        self._compare(block, command, expected, got)

    def _serve(self, block: Block, command: str, expected: str) -> str:
        """Start the server, and give what it has printed once it answers."""
        log = self.folder / "serve.log"
        with log.open("w") as errors:
            self._server = subprocess.Popen(
                ["bash", "-c", f"exec {self._addressed(command)}"],
                cwd=self.folder,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
            )
        assert self._server.stdout is not None
        got = ""
        for _ in range(expected.count("\n")):
            line = self._server.stdout.readline()
            if not line:
                raise AssertionError(f"{block}: {command!r} ended: {got}{log.read_text()}")
            got += line
        return got

    def _python(self, block: Block) -> str:
        printed = io.StringIO()
        code = compile(self._addressed(block.text), str(block), "exec")
        with contextlib.chdir(self.folder), contextlib.redirect_stdout(printed):
            exec(code, self._namespace)
        return printed.getvalue()

    def _compare(self, block: Block, what: str, expected: str, got: str) -> None:
        got = got.replace(f":{self._port}", f":{_DOCUMENTED_PORT}")
        if not matches(expected, got):
            raise AssertionError(
                f"{block}: {what}\n--- the page says\n{expected}--- it printed\n{got}"
                f"--- as shapes\n{shape(expected)}\n{shape(got)}"
            )

    def _addressed(self, text: str) -> str:
        return _ADDRESS.sub(rf"\1:{self._port}", text)


def commands(block: Block) -> Iterator[tuple[str, str]]:
    """The commands of a console block, each with the output that stands below it."""
    command, output = "", ""
    for line in block.text.splitlines():
        if line.startswith("$ "):
            if command:
                yield command, output
            command, output = line.removeprefix("$ "), ""
        elif line.startswith("> ") and command and not output:
            command += "\n" + line.removeprefix("> ")
        elif not command:
            raise AssertionError(f"{block}: a console block begins with a command ('$ …'), got {line!r}")
        else:
            output += line + "\n"
    if command:
        yield command, output


def free_port() -> int:
    """A TCP port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def wait_for(port: int, limit_s: float = 30.0) -> None:
    """Return when something accepts connections on the port."""
    deadline = time.monotonic() + limit_s
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.05)
    raise AssertionError(f"nothing listens on port {port} after {limit_s} s")
