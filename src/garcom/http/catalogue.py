"""What the stored bundles say of the models in the traffic plan, read once and kept."""

from __future__ import annotations

import functools
from collections import Counter
from pathlib import Path
from typing import Any, TypedDict

from starlette.requests import Request

from garcom.access.roles import Permission
from garcom.errors import BundleError, ModelNotFound, VersionNotFound
from garcom.http import openapi
from garcom.http.caller import caller
from garcom.model.bundle import Bundle, read_bundle
from garcom.model.engines.base import EngineSpec
from garcom.model.proof import Proof
from garcom.model.signature import Signature
from garcom.rollout.plan import ModelPlan, TrafficPlan
from garcom.serving.runtime import Runtime, no_model, version_number


class Summary(TypedDict):
    """A model as the list tells it; ``answers`` is the version that does."""

    model: str
    answers: int | None
    default: bool
    task: str | None
    versions: list[int]
    predict: str
    routes: list[str]


class Engine(TypedDict):
    """What can compute a version."""

    name: str
    kind: str


class VersionCard(TypedDict):
    """A version: what it takes and answers, how it was proved, and where it comes from."""

    model: str
    version: int
    answers: bool
    digest: str
    task: str
    signature: Signature
    engines: list[Engine]
    proved_on_real_rows: bool
    proof: Proof
    metrics: dict[str, Any]
    lineage: dict[str, Any]


class Card(TypedDict):
    """A model with its versions; the rest is as in its :class:`Summary`."""

    model: str
    answers: int | None
    default: bool
    task: str | None
    versions: list[VersionCard]
    predict: str
    routes: list[str]


class Catalogue:
    """Models and versions as JSON values, and the OpenAPI document made of them.

    ``models`` are those that it knows (None: all); of the others it tells nothing, not even in its errors.
    """

    def __init__(self, runtime: Runtime, models: frozenset[str] | None = None) -> None:
        self._runtime = runtime
        self._models = models
        self._document: tuple[int, dict[str, Any]] | None = None
        self._bundle = functools.lru_cache(maxsize=2048)(_read)

    def of(self, models: frozenset[str] | None) -> Catalogue:
        """The catalogue of these models only; what has been read is shared."""
        if models is None:
            return self
        smaller = Catalogue(self._runtime, models)
        smaller._bundle = self._bundle
        return smaller

    @property
    def _plan(self) -> TrafficPlan:
        return self._runtime.plan.of(self._models)

    def models(self) -> list[Summary]:
        """Every model, by name."""
        plan = self._plan
        return [self._summary(name) for name in sorted(plan.models)]

    def model(self, name: str) -> Card:
        """One model with its versions. Raises ModelNotFound."""
        versions = [self.version(name, str(number)) for number in sorted(self._planned(name).versions)]
        return Card(**{**self._summary(name), "versions": versions})

    def version(self, name: str, version: str) -> VersionCard:
        """One version: signature, engines, proof, metrics, lineage. Raises ModelNotFound or VersionNotFound."""
        number = version_number(name, version, self._planned(name).versions)
        bundle = self.bundle(name, number)
        return {
            "model": name,
            "version": number,
            "answers": self._planned(name).answers == number,
            "digest": bundle.digest,
            "task": bundle.signature.output.task,
            "signature": bundle.signature,
            "engines": [_engine(spec) for spec in bundle.manifest.engines],
            "proved_on_real_rows": bundle.proof.real_rows > 0,
            "proof": bundle.proof,
            "metrics": bundle.metrics,
            "lineage": bundle.lineage,
        }

    def example(self, name: str) -> dict[str, Any]:
        """A record that the answering version takes."""
        return self.answering(name).signature.example

    def require(self, name: str) -> None:
        """Raises ModelNotFound for the name of no registered model."""
        self._planned(name)

    def default(self) -> str:
        """The model that answers at ``/predict``. Raises ModelNotFound where there is none."""
        plan = self._plan
        if plan.default is None:
            raise ModelNotFound(no_model("", plan.models))
        return plan.default

    def versions(self, name: str) -> tuple[int | None, frozenset[int]]:
        """The version that answers for a model, and all that there are. Raises ModelNotFound."""
        planned = self._planned(name)
        return planned.answers, frozenset(planned.versions)

    def answering(self, name: str) -> Bundle:
        """The bundle that answers for a model. Raises ModelNotFound or VersionNotFound."""
        answers = self._planned(name).answers
        if answers is None:
            raise VersionNotFound(f"Model {name!r} has no version that answers. Choose one with `garcom use`.")
        return self.bundle(name, answers)

    def bundle(self, name: str, number: int) -> Bundle:
        """The bundle of a version in the plan."""
        return self._bundle(self._plan.folder(name, number))

    def openapi(self, base: dict[str, Any]) -> dict[str, Any]:
        """``base`` (the control application's document) with the operations of every model; kept per revision."""
        revision = self._plan.revision
        if self._document is None or self._document[0] != revision:
            self._document = revision, self._with_models(base)
        return self._document[1]

    def _with_models(self, base: dict[str, Any]) -> dict[str, Any]:
        plan = self._plan
        paths: dict[str, Any] = {}
        operation_ids: Counter[str] = Counter()
        schemas = openapi.shared_schemas()
        for name in sorted(plan.models):
            planned = plan.models[name]
            bundle = self._readable(name)
            if bundle is None or planned.answers is None:
                continue
            signature = bundle.signature
            schemas |= openapi.model_schemas(name, planned.answers, signature)
            own = (*planned.routes, *(("/predict", *self._runtime.own_routes) if name == plan.default else ()))
            for path in (f"/v1/models/{name}/predict", *own):
                operation_id = "predict_" + path.strip("/").replace("/", "_")
                operation_ids[operation_id] += 1
                if operation_ids[operation_id] > 1:  # /a/b beside /a_b
                    operation_id += f":{operation_ids[operation_id]}"
                paths[path] = {"post": openapi.predict_operation(name, planned.answers, signature, operation_id)}
            pinned = openapi.predict_operation(name, planned.answers, signature, f"predict_version_of_{name}")
            paths[f"/v1/models/{name}/versions/{{version}}/predict"] = {"post": pinned | openapi.OF_A_VERSION}
        base = openapi.with_own_problems(base)
        shared = base.get("components", {})
        return base | {
            "info": base["info"] | {"description": openapi.INTRODUCTION},
            "tags": openapi.tags(sorted(plan.models)),
            "paths": paths | base["paths"],
            "components": shared
            | {"schemas": shared.get("schemas", {}) | schemas, "securitySchemes": openapi.SECURITY_SCHEMES},
        }

    def _readable(self, name: str) -> Bundle | None:
        """The bundle that answers for a model, if there is one whose files are whole: one damaged spoils no list."""
        try:
            return self.answering(name)
        except (VersionNotFound, BundleError):
            return None

    def _planned(self, name: str) -> ModelPlan:
        plan = self._plan
        if name not in plan.models:
            raise ModelNotFound(no_model(name, plan.models))
        return plan.models[name]

    def _summary(self, name: str) -> Summary:
        planned = self._planned(name)
        plan = self._plan
        bundle = self._readable(name)
        return {
            "model": name,
            "answers": planned.answers,
            "default": plan.default == name,
            "task": None if bundle is None else bundle.signature.output.task,
            "versions": sorted(planned.versions),
            "predict": f"/v1/models/{name}/predict",
            "routes": list(planned.routes),
        }


def catalogue(request: Request) -> Catalogue:
    """What the caller of a request may know of."""
    found: Catalogue = request.app.state.catalogue
    return found.of(caller(request).models_with(Permission.DESCRIBE))


def _read(folder: Path) -> Bundle:
    return read_bundle(folder, verify=False)


def _engine(spec: EngineSpec) -> Engine:
    return {"name": spec.name, "kind": spec.kind}
