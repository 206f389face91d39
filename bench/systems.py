"""What is measured: how a system is prepared and started, how it is asked, and how its answer is read."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from bench.framing import NO_HEADERS, BadAnswer, post
from bench.load import HOST, Load, drive, run_load
from bench.models import LABELS, TARGET, Case
from bench.processes import NotStarted, Server, free_ports

REPOSITORY = Path(__file__).parents[1]
START_TIMEOUT_S = 60.0
#: No system may report its use to anyone, and none may use more threads than the one worker it is given.
QUIET = {
    "BENTOML_DO_NOT_TRACK": "True",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "1",
    "PYTHONWARNINGS": "ignore",
    "PYTHONUNBUFFERED": "1",
}


@dataclass(frozen=True)
class Launch:
    """Where one system is started: for this model, in this empty folder, on these free ports."""

    case: Case
    folder: Path
    ports: list[int]

    @property
    def port(self) -> int:
        """The port that answers."""
        return self.ports[0]


@dataclass(frozen=True, eq=False)
class System:
    """One way to serve a model.

    ``command`` gives the command line for a launch; it runs in ``cwd`` (default: the launch's folder).
    ``encode`` writes a case's row as a request body, ``read`` gives the class in an answer's body (none: echo). A
    system that ``freezes`` is stopped while others are measured. ``headers`` gives more fields of the requests, once
    the launch is prepared.
    """

    name: str
    title: str
    command: Callable[[Launch], list[str | Path]]
    encode: Callable[[Case, int], bytes]
    read: Callable[[bytes], int] | None = None
    path: str = "/predict"
    prepare: Callable[[Launch], object] | None = None
    cwd: Path | None = None
    env: dict[str, str] = field(default_factory=dict)
    freezes: bool = True
    headers: Callable[[Launch], Mapping[str, str]] = lambda launch: NO_HEADERS

    def requests(self, case: Case, headers: Mapping[str, str]) -> list[bytes]:
        """One request per row of the case."""
        return [post(self.path, "application/json", self.encode(case, i), headers) for i in range(len(case.rows))]


class Running:
    """A started system that has answered every row of its case correctly."""

    def __init__(self, system: System, case: Case, folder: Path) -> None:
        self.system = system
        self.case = case
        folder.mkdir(parents=True)
        self.launch = Launch(case, folder, free_ports(3))
        if system.prepare:
            system.prepare(self.launch)
        self.requests = system.requests(case, system.headers(self.launch))
        env = {**QUIET, **system.env, "BENCH_PORT": str(self.launch.port)}
        env |= {"BENCH_MODEL": str(case.folder), "BENCH_FOLDER": str(folder)}
        self.server = Server(system.command(self.launch), system.cwd or folder, folder / "server.log", env)
        try:
            self.first_answer_s = self._wait_for_answer()
            self._check({index: self.answer(index) for index in range(len(self.requests))})
        except BaseException:
            self.server.stop()
            raise

    def rest(self) -> None:
        """Take nothing from the system that is measured now: an idle server still polls, collects and reports."""
        if self.system.freezes:
            self.server.freeze()

    def wake(self) -> None:
        """Be ready again."""
        self.server.thaw()

    def load(self, connections: int, seconds: float) -> Load:
        """One round of load; raises BadAnswer if an answer differs from the original model's."""
        load = run_load(self.launch.port, self.requests, connections, seconds)
        self._check(load.answers)
        return load

    def answer(self, index: int = 0) -> bytes:
        """The body that the system answers to one row."""
        return drive(self.launch.port, [self.requests[index]], 1, seconds=0.0, warm_up_s=0.0).answers[0]

    def _wait_for_answer(self) -> float:
        """Seconds from the start to the first answer with status 200."""
        server, deadline, problem = self.server, self.server.started_at + START_TIMEOUT_S, ""
        while time.perf_counter() < deadline:
            server.require_running()
            try:
                self.answer()
            except (BadAnswer, OSError) as error:
                problem = str(error)
                time.sleep(0.005)
            else:
                return time.perf_counter() - server.started_at
        raise NotStarted(f"no answer within {START_TIMEOUT_S:.0f} s ({problem}): {server.tail()}")

    def _check(self, answers: dict[int, bytes]) -> None:
        if self.system.read is None:
            return
        for index, body in answers.items():
            try:
                label = self.system.read(body)
            except (ValueError, KeyError, IndexError, TypeError) as error:
                raise BadAnswer(f"{self.system.title}: cannot read {body[:300]!r}") from error
            if label != self.case.expected[index]:
                expected = self.case.expected[index]
                raise BadAnswer(f"{self.system.title}: row {index}: expected class {expected}, got {body[:300]!r}")


def encode_record(case: Case, index: int) -> bytes:
    """The row as one JSON object."""
    return json.dumps(case.record(index)).encode()


def read_class(body: bytes) -> int:
    """The class in ``{"prediction": 0}``."""
    return int(json.loads(body)["prediction"])


def read_label(body: bytes) -> int:
    """The class in ``{"prediction": "bom"}``."""
    return LABELS.index(json.loads(body)["prediction"])


def echo(answer: bytes, workers: int = 1) -> System:
    """The same answer to every request, on the server that Garçom runs on: the limit for any model."""

    def prepare(launch: Launch) -> None:
        (launch.folder / "answer").write_bytes(answer)

    def command(launch: Launch) -> list[str | Path]:
        options = ["--loop", "uvloop", "--http", "httptools", "--no-access-log", "--log-level", "warning"]
        place = ["--host", HOST, "--port", str(launch.port), "--workers", str(workers)]
        return [sys.executable, "-m", "uvicorn", "bench.echo:app", *place, *options]

    title = "echo of the same bytes" if workers == 1 else f"echo, {workers} workers"
    return System("echo", title, command, encode_record, prepare=prepare, cwd=REPOSITORY)


def command_beside_python(name: str) -> Path:
    """A command of the environment that the benchmark runs in."""
    return Path(sys.executable).with_name(name)


def pack(case: Case) -> Path:
    """The case's Garçom bundle, made beside its model by ``garcom pack`` unless it is there."""
    if not list(case.folder.glob("*.bundle")):
        labels = ",".join(f"{value}={label}" for value, label in enumerate(LABELS))
        options = ["--name", "wine", "--data", str(case.table), "--target", TARGET, "--labels", labels]
        command = [str(command_beside_python("garcom")), "pack", str(case.pickle), *options]
        done = subprocess.run(command, cwd=case.folder, capture_output=True, text=True, check=False)
        if done.returncode:
            raise NotStarted(f"garcom pack ended with status {done.returncode}: {done.stderr[-1500:]}")
    return next(case.folder.glob("*.bundle"))


def garcom(workers: int = 1, server: str = "uvicorn", **settings: str) -> System:
    """Garçom, with an empty home, on one of the two HTTP servers that it runs on.

    ``settings`` are told by the environment: ``journal_sync="off"`` is ``GARCOM_JOURNAL_SYNC``.
    """

    def command(launch: Launch) -> list[str | Path]:
        options = ["--port", str(launch.port), "--home", str(launch.folder / "home"), "--workers", str(workers)]
        options += ["--server", server]
        return [command_beside_python("garcom"), "serve", pack(launch.case), *options]

    title = "Garçom" if server == "uvicorn" else f"Garçom on {server}"
    title += "" if workers == 1 else f", {workers} workers"
    name = "garcom" if server == "uvicorn" else server
    title += "".join(f", {setting.replace('_', '.', 1)} = {value}" for setting, value in settings.items())
    env = {f"GARCOM_{setting.upper()}": value for setting, value in settings.items()}
    return System(name, title, command, encode_record, read_label, prepare=lambda launch: pack(launch.case), env=env)
