"""Runs graph conversions in a process of their own, so that a converter that hangs or crashes costs one candidate.

The process is this module run by ``python -m``. It imports the converters, reads a folder and the precisions from its
standard input, takes the model from ``request.pkl`` in that folder, and leaves ``<precision>/model.onnx`` there with
``<precision>.json`` for each conversion.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import pickle
import subprocess
import sys
import tempfile
import threading
import time
import warnings
from concurrent.futures import Future, ThreadPoolExecutor, wait
from pathlib import Path
from typing import Any, Self, get_args

import msgspec

from garcom.model.compile.graphs import Precision, convert
from garcom.model.compile.reasons import brief, reason_of
from garcom.model.engines.onnx import Wiring
from garcom.model.signature import Signature
from garcom.model.sources.base import Loaded

_POLL_S = 0.02


class Conversion(msgspec.Struct, frozen=True):
    """A converted graph's wiring, or the reason why there is none; ``stopped`` where it was not waited for."""

    wiring: Wiring | None = None
    reason: str = ""
    stopped: bool = False


class Converter:
    """Converts a model to graphs in both precisions, in a process beside this one.

    A context manager: leaving it ends the process. Each conversion may take ``time_limit_s`` seconds; with 0 none is
    tried, and no process started.
    """

    def __init__(self, time_limit_s: float = 120.0) -> None:
        self._time_limit_s = time_limit_s
        self._stop = threading.Event()
        self._pool = ThreadPoolExecutor(1)
        self._process: _Process | None = None
        self._future: Future[dict[Precision, Conversion]] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._pool.shutdown()
        if self._process is not None:
            self._process.end()

    def warm(self) -> None:
        """Start the process now: its imports take seconds, and can run beside whatever comes before the request."""
        if self._time_limit_s > 0:
            self._process = self._process or _Process()

    def start(self, loaded: Loaded, signature: Signature, folder: Path) -> None:
        """Begin to convert this model into ``folder/<precision>/``."""
        if self._time_limit_s > 0:
            self.warm()
            self._future = self._pool.submit(self._convert, loaded, signature, folder)
        else:
            left_out = Conversion(reason="conversions were left out: they were given no time", stopped=True)
            self._future = Future()
            self._future.set_result(dict.fromkeys(get_args(Precision), left_out))

    def result(self, patience_s: float | None = None) -> dict[Precision, Conversion]:
        """What came of each, nothing if none was started; what is not there after ``patience_s`` is stopped."""
        if self._future is None:
            return {}
        if not wait([self._future], patience_s).done:
            self._stop.set()
        return self._future.result()

    def _convert(self, loaded: Loaded, signature: Signature, folder: Path) -> dict[Precision, Conversion]:
        remaining: list[Precision] = list(get_args(Precision))
        refusal = _write_request(loaded, signature, folder)
        if refusal:
            return dict.fromkeys(remaining, Conversion(reason=refusal))
        found: dict[Precision, Conversion] = {}
        while remaining and not self._stop.is_set():
            process, self._process = self._process or _Process(), None
            ended = _run(process, folder, remaining, self._time_limit_s, self._stop)
            for precision in list(remaining):
                result = folder / f"{precision}.json"
                if result.exists():
                    found[precision] = msgspec.json.decode(result.read_bytes(), type=Conversion)
                    remaining.remove(precision)
            if remaining and not self._stop.is_set():  # the first hung or crashed; the others get another process
                found[remaining.pop(0)] = Conversion(reason=ended or "the converter left no result")
        stopped = Conversion(reason="still converting when another engine was proved", stopped=True)
        return found | dict.fromkeys(remaining, stopped)


class _Process:
    """This module in an interpreter of its own, which waits for one request."""

    def __init__(self) -> None:
        # The model's own modules must be importable there as they are here.
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path or os.getcwd() for path in sys.path)}
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 — `end` closes it
        self._process = subprocess.Popen(
            [sys.executable, "-m", "garcom.model.compile.conversion"],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=self._errors,
        )

    def ask(self, folder: Path, precisions: list[Precision]) -> None:
        """Send the request. Of a process that has died before, the status tells."""
        request = msgspec.json.encode((str(folder), precisions)) + b"\n"
        with contextlib.suppress(BrokenPipeError):
            if self._process.stdin is not None:
                self._process.stdin.write(request)
                self._process.stdin.flush()

    def is_running(self) -> bool:
        """Whether it has not ended yet."""
        return self._process.poll() is None

    def end(self) -> tuple[int, str]:
        """End it if it runs still; its status, and the last line of what it wrote to stderr."""
        with self._process as process, self._errors as errors:
            process.kill()
            status = process.wait()
            errors.seek(0)
            return status, errors.read().decode(errors="replace").strip().rpartition("\n")[2]


def _write_request(loaded: Loaded, signature: Signature, folder: Path) -> str:
    import cloudpickle

    try:
        data = cloudpickle.dumps((loaded, signature))
    except Exception as error:  # noqa: BLE001 — pickling runs the model's own code
        return brief(f"the model cannot be handed to another process: {error}")
    (folder / "request.pkl").write_bytes(data)
    return ""


def _run(
    process: _Process, folder: Path, precisions: list[Precision], time_limit_s: float, stop: threading.Event
) -> str:
    """Let the process convert until it ends or one conversion takes too long; why it did not end well, or ''."""
    try:
        process.ask(folder, precisions)
        late = not _wait(process, [folder / f"{name}.json" for name in precisions], time_limit_s, stop)
    finally:
        status, last_words = process.end()
    if late:
        return f"the conversion took longer than {time_limit_s:g} s"
    return brief(f"the converter's process ended with status {status}: {last_words}") if status else ""


def _wait(process: _Process, results: list[Path], time_limit_s: float, stop: threading.Event) -> bool:
    """Wait for the process to end; False when no new result came for ``time_limit_s``."""
    done, deadline = 0, time.monotonic() + time_limit_s
    while process.is_running():
        ready = sum(path.exists() for path in results)
        if ready > done:
            done, deadline = ready, time.monotonic() + time_limit_s
        if time.monotonic() > deadline or stop.wait(_POLL_S):
            return False
    return True


def _serve() -> None:
    warnings.simplefilter("ignore")
    with contextlib.suppress(ImportError):  # where it is missing, the conversion says so
        importlib.import_module("skl2onnx")
    line = sys.stdin.readline()
    if not line:  # the one who would ask has gone
        return
    place, precisions = msgspec.json.decode(line, type=tuple[str, list[Precision]])
    folder = Path(place)
    request: Any = pickle.loads((folder / "request.pkl").read_bytes())
    loaded, signature = request
    for precision in precisions:
        try:
            result = Conversion(wiring=convert(loaded, signature, precision, folder / precision))
        except Exception as error:  # noqa: BLE001 — converters raise anything; its text is the candidate's reason
            result = Conversion(reason=reason_of(error))
        partial = folder / f"{precision}.partial"
        partial.write_bytes(msgspec.json.encode(result))
        partial.rename(folder / f"{precision}.json")


if __name__ == "__main__":
    _serve()
