"""Which version answers, while versions come, go, fail to load and compete for memory."""

from __future__ import annotations

import asyncio
import gc
import threading
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from garcom.errors import BundleError, ModelNotFound, VersionNotFound
from garcom.journal.journal import Origin
from garcom.rollout.plan import ModelPlan, TrafficPlan
from garcom.serving.dataplane import LONG_BODY_BYTES, DataPlane
from garcom.serving.predictor import Predictor
from garcom.serving.runtime import PRELOADED, Runtime
from garcom.serving.telemetry import Telemetry
from tests.unit.serving.engines import Twice, predictor

JSON = b"application/json"
SIZE = 100


class Loader:
    """Loads predictors over counting engines; digests in ``broken`` fail, those in ``held`` wait for their event."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.engines: dict[str, Twice] = {}
        self.loads: list[str] = []
        self.broken: dict[str, Exception] = {}
        self.held: dict[str, threading.Event] = {}

    def __call__(self, folder: Path, model: str, version: int) -> Predictor:
        digest = folder.name
        self.loads.append(digest)
        if digest in self.held:
            assert self.held[digest].wait(30)
        if digest in self.broken:
            raise self.broken[digest]
        engine = self.engines[digest] = Twice()
        made = predictor(self._folder / "any", engine, model=model, version=version)
        made.memory_bytes = SIZE
        return made

    def is_closed(self, digest: str) -> bool:
        gc.collect()
        return bool(self.engines[digest].closed)


class World:
    """A runtime with its data plane and its loader, and plans by short words."""

    def __init__(self, folder: Path, room: int = 100, route: str = "") -> None:
        self.loader = Loader(folder)
        self.runtime = Runtime(self.loader, memory_budget_bytes=room * SIZE, max_queued_rows=1000, route=route)
        self.plane = DataPlane(self.runtime, Telemetry(), str.upper)
        self._revision = 0

    async def follow(self, *, marked: str | None = None, **models: Any) -> None:
        """Follow a plan in which each model is given as (the version that answers, digests by version)."""
        self._revision += 1
        plans = {name: ModelPlan(answers=answers, versions=versions) for name, (answers, versions) in models.items()}
        await self.runtime.follow(
            TrafficPlan(revision=self._revision, default=marked, models=plans, bundles="/bundles")
        )

    async def ask(self, path: str = "/v1/models/wine/predict", body: bytes = b'{"x":1}') -> Any:
        route = self.runtime.routes.get(path) or self.runtime.route(path)
        assert route is not None
        return msgspec.json.decode((await self.plane.predict(route, body, JSON, Origin())).body)

    async def version(self, path: str = "/v1/models/wine/predict") -> int:
        return int((await self.ask(path))["version"])


def run(work: Callable[[], Awaitable[None]]) -> None:
    async def whole() -> None:
        await asyncio.wait_for(work(), 60)

    asyncio.run(whole())


def test_a_plan_lays_its_routes(tmp_path: Path) -> None:
    async def work() -> None:
        world = World(tmp_path, route="/prever_preços")
        models = {
            "wine": ModelPlan(answers=2, versions={1: "a", 2: "b"}, routes=("/vinho",)),
            "iris": ModelPlan(answers=1, versions={1: "c"}),
            "none": ModelPlan(answers=None, versions={1: "d"}),
        }
        await world.runtime.follow(TrafficPlan(revision=1, default="wine", models=models, bundles="/bundles"))
        assert set(world.runtime.routes) == {
            "/v1/models/wine/predict",
            "/v1/models/iris/predict",
            "/vinho",
            "/predict",
            "/prever_preços",
        }
        assert b"/prever_pre%C3%A7os" in world.runtime.routes_by_url
        assert world.loader.loads == []  # nothing is loaded before it is asked for
        assert await world.version("/predict") == 2
        assert await world.version("/v1/models/wine/versions/1/predict") == 1
        assert (await world.ask("/v1/models/iris/predict"))["model"] == "iris"
        assert world.loader.loads == ["b", "a", "c"]

    run(work)


def test_unknown_models_and_versions_say_what_there_is(tmp_path: Path) -> None:
    async def work() -> None:
        world = World(tmp_path)
        with pytest.raises(ModelNotFound, match="No model is registered yet"):
            world.runtime.slot("wine")
        await world.follow(wine=(1, {1: "a", 2: "b"}), empty=(None, {1: "c"}))
        with pytest.raises(ModelNotFound, match="Did you mean 'wine'"):
            world.runtime.route("/v1/models/wime/predict")
        for version in ("3", "01", "1.0", "-1", "latest", "x" * 1000):
            with pytest.raises(VersionNotFound, match="it has 1, 2") as caught:
                world.runtime.route(f"/v1/models/wine/versions/{version}/predict")
            assert len(str(caught.value)) < 200
        with pytest.raises(VersionNotFound, match="no version that answers"):
            world.runtime.route("/v1/models/empty/predict")
        assert world.runtime.route("/v1/models/wine") is None
        assert world.runtime.route("/predict") is None

    run(work)


def test_switching_loses_no_request(tmp_path: Path) -> None:
    async def work() -> None:
        world = World(tmp_path)
        versions = {1: "a", 2: "b"}
        await world.follow(wine=(1, versions))
        assert await world.version() == 1
        world.loader.held["b"] = threading.Event()
        switching = asyncio.create_task(world.follow(wine=(2, versions)))
        found = [await world.version() for _ in range(50)]  # the old one answers while the new one is loaded
        assert set(found) == {1}
        world.loader.held["b"].set()
        while not switching.done() or found[-1] == 1:
            found.extend(await asyncio.gather(*(world.version() for _ in range(10))))
        assert found == sorted(found)
        assert await world.version() == 2
        assert await world.version("/v1/models/wine/versions/1/predict") == 1
        assert world.loader.loads == ["a", "b"]

    run(work)


@pytest.mark.parametrize("error", [BundleError("engines/arrays is damaged"), ValueError("odd"), MemoryError()])
def test_a_version_that_cannot_be_loaded_never_replaces_one_that_answers(tmp_path: Path, error: Exception) -> None:
    async def work() -> None:
        world = World(tmp_path)
        await world.follow(wine=(1, {1: "a"}))
        assert await world.version() == 1
        world.loader.broken["b"] = error
        await world.follow(wine=(2, {1: "a", 2: "b"}))
        assert await world.version() == 1
        assert list(world.runtime.failures) == ["wine:2"]
        await world.follow(wine=(2, {2: "b"}))  # not even when the old one is removed
        assert await world.version() == 1
        assert not world.loader.is_closed("a")
        del world.loader.broken["b"]
        await world.follow(wine=(2, {2: "b"}))
        assert await world.version() == 2
        assert world.runtime.failures == {}
        assert world.loader.is_closed("a")

    run(work)


def test_a_broken_version_fails_for_those_who_ask_and_others_answer(tmp_path: Path) -> None:
    async def work() -> None:
        world = World(tmp_path)
        world.loader.broken["a"] = OSError("no such file")
        await world.follow(wine=(1, {1: "a"}), iris=(1, {1: "b"}))
        await world.runtime.preload()
        with pytest.raises(BundleError, match="cannot be loaded"):
            await world.ask()
        assert await world.version("/v1/models/iris/predict") == 1
        del world.loader.broken["a"]
        assert await world.version() == 1

    run(work)


def test_one_load_serves_all_who_wait_and_a_client_that_leaves_does_not_stop_it(tmp_path: Path) -> None:
    async def work() -> None:
        world = World(tmp_path)
        world.loader.held["a"] = threading.Event()
        await world.follow(wine=(1, {1: "a"}))
        asking = [asyncio.create_task(world.version()) for _ in range(10)]
        await asyncio.sleep(0.01)
        asking[0].cancel()
        world.loader.held["a"].set()
        assert await asyncio.gather(*asking[1:]) == [1] * 9
        assert asking[0].cancelled()
        assert world.loader.loads == ["a"]

    run(work)


def test_a_client_that_leaves_does_not_disturb_its_batch(tmp_path: Path) -> None:
    async def work() -> None:
        world = World(tmp_path)
        await world.follow(wine=(1, {1: "a"}))
        await world.ask()
        world.loader.engines["a"].seconds = 0.02
        for _ in range(3):
            await world.ask()  # now it is known to be slow
        asking = [asyncio.create_task(world.ask()) for _ in range(5)]
        await asyncio.sleep(0.005)
        asking[2].cancel()
        found = await asyncio.gather(*asking, return_exceptions=True)
        assert isinstance(found[2], asyncio.CancelledError)
        assert [one["prediction"] for i, one in enumerate(found) if i != 2] == [2.0] * 4  # type: ignore[index]

    run(work)


def test_the_least_recently_used_is_unloaded_under_the_budget(tmp_path: Path) -> None:
    async def work() -> None:
        world = World(tmp_path, room=2)
        await world.follow(a=(1, {1: "a"}), b=(1, {1: "b"}), c=(1, {1: "c"}))
        for name in ("a", "b", "a", "c"):
            await world.ask(f"/v1/models/{name}/predict")
        assert [slot.model for slot in world.runtime.loaded()] == ["a", "c"]
        assert world.loader.is_closed("b")
        assert await world.version("/v1/models/b/predict") == 1  # it comes back when it is asked for
        assert world.loader.loads == ["a", "b", "c", "b"]

    run(work)


def test_the_default_stays_and_one_too_large_for_the_budget_is_served_all_the_same(tmp_path: Path) -> None:
    async def work() -> None:
        world = World(tmp_path, room=1)
        await world.follow(marked="b", a=(1, {1: "a"}), b=(1, {1: "b"}), c=(1, {1: "c"}))
        await world.runtime.prepare_default()
        for name in ("a", "c", "a"):
            await world.ask(f"/v1/models/{name}/predict")
        assert world.loader.loads == ["b", "a", "c", "a"]
        assert not world.loader.is_closed("b")

    run(work)


def test_an_engine_is_closed_only_when_its_last_request_is_answered(tmp_path: Path) -> None:
    async def work() -> None:
        world = World(tmp_path)
        await world.follow(wine=(1, {1: "a"}), iris=(1, {1: "b"}))
        await world.ask()
        world.loader.engines["a"].seconds = 0.05
        asking = [asyncio.create_task(world.ask()) for _ in range(3)]
        long = b"[" + b",".join([b'{"x":1}'] * (LONG_BODY_BYTES // 7)) + b"]"
        asking.append(asyncio.create_task(world.ask(body=long)))  # still being decoded when its model is removed
        await asyncio.sleep(0)
        await world.follow(iris=(1, {1: "b"}))
        assert not world.loader.is_closed("a")
        found = await asyncio.gather(*asking)
        assert [one["prediction"] for one in found[:3]] == [2.0] * 3
        assert len(found[3]) == LONG_BODY_BYTES // 7
        del asking, found
        await asyncio.sleep(0)
        assert world.loader.is_closed("a")
        with pytest.raises(ModelNotFound):
            await world.ask()

    run(work)


def test_a_version_removed_while_it_is_loaded(tmp_path: Path) -> None:
    async def work() -> None:
        world = World(tmp_path)
        world.loader.held["a"] = threading.Event()
        await world.follow(wine=(1, {1: "a"}))
        asking = asyncio.create_task(world.version())
        await asyncio.sleep(0.01)
        await world.follow()
        world.loader.held["a"].set()
        with pytest.raises(VersionNotFound, match="has been removed"):
            await asking
        assert world.loader.is_closed("a")
        assert list(world.runtime.loaded()) == []

    run(work)


def test_a_number_that_comes_back_with_other_content(tmp_path: Path) -> None:
    async def work() -> None:
        world = World(tmp_path)
        await world.follow(wine=(1, {1: "a"}))
        await world.ask()
        await world.follow(wine=(1, {1: "b"}))
        await world.ask()
        assert world.loader.loads == ["a", "b"]
        assert world.loader.engines["b"].calls == [[1.0]]
        assert world.loader.is_closed("a")

    run(work)


def test_a_model_that_nothing_answers_for_any_more(tmp_path: Path) -> None:
    async def work() -> None:
        world = World(tmp_path)
        await world.follow(wine=(1, {1: "a"}))
        await world.ask()
        await world.follow(wine=(None, {1: "a"}))
        with pytest.raises(VersionNotFound, match="no version that answers"):
            await world.ask()
        assert await world.version("/v1/models/wine/versions/1/predict") == 1

    run(work)


def test_a_thousand_models(tmp_path: Path) -> None:
    async def work() -> None:
        world = World(tmp_path)
        models = {f"m{i:04}": (1, {1: f"d{i}"}) for i in range(1000)}
        await world.follow(marked="m0500", **models)
        assert len(world.runtime.routes) == 1001
        await world.runtime.prepare_default()
        await world.runtime.preload()
        assert world.loader.loads[0] == "d500"
        assert len(world.loader.loads) == PRELOADED
        models["m0007"] = (2, {1: "d7", 2: "new"})
        loaded = len(world.loader.loads)
        await world.follow(marked="m0500", **models)
        assert world.loader.loads[loaded:] == ["new"]
        assert await world.version("/v1/models/m0007/predict") == 2
        assert await world.version("/v1/models/m0999/predict") == 1

    run(work)


def test_closing_frees_every_engine(tmp_path: Path) -> None:
    async def work() -> None:
        world = World(tmp_path)
        await world.follow(a=(1, {1: "a"}), b=(1, {1: "b"}))
        for name in ("a", "b"):
            await world.ask(f"/v1/models/{name}/predict")
        await world.runtime.close()
        assert [engine.closed for engine in world.loader.engines.values()] == [1, 1]

    run(work)
