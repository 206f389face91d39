"""Models that attack, on a real server: nothing of it is seen outside, and another model answers all the while."""

from __future__ import annotations

import os
import pickle
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from garcom.model.bundle import Choice, seal
from garcom.model.engines import python
from garcom.model.engines.base import EngineSpec
from garcom.model.engines.python_manifest import PICKLE_FILE
from garcom.model.signature import Field, FieldType, Output, Signature
from garcom.model.sources import bind
from garcom.model.sources.base import Loaded
from tests.integration.server import models
from tests.integration.server.hostile import ANSWERS, ATTACKS, DEADLY, Hostile, OnLoading, Outside
from tests.integration.server.running import Running, alive, children, command_line, running, wait_for
from tests.integration.server.wire import Answer, Connection, request
from tests.walls import NEEDS_WALLS

pytestmark = NEEDS_WALLS

SIGNATURE = Signature(
    fields=(Field(name="x", type=FieldType.FLOAT),),
    output=Output(task="regression", names=("y",)),
    example={"x": -1.0},
)
TIMEOUT_S = 2
#: What ends the process costs one or two starts of it, so the suite has some of these; ``make accept`` has all.
LONG = bool(os.environ.get("GARCOM_LONG_TESTS"))
SOME = {"endless loop", "another architecture", "nonsense on the socket", "an exception with the treasure's path"}
SOME |= {"None", "objects", "not a number", "later", "threads that go on", "load-0", "second"}
NUMBERS = {name: number for number, name in enumerate((*ATTACKS, *DEADLY, *ANSWERS))}
#: Attacks whose success would be no harm where it stays inside, or that cannot be told from failure.
LOADING: dict[str, tuple[Callable[..., Any], Callable[[Outside], tuple[Any, ...]]]] = {
    "os.system": (os.system, lambda outside: (f"touch {outside.folder}/effect",)),
    "exec": (exec, lambda outside: (f"import subprocess; subprocess.run(['touch', '{outside.folder}/effect'])",)),
    "a file": (open, lambda outside: (f"{outside.folder}/effect", "w")),
    "a connection": (socket.create_connection, lambda outside: (("127.0.0.1", outside.port),)),
}


def bundle_of(folder: Path, name: str, model: Any) -> Path:
    loaded = Loaded(model=model, framework="scikit-learn", input_kind="array", output=SIGNATURE.output)
    spec = python.write(folder / "engines" / "python", bind(loaded, SIGNATURE))
    return models.sealed(folder, name, SIGNATURE, spec)


def with_pickle(folder: Path, name: str, data: bytes) -> Path:
    """A bundle whose pickle is these bytes."""
    bundle = bundle_of(folder, name, Hostile(Outside("", "", 0, "", 0)))
    (bundle / "engines" / "python" / PICKLE_FILE).write_bytes(data)
    (bundle / "manifest.json").unlink()
    spec = EngineSpec(name="python", kind="python")
    seal(bundle, name, (spec,), (Choice(None, "python"),))
    return bundle


class Traps:
    """What attacks aim at, and whether anything has come of them."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        folder.chmod(0o777)
        self.folder = folder
        self.treasure = folder / "treasure"
        self.treasure.write_text("treasure")
        self.listeners = [socket.create_server(("127.0.0.1", 0))]
        self.datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.datagrams.bind(self.listeners[0].getsockname())
        path = str(folder / "s")
        for address in (path, f"\0{path}"):
            listener = socket.socket(socket.AF_UNIX)
            listener.bind(address)
            listener.listen()
            self.listeners.append(listener)
        Path(path).chmod(0o777)
        self.outside = Outside(str(self.treasure), str(folder), self.listeners[0].getsockname()[1], path, os.getpid())

    def check(self, after: str) -> None:
        assert sorted(path.name for path in self.folder.iterdir()) == ["s", "treasure"], after
        assert self.treasure.read_text() == "treasure", after
        for place in ("/tmp", "/dev/shm"):
            assert not Path(place, "effect").exists(), after
        for listener in (*self.listeners, self.datagrams):
            listener.setblocking(False)
            with pytest.raises(BlockingIOError):
                (listener.recv if listener is self.datagrams else listener.accept)(*[1][: listener is self.datagrams])

    def close(self) -> None:
        for end in (*self.listeners, self.datagrams):
            end.close()


class Guest(threading.Thread):
    """Asks another model all the while; ``wrong`` is every answer that was not its."""

    def __init__(self, port: int) -> None:
        super().__init__()
        self._port = port
        self._leaving = threading.Event()
        self.wrong: list[object] = []
        self.answered = 0

    def run(self) -> None:
        try:
            with Connection(self._port) as connection:
                while not self._leaving.wait(0.01):
                    answer = connection.send(asked("line", 7)).answer()
                    if answer.status != 200 or answer.json["prediction"] != 7:
                        self.wrong.append(answer)
                    self.answered += 1
        except Exception as error:  # noqa: BLE001 — the test looks at it
            self.wrong.append(error)

    def leave(self) -> None:
        self._leaving.set()
        self.join(30)


def asked(model: str, x: float) -> bytes:
    return request("POST", f"/v1/models/{model}/predict", b'{"x": %r}' % float(x))


def tried(server: Running, name: str) -> Answer:
    with Connection(server.port) as connection:
        connection.socket.settimeout(60)
        return connection.send(asked("hostile", NUMBERS[name])).answer()


@contextmanager
def hosting(folder: Path, bundles: tuple[Path, ...]) -> Iterator[tuple[Running, Guest]]:
    line = models.line(folder / "line", 1.0)
    settings: dict[str, Any] = {
        "python_timeout_s": TIMEOUT_S,
        "python_memory_mb": 256,
        "secret": "segredo",
        "journal_enabled": "0",
    }
    with running(folder, "--allow-python", register=(line, *bundles), **settings) as server:
        before = server.workers()
        guest = Guest(server.port)
        guest.start()
        try:
            yield server, guest
        finally:
            guest.leave()
        assert guest.wrong == []
        assert guest.answered > 10
        assert server.workers() == before


@pytest.fixture
def traps(tmp_path: Path) -> Iterator[Traps]:
    found = Traps(tmp_path / "traps")
    yield found
    found.close()


def test_no_attack_gets_out_and_no_other_model_notices(tmp_path: Path, traps: Traps) -> None:
    with hosting(tmp_path, (bundle_of(tmp_path / "hostile", "hostile", Hostile(traps.outside)),)) as (server, _):
        for name in ATTACKS:
            answer = tried(server, name)
            assert (answer.status, answer.json.get("prediction")) == (200, 0.0), (name, answer)
            traps.check(name)
        assert len(engine_processes(server)) == 2, "the attacks left the two processes of the engine and no other"
        for name in (name for name in (*DEADLY, *ANSWERS) if LONG or name in SOME):
            answer = tried(server, name)
            if name in DEADLY:
                assert answer.status == 500, (name, answer)
                assert answer.json["type"].endswith("#engine-error"), (name, answer)
            assert len(answer.body) < 10_000, name
            assert b"\x1b" not in answer.body, name
            traps.check(name)
            if name == "threads that go on":
                # Its threads and a busy machine may leave no time for the answer itself.
                wait_for(lambda: tried(server, "threads that go on").json.get("prediction") == 1.0, timeout_s=60)
                wait_for(lambda: any(stands_still(pid) for pid in engine_processes(server)))
        left = engine_processes(server)
    wait_for(lambda: not any(map(alive, left)))


def engine_processes(server: Running) -> list[int]:
    """Every process below the workers."""
    found = []
    waiting = server.workers()
    while waiting:
        below = children(waiting.pop())
        found += below
        waiting += below
    return [pid for pid in found if "garcom.model.walls" in command_line(pid)]


def stands_still(pid: int) -> bool:
    """Whether a process has several threads, all of them stopped."""
    threads = [(task / "stat").read_text() for task in Path(f"/proc/{pid}/task").iterdir()]
    return len(threads) > 2 and all(thread.rpartition(")")[2].split()[0] == "T" for thread in threads)


def test_no_attack_gets_out_while_the_pickle_is_read(tmp_path: Path, traps: Traps) -> None:
    model = pickle.dumps(None)
    pickles = {
        f"load-{at}": pickle.dumps(OnLoading(attack, *arguments(traps.outside)))
        for at, (attack, arguments) in enumerate(LOADING.values())
    }
    pickles["second"] = model + pickle.dumps(OnLoading(os.system, f"touch {traps.folder}/effect"))
    pickles["bomb"] = pickle.dumps(OnLoading(bytearray, 1 << 40))
    pickles = {name: data for name, data in pickles.items() if LONG or name in SOME}
    bundles = tuple(with_pickle(tmp_path / name, name, data) for name, data in pickles.items())
    with hosting(tmp_path, bundles) as (server, _):
        for name in pickles:
            answer = server.ask(asked(name, 1))
            assert answer.status >= 400, (name, answer)
            traps.check(name)
        ready = server.get("/readyz")["walls"]
        assert ready["python"] == "confined"
        assert ready["attempts"] == ready["attempts_stopped"] > 20
        assert all(ready["standing"].values())


@pytest.mark.parametrize("kind", ["arrays", "onnx"])
def test_a_pickle_under_another_name_is_not_read(tmp_path: Path, traps: Traps, kind: str) -> None:
    """The files of engines of data, each replaced by a pickle."""
    folder = models.line(tmp_path / "line", 1.0)
    place = folder / "engines" / "arrays"
    if kind == "onnx":
        place = place.rename(folder / "engines" / "onnx")
        (place / "model.onnx").touch()
    for path in place.iterdir():
        path.write_bytes(pickle.dumps(OnLoading(os.system, f"touch {traps.folder}/effect")))
    (folder / "manifest.json").unlink()
    spec = EngineSpec(name=kind, kind=kind)  # type: ignore[arg-type]
    seal(folder, "line", (spec,), (Choice(None, kind),))
    from garcom.model.bundle import read_bundle

    began = time.monotonic()
    with pytest.raises(Exception) as caught:  # noqa: PT011 — whatever it is, the pickle was not run
        read_bundle(folder).open_engine()
    assert time.monotonic() - began < 60
    assert not isinstance(caught.value, AssertionError)
    traps.check(kind)
