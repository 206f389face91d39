"""A real ``garcom serve`` process, for tests that ask it over HTTP."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

_ADDRESS = re.compile(r"http://127\.0\.0\.1:\d+")


@contextmanager
def garcom(*arguments: str | Path, environment: Mapping[str, str] | None = None) -> Iterator[str]:
    """Run a ``garcom`` command that serves, and give the address that it prints once it answers.

    It must end with status 0 when it gets SIGINT, as from Ctrl-C.
    """
    command = [sys.executable, "-m", "garcom", *map(str, arguments)]
    with subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **(environment or {})},
    ) as process:
        try:
            yield _address(process)
        finally:
            process.send_signal(signal.SIGINT)
            _, log = process.communicate(timeout=60)
            assert process.returncode == 0, log


def _address(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    assert process.stderr is not None
    for line in process.stdout:
        found = _ADDRESS.search(line)
        if found:
            return found[0]
    raise AssertionError(f"the server ended before it answered: {process.stderr.read()}")
