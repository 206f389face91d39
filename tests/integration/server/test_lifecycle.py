"""Signals, deaths and starts of the server's processes."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from tests.integration.server.load import Load
from tests.integration.server.running import COMMAND, alive, children, running, wait_for
from tests.integration.server.wire import Answer, Closed, Connection, post, request

LINE = "/v1/models/line/predict"
SLOW = "/v1/models/sleeper/predict"


def serve_and_fail(*arguments: str | Path, timeout_s: float = 30) -> subprocess.CompletedProcess[str]:
    """Run ``garcom serve`` where it has to end by itself."""
    return subprocess.run([*COMMAND, "serve", *map(str, arguments)], capture_output=True, text=True, timeout=timeout_s)


@pytest.mark.parametrize("server", ["uvicorn", "granian"])
def test_sigterm_finishes_what_is_in_flight(tmp_path: Path, bundles: dict[str, Path], server: str) -> None:
    with running(
        tmp_path, "--server", server, "--allow-python", register=(bundles["sleeper"], bundles["line-1"])
    ) as found:
        answers: list[Answer] = []
        waiting = [Connection(found.port) for _ in range(4)]
        for connection in waiting:
            connection.send(post(SLOW, {"x": 600}))
        idle = Connection(found.port)
        assert idle.send(request("GET", "/healthz")).answer().status == 200
        threads = [threading.Thread(target=lambda c=c: answers.append(c.answer())) for c in waiting]
        for thread in threads:
            thread.start()
        time.sleep(0.3)
        assert found.stop(signal.SIGTERM) == 0
        for thread in threads:
            thread.join(10)
        assert [answer.status for answer in answers] == [200] * 4
        assert idle.closed() == b""
        with pytest.raises(ConnectionRefusedError):
            Connection(found.port)
        for connection in (*waiting, idle):
            connection.socket.close()


@pytest.mark.parametrize(
    ("server", "number"), [("uvicorn", signal.SIGTERM), ("uvicorn", signal.SIGINT), ("granian", signal.SIGTERM)]
)
def test_stopping_under_load_cuts_no_answer(tmp_path: Path, bundles: dict[str, Path], server: str, number: int) -> None:
    with (
        running(tmp_path, "--server", server, "--workers", "2", register=(bundles["line-1"],)) as found,
        Load(found.port, 8, LINE) as load,
    ):
        wait_for(lambda: load.n_answered > 500)
        workers = found.workers()
        assert found.stop(number) == 0
        load.stop()
        assert (load.cut, load.failed) == (0, [])
        # One connection of each worker's may still wait in the system's queue. granian closes quiet ones, which are all
        # eight at the most, without a look at the wire, and each of them may come back to the other worker.
        assert load.unanswered <= (2 if server == "uvicorn" else 2 * 8 + 2)
        assert not any(map(alive, workers))
        assert not [line for line in found.log() if line["level"] in ("warning", "error")]


def test_a_second_signal_stops_at_once(tmp_path: Path, bundles: dict[str, Path]) -> None:
    with running(tmp_path, "--allow-python", register=(bundles["sleeper"],)) as found:
        with Connection(found.port) as connection:
            connection.send(post(SLOW, {"x": 20_000}))
            time.sleep(0.2)
            workers = found.workers()
            engines = [child for worker in workers for child in children(worker)]
            assert len(engines) == 1
            found.process.terminate()
            time.sleep(0.3)
            assert found.process.poll() is None
            found.process.terminate()
            assert found.process.wait(15) == 0  # sooner than the twenty seconds that the answer takes
            with pytest.raises(Closed):
                connection.answer()
        wait_for(lambda: not any(map(alive, [*workers, *engines])))


def test_the_grace_ends(tmp_path: Path, bundles: dict[str, Path]) -> None:
    with (
        running(tmp_path, "--allow-python", register=(bundles["sleeper"],), grace_s=0.5) as found,
        Connection(found.port) as connection,
    ):
        connection.send(post(SLOW, {"x": 25_000}))
        time.sleep(0.2)
        assert found.stop() == 0
        with pytest.raises(Closed):
            connection.answer()


@pytest.mark.parametrize("server", ["uvicorn", "granian"])
def test_a_killed_worker_is_replaced_and_the_others_go_on(
    tmp_path: Path, bundles: dict[str, Path], server: str
) -> None:
    with running(tmp_path, "--workers", "2", "--server", server, register=(bundles["line-1"],)) as found:
        before = wait_for(lambda: len(found.workers()) == 2 and found.workers())
        with Load(found.port, 8, LINE) as load:
            for _ in range(2):
                wait_for(lambda: len(found.workers()) == 2)
                enough = load.n_answered + 300
                os.kill(found.workers()[0], signal.SIGKILL)
                while load.n_answered < enough:
                    time.sleep(0.01)
            wait_for(lambda: len(found.workers()) == 2)
        assert load.failed == []
        assert len(set(found.workers()) - set(before)) == 2
        assert [line["status"] for line in found.logged("worker ended; starting another")] == [-9, -9]
        for _ in range(20):
            assert found.ask(post(LINE, {"x": 1})).status == 200


def test_workers_and_engines_end_when_the_supervisor_is_killed(tmp_path: Path, bundles: dict[str, Path]) -> None:
    with running(tmp_path, "--workers", "2", "--allow-python", register=(bundles["sleeper"],)) as found:
        assert found.ask(post(SLOW, {"x": 1})).status == 200
        workers = wait_for(lambda: len(found.workers()) == 2 and found.workers())
        wait_for(lambda: any(children(worker) for worker in workers))
        engines = [child for worker in workers for child in children(worker)]
        run_folder = found.run_folder
        found.process.kill()
        found.process.wait(10)
        wait_for(lambda: not any(map(alive, [*workers, *engines])))
        assert not run_folder.exists()
        with pytest.raises(ConnectionRefusedError):
            Connection(found.port)


def test_a_worker_that_cannot_start_is_tried_again_more_and_more_rarely(
    tmp_path: Path, bundles: dict[str, Path]
) -> None:
    poisoned = tmp_path / "poison"
    poisoned.mkdir()
    environment = {**os.environ, "PYTHONPATH": str(poisoned), "GARCOM_LOG_FORMAT": "json"}
    (poisoned / "msgspec.py").write_text("import os\nos._exit(3)\n")
    command = [
        *(sys.executable, "-c"),
        # Only the workers find the broken library.
        "import sys; sys.path = [p for p in sys.path if 'poison' not in p]; from garcom.cli import main; main()",
        *("serve", "--home", str(tmp_path / "home"), "--port", "0"),
    ]
    with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stderr is not None
        ends = [json.loads(process.stderr.readline()) for _ in range(3)]
        process.terminate()
        greeting, _ = process.communicate(timeout=10)
        assert process.returncode == 0
        assert greeting == b""
    assert {end["message"] for end in ends} == {"worker ended; starting another"}
    assert [end["pause_s"] for end in ends] == [0.1, 0.2, 0.4]


def test_a_port_that_is_taken(tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        ended = serve_and_fail("--home", tmp_path, "--port", str(port))
    assert ended.returncode == 1
    assert str(port) in ended.stderr
    assert "--port" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_home_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    ended = serve_and_fail("--home", tmp_path / "file" / "home", "--port", "0")
    assert ended.returncode == 1
    assert str(tmp_path / "file") in ended.stderr
    assert "Traceback" not in ended.stderr


def test_an_empty_home_is_ready_and_says_how_to_get_a_model_in(tmp_path: Path, bundles: dict[str, Path]) -> None:
    with running(tmp_path) as found:
        assert "garcom pack" in found.greeting
        assert found.get("/readyz")["status"] == "ready"
        assert found.get("/v1/models") == []
        for data in (post("/predict", {}), request("GET", "/example"), post("/v1/models/wine/predict", {})):
            answer = found.ask(data)
            assert answer.status == 404
            assert "garcom register" in answer.json["detail"]
        assert b"garcom pack" in found.ask(request("GET", "/")).body
        found.garcom("register", str(bundles["line-1"]))
        wait_for(lambda: found.ask(post("/predict", {"x": 2})).status == 200)
        assert found.get("/example") == {"x": 1.0}
        assert "/v1/models/line/predict" in found.get("/openapi.json")["paths"]
