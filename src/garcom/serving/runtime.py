"""Which predictors a worker holds, and which of them answers each path, following the traffic plan.

A predictor is loaded the first time it is asked for and kept until the memory budget needs its place. When the
plan lets another version answer, that version is loaded beside the old one and takes over between two requests;
one that cannot be loaded never replaces one that answers.
"""

from __future__ import annotations

import asyncio
import logging
import time
import weakref
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

from garcom.errors import BundleError, GarcomError, ModelNotFound, ServedElsewhere, VersionNotFound
from garcom.rollout.plan import TrafficPlan
from garcom.serving.batching import Batcher
from garcom.serving.predictor import Predictor
from garcom.serving.scribe import Scribe
from garcom.suggestions import near

logger = logging.getLogger("garcom.serving")

#: How many models are loaded before anybody asks; the default is always the first.
PRELOADED = 8

Load = Callable[[Path, str, int], Predictor]
#: Gives the journal's hand for a loaded version; None where nothing is written down.
Employ = Callable[[Predictor], Scribe | None]


@dataclass(eq=False)
class Slot:
    """The place of one version in this worker; ``batcher`` is None until it is loaded."""

    model: str
    version: int
    digest: str
    batcher: Batcher | None = None
    predictor: Predictor | None = None
    loading: asyncio.Task[Batcher] | None = None
    last_used: float = field(default=0.0)


@dataclass(eq=False)
class Route:
    """A path that predicts: with a version of its own (``pinned``), or with whichever answers for the model."""

    slot: Slot
    role: str = "stable"


class Runtime:
    """The loaded models of a worker. All methods run on the event loop; loading happens in a thread."""

    def __init__(
        self,
        load: Load,
        *,
        memory_budget_bytes: int,
        max_queued_rows: int,
        route: str = "",
        employ: Employ = lambda predictor: None,
    ) -> None:
        self.routes: dict[str, Route] = {}
        #: The same routes by the bytes of a request line, for servers that match before decoding.
        self.routes_by_url: dict[bytes, Route] = {}
        self.plan = TrafficPlan(revision=-1, default=None, models={}, bundles="")
        self.failures: dict[str, str] = {}
        self._load = load
        self._employ = employ
        self.own_routes = (route,) if route else ()
        self._memory_budget_bytes = memory_budget_bytes
        self._max_queued_rows = max_queued_rows
        self._slots: dict[tuple[str, int, str], Slot] = {}
        self._answering: dict[str, Slot] = {}
        self._engines = ThreadPoolExecutor(2, thread_name_prefix="engine")
        self._loader = ThreadPoolExecutor(1, thread_name_prefix="loader")

    async def batcher(self, slot: Slot) -> Batcher:
        """The slot's batcher, loading it if need be; keep it only as long as it is used.

        Raises VersionNotFound for a version that has been removed meanwhile, and what loading raises.
        """
        if slot.batcher is not None:
            return slot.batcher
        self._check_kept(slot)
        if slot.loading is None:
            slot.loading = asyncio.create_task(self._fill(slot))
        # Whoever waits may be cancelled; the load goes on for the others.
        return await asyncio.shield(slot.loading)

    def route(self, path: str) -> Route | None:
        """The route of a path that is not among the prepared ones; None where it is no path of a model.

        Raises ModelNotFound or VersionNotFound.
        """
        match path.split("/"):
            case ["", "v1", "models", model, "predict"]:
                return Route(self.slot(model))
            case ["", "v1", "models", model, "versions", version, "predict"]:
                found = self.routes[path] = Route(self.slot(model, version), "pinned")
                self.routes_by_url[quote(path).encode()] = found
                return found
        return None

    def slot(self, model: str, version: str = "") -> Slot:
        """The slot of a model's version, or of the one that answers. Raises ModelNotFound or VersionNotFound."""
        planned = self.plan.models.get(model)
        if planned is None:
            raise ModelNotFound(no_model(model, self.plan.models))
        if not version:
            if model not in self._answering:
                raise VersionNotFound(f"Model {model!r} has no version that answers. Choose one with `garcom use`.")
            return self._answering[model]
        number = version_number(model, version, planned.versions)
        return self._slot(model, number, planned.versions[number])

    async def follow(self, plan: TrafficPlan) -> None:
        """Bring routes and predictors in line with a new plan."""
        self.plan = plan
        self.failures = {}
        for name, planned in plan.models.items():
            if planned.answers is not None:
                await self._answer_with(name, self._slot(name, planned.answers, planned.versions[planned.answers]))
        self._answering = {
            name: slot
            for name, slot in self._answering.items()
            if name in plan.models and plan.models[name].answers is not None
        }
        self._lay_routes()
        self._drop_removed()

    async def preload(self) -> None:
        """Load the models that answer, the default first, a few at most."""
        default = self.plan.default
        names = sorted(self._answering, key=lambda name: (name != default, name))[:PRELOADED]
        for name in names:
            if self._memory_bytes() >= self._memory_budget_bytes:
                return
            if name in self._answering:  # the plan may change meanwhile
                await self._try_load(self._answering[name])

    async def prepare_default(self) -> None:
        """Load what answers at ``/predict``, so that the first request finds it ready."""
        if self.plan.default in self._answering:
            await self._try_load(self._answering[self.plan.default])

    def loaded(self) -> Iterable[Slot]:
        """The slots whose predictor is in memory."""
        return [slot for slot in self._slots.values() if slot.batcher is not None]

    async def close(self) -> None:
        """Free every predictor; requests in flight must have ended."""
        for slot in self._slots.values():
            if slot.predictor is not None:
                slot.predictor.close()
        self._engines.shutdown(wait=False, cancel_futures=True)
        self._loader.shutdown(wait=False, cancel_futures=True)

    def _slot(self, model: str, number: int, digest: str) -> Slot:
        key = model, number, digest
        if key not in self._slots:
            self._slots[key] = Slot(*key)
        return self._slots[key]

    def _check_kept(self, slot: Slot) -> None:
        if self._slots.get((slot.model, slot.version, slot.digest)) is not slot:
            raise VersionNotFound(f"Version {slot.version} of model {slot.model!r} has been removed.")

    async def _answer_with(self, name: str, new: Slot) -> None:
        old = self._answering.get(name)
        if old is new:
            return
        if old is not None:
            if not await self._try_load(new):
                return  # the old one goes on answering
            logger.info("version answers", extra={"model": name, "version": new.version})
        self._answering[name] = new

    async def _try_load(self, slot: Slot) -> bool:
        try:
            await self.batcher(slot)
        except ServedElsewhere:
            return True  # nothing has to be loaded for what is only logged here
        except GarcomError as error:
            self.failures[f"{slot.model}:{slot.version}"] = str(error)
            logger.error(
                "version cannot be loaded", extra={"model": slot.model, "version": slot.version, "why": str(error)}
            )
            return False
        return True

    async def _fill(self, slot: Slot) -> Batcher:
        loop = asyncio.get_running_loop()
        folder = Path(self.plan.bundles, slot.digest)
        try:
            began = time.perf_counter()
            predictor = await loop.run_in_executor(self._loader, self._load, folder, slot.model, slot.version)
            logger.info(
                "version loaded",
                extra={
                    "model": slot.model,
                    "version": slot.version,
                    "milliseconds": round((time.perf_counter() - began) * 1e3),
                },
            )
        except GarcomError:
            raise
        except Exception as error:
            # The boundary to the engines' libraries: whatever they raise, the worker lives on without this version.
            raise BundleError(
                f"Version {slot.version} of model {slot.model!r} cannot be loaded ({type(error).__name__}: {error}). "
                "Register it again."
            ) from error
        finally:
            slot.loading = None
        try:
            self._check_kept(slot)
        except VersionNotFound:
            predictor.close()
            raise
        slot.predictor = predictor
        slot.batcher = Batcher(predictor, self._engines, self._max_queued_rows, scribe=self._employ(predictor))
        slot.last_used = time.perf_counter()
        self._make_room(slot)
        return slot.batcher

    def _make_room(self, newest: Slot) -> None:
        """Unload the least recently used until the rest fits the budget; the newest and the default always stay."""
        default = self._answering.get(self.plan.default or "")
        total = self._memory_bytes()
        for slot in sorted(self._slots.values(), key=lambda slot: slot.last_used):
            if total <= self._memory_budget_bytes:
                return
            if slot.predictor is not None and slot is not newest and slot is not default:
                total -= slot.predictor.memory_bytes
                self._unload(slot)

    def _memory_bytes(self) -> int:
        return sum(slot.predictor.memory_bytes for slot in self._slots.values() if slot.predictor is not None)

    @staticmethod
    def _unload(slot: Slot) -> None:
        batcher, predictor = slot.batcher, slot.predictor
        slot.batcher = slot.predictor = None
        if batcher is not None and predictor is not None:
            # Requests in flight hold the batcher: the engine is closed when the last of them has let it go.
            weakref.finalize(batcher, predictor.close)

    def _lay_routes(self) -> None:
        routes: dict[str, Route] = {}
        for name, slot in self._answering.items():
            route = Route(slot)
            for path in (f"/v1/models/{name}/predict", *self.plan.models[name].routes):
                routes[path] = route
            if name == self.plan.default:
                for path in ("/predict", *self.own_routes):
                    routes[path] = route
        self.routes = routes
        self.routes_by_url = {quote(path).encode(): route for path, route in routes.items()}

    def _drop_removed(self) -> None:
        for key, slot in list(self._slots.items()):
            planned = self.plan.models.get(slot.model)
            kept = planned is not None and planned.versions.get(slot.version) == slot.digest
            if not kept and self._answering.get(slot.model) is not slot:
                del self._slots[key]
                self._unload(slot)


def version_number(model: str, version: str, known: Iterable[int]) -> int:
    """A version as written in a path, as the number of one that exists. Raises VersionNotFound."""
    numbers = sorted(known)
    if version in map(str, numbers):
        return int(version)
    newest = ", ".join(map(str, numbers[-10:]))
    raise VersionNotFound(f"Expected a version of {model!r} (it has {newest}), got {version[:20]!r}.")


def no_model(model: str, models: Iterable[str]) -> str:
    """What to say of a model that is not registered."""
    names = sorted(models)
    if not names:
        return "No model is registered yet. Get one in with `garcom register BUNDLE` (`garcom pack` makes a bundle)."
    hint = near(model, names) or f" The models are: {', '.join(names[:10])}."
    return f"Expected the name of a registered model, got {model[:100]!r}.{hint}"
