"""Everything that is no prediction: the FastAPI application of a worker."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from fastapi import Depends, FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.staticfiles import StaticFiles
from starlette.exceptions import HTTPException

from garcom.addresses import Proxies
from garcom.controller.asking import Controller
from garcom.errors import Fault, GarcomError, InputError
from garcom.http import (
    accounts,
    alerts,
    audit,
    health,
    login,
    models,
    monitoring,
    pages,
    prediction_log,
    predictions,
    tokens,
    uploads,
)
from garcom.http.admission import Admission
from garcom.http.bodies import Bodies
from garcom.http.catalogue import Catalogue
from garcom.http.edge import Edge
from garcom.http.gatekeeper import Gatekeeper
from garcom.http.known_parameters import refuse_unknown
from garcom.http.login_ways import LoginWays
from garcom.http.metrics import Exposition
from garcom.http.policy import Policy
from garcom.http.problem_response import response, response_of
from garcom.http.problems import plain_problem
from garcom.http.request_id import RequestIds
from garcom.http.uploading import Uploads
from garcom.model.engines.base import AllowPython
from garcom.serving.logbook import Logbook
from garcom.serving.runtime import Runtime

if TYPE_CHECKING:
    from garcom.http.repeats import Repeats

_POLICY = Policy()
STATIC = Path(__file__).parent / "static"


class Parts(NamedTuple):
    """What the routes work with."""

    runtime: Runtime
    catalogue: Catalogue
    exposition: Exposition
    controller: Controller
    edge: Edge
    bodies: Bodies
    admission: Admission
    login_ways: LoginWays = LoginWays()
    allow_python: AllowPython = False
    uploads: Uploads | None = None
    proxies: Proxies = Proxies()
    logbook: Logbook | None = None
    repeats: Callable[[], Repeats] | None = None


def create_control(parts: Parts, version: str, *, access_log: bool = False) -> FastAPI:
    """The application for the registry, health, metrics and documentation routes."""
    app = FastAPI(
        title="Garçom",
        version=version,
        docs_url=None,  # its own page, which loads nothing from another site
        redoc_url=None,
        openapi_url=None,
        redirect_slashes=False,  # it would send the caller to wherever its Host header says
    )
    for name, part in parts._asdict().items():
        setattr(app.state, name, part)
    app.state.sessions = parts.admission.gate.sessions
    for router in (health.router, tokens.router, login.router, pages.router):
        app.include_router(router)
    for part in (models, uploads, predictions, prediction_log, monitoring, accounts, alerts, audit):
        app.include_router(part.router, dependencies=[Depends(refuse_unknown)])
    app.mount("/static", StaticFiles(directory=STATIC), name="static")
    # The last added is the outermost.
    app.add_middleware(Gatekeeper, admission=parts.admission)
    app.add_middleware(RequestIds, access_log=access_log)
    app.add_exception_handler(GarcomError, _on_garcom_error)  # type: ignore[arg-type]
    app.add_exception_handler(HTTPException, _on_http_error)  # type: ignore[arg-type]
    app.add_exception_handler(RequestValidationError, _on_invalid)  # type: ignore[arg-type]
    app.add_exception_handler(Exception, _on_unexpected)
    return app


async def _on_garcom_error(request: Request, error: GarcomError) -> Response:
    return response_of(error, request.state.request_id)


async def _on_http_error(request: Request, error: HTTPException) -> Response:
    details = {
        404: f"Expected a path of this API, got {request.url.path[:200]!r}. /docs lists them.",
        405: f"{request.method} is not for {request.url.path[:200]!r}. /docs lists what each path takes.",
    }
    detail = details.get(error.status_code, str(error.detail))
    headers = error.headers
    if error.status_code == 405:  # the router tells the methods of one of the path's routes only
        headers = {**(headers or {}), "Allow": ", ".join(_POLICY.methods(request.url.path))}
    return response(plain_problem(error.status_code, detail, request.state.request_id), headers)


async def _on_invalid(request: Request, error: RequestValidationError) -> Response:
    faults = tuple(map(_fault, error.errors()))
    said = InputError(f"The request's parameters do not fit: {faults[0].sentence()}", faults[:100])
    return response_of(said, request.state.request_id)


def _fault(found: dict[str, Any]) -> Fault:
    """What is wrong with a parameter, without its value."""
    where = ".".join(map(str, found.get("loc", ())[1:]))
    expected = str(found.get("msg", "")).removeprefix("Input should be ")
    return Fault(where, expected[:1].lower() + expected[1:], "something else")


async def _on_unexpected(request: Request, error: Exception) -> Response:
    request_id = getattr(request.state, "request_id", "")
    return response(plain_problem(500, "The server failed; its log names this request id.", request_id))
