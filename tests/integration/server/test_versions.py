"""What answers, while it changes: switching, broken versions, removal, memory, Python engines, many models."""

from __future__ import annotations

import os
import shutil
import signal
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec
import pytest

from garcom.registry.registry import Registry
from garcom.rollout.plan import ModelPlan, TrafficPlan
from tests.integration.server import models
from tests.integration.server.load import Load
from tests.integration.server.running import Running, alive, children, running, wait_for
from tests.integration.server.wire import Connection, post, request

LINE = "/v1/models/line/predict"


def predict(server: Running, value: float, path: str = LINE) -> Any:
    return server.ask(post(path, {"x": value}))


@pytest.mark.parametrize("server", ["uvicorn", "granian"])
def test_a_switch_is_seen_soon_and_costs_no_request(tmp_path: Path, bundles: dict[str, Path], server: str) -> None:
    with running(
        tmp_path, "--workers", "2", "--server", server, register=(bundles["line-1"], bundles["line-2"])
    ) as found:
        wait_for(lambda: len(found.workers()) == 2)
        with Load(found.port, 16, LINE) as load:
            wait_for(lambda: len(load.answered) == 16 and all(load.answered))
            for number in (2, 1, 2):
                found.use(f"line:{number}")
                wait_for(lambda: load.newest("version") == {number}, 5)  # noqa: B023 - called at once
        assert (load.failed, load.cut, load.unanswered) == ([], 0, 0)
        assert len(load.answered) == 16  # no connection was ever closed
        for answers in load.answered:
            assert all(answer["prediction"] == answer["version"] for answer in answers)
            changes = [number for before, number in pairwise(a["version"] for a in answers) if before != number]
            assert changes == [2, 1, 2]


def test_a_broken_version_never_replaces_the_one_that_answers(tmp_path: Path, bundles: dict[str, Path]) -> None:
    with running(tmp_path, register=(bundles["line-1"], bundles["wine"])) as found:
        with Load(found.port, 4, LINE) as load:
            found.registry.register(bundles["broken"])
            found.use("line:2")
            wait_for(lambda: "line:2" in found.get("/readyz")["failed"])
            # What can be loaded by nobody is named, and the next good one takes over all the same.
            answer = predict(found, 1, "/v1/models/line/versions/2/predict")
            assert answer.status == 500
            assert answer.headers["content-type"] == "application/problem+json"
            found.registry.register(bundles["line-2"])
            found.use("line:3")
            wait_for(lambda: load.newest("version") == {3}, 5)
        assert load.failed == []
        assert {answer["version"] for each in load.answered for answer in each} == {1, 3}
        assert found.get("/readyz")["failed"] == {}


def test_versions_that_cannot_be_loaded_do_not_stop_the_server(tmp_path: Path, bundles: dict[str, Path]) -> None:
    """The default among them: whatever happened to their files since they were stored, the others answer."""
    damages = ["nonsense", "no file", "half a file", "foreign bytes", "no folder"]
    names = [damage.replace(" ", "-") for damage in damages]
    register = [models.broken(tmp_path / "0", names[0])]
    register += [models.line(tmp_path / f"{i}", float(i), names[i]) for i in range(1, 5)]
    registry = Registry.open(tmp_path / "home")
    stored = {
        name: registry.blobs.path(registry.register(bundle).digest)
        for name, bundle in zip(names, register, strict=True)
    }
    for folder in stored.values():
        for inside in (folder, *folder.rglob("*")):
            inside.chmod(0o755)
    (stored["no-file"] / "engines" / "arrays" / "arrays.npz").unlink()
    arrays = stored["half-a-file"] / "engines" / "arrays" / "arrays.npz"
    arrays.write_bytes(arrays.read_bytes()[:100])
    (stored["foreign-bytes"] / "engines" / "arrays" / "program.json").write_bytes(b"\xff\xfe\x00")
    shutil.rmtree(stored["no-folder"])
    with running(tmp_path, register=(bundles["wine"],)) as found:
        for path in ("/predict", *(f"/v1/models/{name}/predict" for name in names)):
            answer = predict(found, 1, path)
            assert (answer.status, answer.headers["content-type"]) == (500, "application/problem+json"), path
        assert "nonsense:1" in found.get("/readyz")["failed"]
        assert found.ask(post("/v1/models/wine/predict", found.get("/v1/models/wine/example"))).status == 200
        for path in ("/healthz", "/readyz", "/metrics", "/docs", "/v1/models/wine", "/v1/models", "/"):
            assert found.ask(request("GET", path)).status == 200, path
        paths = found.get("/openapi.json")["paths"]
        assert "/v1/models/wine/predict" in paths
        assert "/v1/models/no-folder/predict" not in paths
        assert found.logged("worker ended; starting another") == []


def test_removing(tmp_path: Path, bundles: dict[str, Path]) -> None:
    with running(tmp_path, register=(bundles["wine"], bundles["line-1"], bundles["line-2"])) as found:
        with Connection(found.port) as connection:
            assert connection.send(post("/v1/models/line/versions/2/predict", {"x": 1})).answer().status == 200
            found.registry.remove("line:2")
            wait_for(lambda: predict(found, 1, "/v1/models/line/versions/2/predict").status == 404)
            assert connection.send(post(LINE, {"x": 1})).answer().json["version"] == 1
            # A request that began before the removal and is whole after it still has its model.
            data = post(LINE, {"x": 5})
            connection.send(data[:-2])
            found.registry.remove("line", force=True)
            wait_for(lambda: predict(found, 1).status == 404)
            assert connection.send(data[-2:]).answer().status in (200, 404)
            answer = connection.send(data).answer()
            assert (answer.status, answer.json["type"]) == (404, "/docs/problems#model-not-found")
        assert [model["model"] for model in found.get("/v1/models")] == ["wine"]
        assert LINE not in found.get("/openapi.json")["paths"]
        assert "line" not in found.get("/readyz")["loaded"]


def test_a_thousand_models_are_loaded_only_when_they_are_asked_for(tmp_path: Path, bundles: dict[str, Path]) -> None:
    with running(tmp_path, register=(bundles["wine"],)) as found:
        # What a thousand registrations would lead to, put where the supervisor puts it.
        plan_path = found.run_folder / "plan.json"
        plan = msgspec.json.decode(plan_path.read_bytes(), type=TrafficPlan)
        folder = Path(plan.bundles)
        digests = []
        for i in range(3):
            shutil.copytree(models.line(tmp_path / f"line-{i}", float(i), f"line-{i}"), folder / f"digest-{i}")
            digests.append(f"digest-{i}")
        many = {f"line-{i}": ModelPlan(answers=1, versions={1: digests[i % 3]}) for i in range(1000)}
        bigger = TrafficPlan(
            revision=plan.revision + 1, default=plan.default, models={**plan.models, **many}, bundles=plan.bundles
        )
        partial = plan_path.with_suffix(".new")
        partial.write_bytes(msgspec.json.encode(bigger))
        partial.replace(plan_path)
        wait_for(lambda: found.get("/readyz")["models"] == 1001)
        assert predict(found, 5, "/v1/models/line-998/predict").json["prediction"] == 10.0
        loaded = found.get("/readyz")["loaded"]
        assert "line-998:1" in loaded
        assert len(loaded) <= 10  # the first few may have been loaded before anybody asked
        assert len(found.get("/v1/models")) == 1001
        assert len(found.get("/openapi.json")["paths"]) > 1001


def test_a_memory_budget_drops_the_least_recently_used(tmp_path: Path) -> None:
    # Each counts three times its files, so that two of them fit: the default, which always stays, and one more.
    register = tuple(models.line(tmp_path / f"{i}", float(i), f"line-{i}", 5_000_000) for i in range(4))
    with running(tmp_path, register=register, model_memory_mb=40) as found:
        paths = [f"/v1/models/line-{i}/predict" for i in range(4)]
        wait_for(lambda: len(found.get("/readyz")["loaded"]) == 2)
        with Connection(found.port) as connection:
            for i in (3, 0, 1, 1, 0, 2, 3, 0, 1):
                assert connection.send(post(paths[i], {"x": 10})).answer().json["prediction"] == 10 * i
                loaded = found.get("/readyz")["loaded"]
                assert len(loaded) == 2
                assert {"line-0:1", f"line-{i}:1"} <= set(loaded)
            # Dropped while a request for it is on the way: that one is answered all the same.
            data = post(paths[1], {"x": 7})
            connection.send(data[:-2])
            assert predict(found, 1, paths[2]).status == 200
            assert found.get("/readyz")["loaded"] == ["line-0:1", "line-2:1"]
            assert connection.send(data[-2:]).answer().json["prediction"] == 7.0
        with (
            Load(found.port, 3, paths[1]) as one,
            Load(found.port, 3, paths[2]) as two,
            Load(found.port, 3, paths[3]) as three,
        ):
            wait_for(lambda: min(one.n_answered, two.n_answered, three.n_answered) > 30)
        assert (one.failed, two.failed, three.failed) == ([], [], [])


def test_a_python_engine_runs_only_where_it_is_allowed(tmp_path: Path, bundles: dict[str, Path]) -> None:
    with running(tmp_path, register=(bundles["sleeper"], bundles["line-1"])) as found:
        answer = predict(found, 1, "/v1/models/sleeper/predict")
        assert answer.status == 409
        assert "--allow-python" in answer.json["detail"]
        assert not [child for worker in found.workers() for child in children(worker)]
        assert predict(found, 1).status == 200


def test_a_python_engine_whose_process_is_killed_comes_back(tmp_path: Path, bundles: dict[str, Path]) -> None:
    with running(tmp_path, "--allow-python", register=(bundles["sleeper"],)) as found:
        (worker,) = found.workers()
        assert predict(found, 3, "/predict").json["prediction"] == 6.0
        (engine,) = children(worker)
        os.kill(engine, signal.SIGKILL)
        wait_for(lambda: not alive(engine) and predict(found, 3, "/predict").status == 200)
        (engine,) = children(worker)
        with Connection(found.port) as connection:
            connection.send(post("/predict", {"x": 2000}))
            wait_for(lambda: 'queued_rows{model="sleeper",version="1"} 1.0' in _metrics(found))
            os.kill(engine, signal.SIGKILL)
            # The call that met its process's end is made once more, in a fresh one.
            assert connection.answer().json["prediction"] == 4000.0
            assert connection.send(post("/predict", {"x": 3})).answer().json["prediction"] == 6.0


def _metrics(found: Running) -> str:
    return found.ask(request("GET", "/metrics")).body.decode()


def test_a_worker_is_light(tmp_path: Path, bundles: dict[str, Path]) -> None:
    with running(tmp_path, register=(bundles["wine"], bundles["line-1"])) as found:
        assert found.ask(post("/predict", found.get("/example"))).status == 200
        for path in ("/docs", "/openapi.json", "/metrics", "/v1/models/wine"):
            assert found.ask(request("GET", path)).status == 200
        (worker,) = found.workers()
        mapped = Path(f"/proc/{worker}/maps").read_text()
        for library in ("sklearn", "pandas", "skl2onnx", "pyarrow", "sqlalchemy", "scipy", "matplotlib", "mlflow"):
            assert f"/{library}/" not in mapped, library
