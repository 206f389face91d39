"""Every route × method × role. The table below is written by hand, beside the policy and not from it: a new route, a
new role or a changed permission fails here until somebody has decided who may use it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.routing import BaseRoute, Mount

from garcom.access.access_list import AccessList
from garcom.access.roles import Grant, Permission, Role
from garcom.controller.asking import Controller
from garcom.http.admission import Admission
from garcom.http.bodies import Bodies
from garcom.http.catalogue import Catalogue
from garcom.http.control import Parts, create_control
from garcom.http.edge import Edge
from garcom.http.gatekeeper import Gatekeeper
from garcom.http.metrics import Exposition
from garcom.http.policy import POLICY, Policy
from garcom.http.rules import PUBLIC
from garcom.serving.runtime import Runtime
from garcom.serving.telemetry import Telemetry
from tests.unit.http.admissions import HOST, OPEN, admission
from tests.unit.http.keys import key_of, listed

EVERY = "viewer client trainer approver admin"
READERS = "viewer trainer approver admin"

#: For each route: whom it lets pass. ``public`` everyone; ``known`` everyone with a credential; ``model`` these roles,
#: granted for the path's model or for all; ``some`` these roles, granted for whichever model; ``all`` these roles,
#: granted for all models.
CELLS: dict[tuple[str, str], tuple[str, str]] = {
    ("GET", "/healthz"): ("public", ""),
    ("GET", "/readyz"): ("public", ""),
    ("GET", "/docs/problems"): ("public", ""),
    ("GET", "/static/{path:path}"): ("public", ""),
    ("GET", "/login"): ("public", ""),
    ("POST", "/login"): ("public", ""),
    ("GET", "/login/provider"): ("public", ""),
    ("GET", "/login/provider/arrive"): ("public", ""),
    ("POST", "/logout"): ("public", ""),
    ("GET", "/metrics"): ("all", READERS),
    ("GET", "/"): ("some", EVERY),
    ("GET", "/docs"): ("some", EVERY),
    ("GET", "/openapi.json"): ("some", EVERY),
    ("GET", "/example"): ("some", EVERY),
    ("POST", "/predict"): ("model", "client admin"),
    ("GET", "/v1/models"): ("some", EVERY),
    ("GET", "/v1/models/{model}"): ("model", EVERY),
    ("GET", "/v1/models/{model}/example"): ("model", EVERY),
    ("POST", "/v1/models/{model}/predict"): ("model", "client admin"),
    ("PUT", "/v1/models/{model}/answers"): ("model", "approver admin"),
    ("POST", "/v1/models/{model}/versions"): ("model", "trainer admin"),
    ("GET", "/v1/models/{model}/versions/{version}"): ("model", EVERY),
    ("POST", "/v1/models/{model}/versions/{version}/predict"): ("model", "client admin"),
    ("GET", "/v1/models/{model}/predictions"): ("model", READERS),
    ("POST", "/v1/models/{model}/log"): ("model", "client admin"),
    ("POST", "/v1/models/{model}/actuals"): ("model", "client admin"),
    ("GET", "/v1/models/{model}/actuals/maturity"): ("model", READERS),
    ("GET", "/v1/models/{model}/drift"): ("model", READERS),
    ("GET", "/v1/models/{model}/quality"): ("model", READERS),
    ("GET", "/v1/models/{model}/performance"): ("model", READERS),
    ("GET", "/v1/predictions/{id}"): ("some", READERS),
    ("POST", "/v1/token"): ("public", ""),
    ("POST", "/v1/token/revoke"): ("public", ""),
    ("GET", "/.well-known/jwks.json"): ("public", ""),
    ("GET", "/v1/alerts"): ("some", READERS),
    ("POST", "/v1/alerts/{id}/acknowledge"): ("some", "approver admin"),
    ("GET", "/v1/alerts/rules"): ("some", READERS),
    ("POST", "/v1/alerts/rules"): ("some", "approver admin"),
    ("PUT", "/v1/alerts/rules/{rule}"): ("some", "approver admin"),
    ("DELETE", "/v1/alerts/rules/{rule}"): ("some", "approver admin"),
    ("PUT", "/v1/alerts/rules/{rule}/models/{model}"): ("model", "approver admin"),
    ("GET", "/v1/alerts/silences"): ("some", READERS),
    ("POST", "/v1/alerts/silences"): ("some", "approver admin"),
    ("DELETE", "/v1/alerts/silences/{id}"): ("some", "approver admin"),
    ("GET", "/v1/alerts/messages"): ("some", READERS),
    ("POST", "/v1/alerts/messages/{id}/retry"): ("some", "approver admin"),
    ("GET", "/v1/audit"): ("all", "admin"),
    ("GET", "/v1/me"): ("known", ""),
    ("GET", "/v1/users"): ("all", "admin"),
    ("POST", "/v1/users"): ("all", "admin"),
    ("GET", "/v1/users/{name}"): ("all", "admin"),
    ("PATCH", "/v1/users/{name}"): ("all", "admin"),
    ("DELETE", "/v1/users/{name}"): ("all", "admin"),
    ("POST", "/v1/users/{name}/grants"): ("all", "admin"),
    ("DELETE", "/v1/users/{name}/grants/{grant}"): ("all", "admin"),
    ("GET", "/v1/api-keys"): ("all", "admin"),
    ("POST", "/v1/api-keys"): ("all", "admin"),
    ("DELETE", "/v1/api-keys/{prefix}"): ("all", "admin"),
}

#: Predictions are no routes of the control application; ``Application`` asks the gate for them, see test_admission.
PREDICTIONS = {path for _, path in CELLS if path.endswith("/predict")}

PASSED = 299


def control(folder: Path) -> Any:
    runtime = Runtime(never, memory_budget_bytes=1, max_queued_rows=1)
    return create_control(
        Parts(
            runtime,
            Catalogue(runtime),
            Exposition(Telemetry().snapshot, runtime, folder),
            Controller(folder),
            Edge(Telemetry(), False, str.upper),
            Bodies(max_body_bytes=1, max_buffered_bytes=1, timeout_s=1.0),
            admission(folder),
        ),
        "0",
    )


def never(*_: object) -> Any:
    raise AssertionError


def walked(routes: Iterable[BaseRoute]) -> Iterator[tuple[str, str]]:
    """Method and path template of every route, those of included routers too."""
    for route in routes:
        included = getattr(route, "original_router", None)
        if included is not None:
            yield from walked(included.routes)
        elif isinstance(route, Mount):
            yield "GET", f"{route.path}/{{path:path}}"
        else:
            for method in getattr(route, "methods", None) or ():
                yield method, getattr(route, "path", "")


def test_every_route_of_the_application_has_its_cells(tmp_path: Path) -> None:
    served = {cell for cell in walked(control(tmp_path).routes) if cell[0] != "HEAD"}
    assert served == {cell for cell in CELLS if cell[1] not in PREDICTIONS}


def test_the_policy_names_these_routes_and_no_other() -> None:
    assert {(method, path) for path, methods in POLICY.items() for method in methods} == set(CELLS)


def status(door: Admission, method: str, path: str, credential: str) -> int:
    """What the gatekeeper answers; ``PASSED`` where the application behind it is reached."""
    sent: list[Any] = []

    async def application(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": PASSED, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    async def send(message: Any) -> None:
        sent.append(message)

    headers = [HOST, *([(b"authorization", f"Bearer {credential}".encode())] if credential else [])]
    scope = {"type": "http", "method": method, "path": path, "headers": headers, "state": {"request_id": "r"}}
    asyncio.run(Gatekeeper(application, door)(scope, never, send))
    return int(sent[0]["status"])


@pytest.fixture
def closed(tmp_path: Path) -> Admission:
    """A door with a key for each role, for wine, for beer and for all models."""
    grants = [Grant(role, model) for role in Role for model in ("wine", "beer", "*")]
    return admission(tmp_path, AccessList(revision=1, required=True, keys=dict(map(listed, grants))))


def expected(reach: str, permitted: bool, role: Role, model: str) -> int:
    if reach == "public" or reach == "known":
        return PASSED
    if reach == "model" and model == "beer":
        return 404  # it may not even know of wine
    return PASSED if permitted and (reach != "all" or model == "*") else 403


@pytest.mark.parametrize("role", Role)
def test_every_cell(role: Role, closed: Admission) -> None:
    for (method, template), (reach, roles) in CELLS.items():
        path = template.replace("{model}", "wine").replace("{path:path}", "x").replace("{", "").replace("}", "")
        if path == "/predict":
            continue  # whose model is the default's
        for model in ("wine", "beer", "*"):
            found = status(closed, method, path, key_of(Grant(role, model)))
            assert found == expected(reach, role in roles.split(), role, model), (method, path, role, model)


def test_nobody_passes_but_where_it_is_public(closed: Admission) -> None:
    for (method, template), (reach, _) in CELLS.items():
        path = template.replace("{path:path}", "x").replace("{", "").replace("}", "")
        assert status(closed, method, path, "") == (PASSED if reach == "public" else 401), path
        assert status(closed, method, path, "gk_wrong") == (PASSED if reach == "public" else 401), path


def test_what_the_policy_does_not_name_is_refused(closed: Admission) -> None:
    admin = key_of(Grant(Role.ADMIN))
    for path in (
        "/v1",
        "/v1/models/",
        "/v1/models/wine/",
        "/v1/models\n",
        "//v1/models",
        "/V1/models",
        "/v1/models/a/b/c",
    ):
        assert status(closed, "GET", path, admin) == 404, path
        assert status(closed, "GET", path, "") == 401, path


def test_a_method_that_a_path_does_not_have_goes_to_the_router_of_whoever_is_known(closed: Admission) -> None:
    assert status(closed, "DELETE", "/v1/models/wine", key_of(Grant(Role.VIEWER))) == PASSED
    assert status(closed, "DELETE", "/v1/models/wine", "") == 401


def test_head_is_as_get(closed: Admission) -> None:
    assert status(closed, "HEAD", "/v1/models/wine", key_of(Grant(Role.VIEWER, "beer"))) == 404
    assert status(closed, "HEAD", "/v1/models/wine", key_of(Grant(Role.VIEWER, "wine"))) == PASSED


def test_an_open_gate_lets_everyone_pass(tmp_path: Path) -> None:
    door = admission(tmp_path, OPEN)
    for method, template in CELLS:
        path = template.replace("{path:path}", "x").replace("{", "").replace("}", "")
        assert status(door, method, path, "") == PASSED


def test_before_the_first_access_list_nobody_passes(tmp_path: Path) -> None:
    door = admission(tmp_path)
    assert status(door, "GET", "/v1/models", "") == 401
    assert status(door, "GET", "/v1/models", key_of(Grant(Role.ADMIN))) == 401


def test_each_permission_is_asked_by_some_rule_or_by_a_route_to_come() -> None:
    assert {rule.permission for methods in POLICY.values() for rule in methods.values()} - {None} <= set(Permission)
    assert Policy().find("GET", "/healthz") == (PUBLIC, None)
