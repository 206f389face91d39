"""Runs graph conversions in a process of their own, so that a converter that hangs or crashes costs one candidate.

The process is this module run by ``python -m`` on a folder: it reads the request from ``request.pkl`` there, and
leaves ``<precision>/model.onnx`` with ``<precision>.json`` for each conversion.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
import warnings
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path
from typing import Any, Self, get_args

import msgspec

from garcom.errors import UnsupportedModel
from garcom.model.compile.graphs import Precision, convert
from garcom.model.engines.onnx import Wiring
from garcom.model.signature import Signature
from garcom.model.sources.base import Loaded

_POLL_S = 0.02


class Conversion(msgspec.Struct, frozen=True):
    """A converted graph's wiring, or the reason why there is none."""

    wiring: Wiring | None = None
    reason: str = ""


class ConvertingApart:
    """Conversions in both precisions, into ``folder/<precision>/``, in a process beside this one.

    A context manager: leaving it ends the process. Each conversion may take ``time_limit_s`` seconds.
    """

    def __init__(self, loaded: Loaded, signature: Signature, folder: Path, time_limit_s: float) -> None:
        self._stop = threading.Event()
        self._pool = ThreadPoolExecutor(1)
        self._future = self._pool.submit(_convert, loaded, signature, folder, time_limit_s, self._stop)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._pool.shutdown()

    def result(self, patience_s: float | None = None) -> dict[Precision, Conversion]:
        """What came of each; with ``patience_s``, what is not there after that many seconds is stopped."""
        if not wait([self._future], patience_s).done:
            self._stop.set()
        return self._future.result()


def convert_apart(
    loaded: Loaded, signature: Signature, folder: Path, time_limit_s: float
) -> dict[Precision, Conversion]:
    """The same, waited for."""
    with ConvertingApart(loaded, signature, folder, time_limit_s) as conversions:
        return conversions.result()


def _convert(
    loaded: Loaded, signature: Signature, folder: Path, time_limit_s: float, stop: threading.Event
) -> dict[Precision, Conversion]:
    remaining: list[Precision] = list(get_args(Precision))
    refusal = _write_request(loaded, signature, folder)
    if refusal:
        return dict.fromkeys(remaining, Conversion(reason=refusal))
    found: dict[Precision, Conversion] = {}
    while remaining and not stop.is_set():
        ended = _run(folder, remaining, time_limit_s, stop)
        for precision in list(remaining):
            result = folder / f"{precision}.json"
            if result.exists():
                found[precision] = msgspec.json.decode(result.read_bytes(), type=Conversion)
                remaining.remove(precision)
        if remaining and not stop.is_set():  # the first of them hung or crashed; the others get another process
            found[remaining.pop(0)] = Conversion(reason=ended or "the converter left no result")
    stopped = Conversion(reason="stopped: its conversion was still running when another engine was proved already")
    return found | dict.fromkeys(remaining, stopped)


def _write_request(loaded: Loaded, signature: Signature, folder: Path) -> str:
    import cloudpickle

    try:
        data = cloudpickle.dumps((loaded, signature))
    except Exception as error:  # noqa: BLE001 — pickling runs the model's own code
        return f"the model cannot be handed to another process: {_brief(error)}"
    (folder / "request.pkl").write_bytes(data)
    return ""


def _run(folder: Path, precisions: list[Precision], time_limit_s: float, stop: threading.Event) -> str:
    """Run the process until it ends or one conversion takes too long; why it did not end well, or ''."""
    # The model's own modules must be importable there as they are here.
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path or os.getcwd() for path in sys.path)}
    command = [sys.executable, "-m", "garcom.model.compile.conversion", str(folder), *precisions]
    with (folder / "stderr.txt").open("wb") as errors:
        process = subprocess.Popen(
            command, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=errors
        )
        try:
            late = not _wait(process, [folder / f"{name}.json" for name in precisions], time_limit_s, stop)
        finally:
            process.kill()
            status = process.wait()
    if late:
        return f"the conversion took longer than {time_limit_s:g} s"
    if status:
        last = (folder / "stderr.txt").read_text(errors="replace").strip().rpartition("\n")[2]
        return f"the converter's process ended with status {status}: {last}"[:300]
    return ""


def _wait(process: subprocess.Popen[bytes], results: list[Path], time_limit_s: float, stop: threading.Event) -> bool:
    """Wait for the process to end; False when no new result came for ``time_limit_s``."""
    done, deadline = 0, time.monotonic() + time_limit_s
    while process.poll() is None:
        ready = sum(path.exists() for path in results)
        if ready > done:
            done, deadline = ready, time.monotonic() + time_limit_s
        if time.monotonic() > deadline or stop.wait(_POLL_S):
            return False
    return True


def _brief(error: BaseException) -> str:
    """An exception on one line of at most 200 characters."""
    text = " ".join(str(error).split())
    if not isinstance(error, UnsupportedModel):
        text = f"{type(error).__name__}: {text}"
    return text if len(text) <= 200 else text[:199] + "…"


def _serve(folder: Path, precisions: list[Precision]) -> None:
    import pickle

    warnings.simplefilter("ignore")
    request: Any = pickle.loads((folder / "request.pkl").read_bytes())
    loaded, signature = request
    for precision in precisions:
        try:
            result = Conversion(wiring=convert(loaded, signature, precision, folder / precision))
        except Exception as error:  # noqa: BLE001 — converters raise anything; its text is the candidate's reason
            result = Conversion(reason=_brief(error))
        partial = folder / f"{precision}.partial"
        partial.write_bytes(msgspec.json.encode(result))
        partial.rename(folder / f"{precision}.json")


if __name__ == "__main__":
    _serve(Path(sys.argv[1]), sys.argv[2:])  # type: ignore[arg-type]
