"""What was served, and what really happened: asked of the controller, which keeps the lake."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Header, Path, Query, Request, Response

from garcom.access.roles import Permission
from garcom.controller.messages import (
    AddActuals,
    AnyQuestion,
    FindPrediction,
    ListPredictions,
    ShowMaturity,
    TakePredictions,
)
from garcom.http.bodies import Body, Disconnected
from garcom.http.caller import asker, caller
from garcom.http.catalogue import catalogue
from garcom.http.edge import Edge
from garcom.http.json_schemas import json_answer, schema_of
from garcom.http.parameters import LAST_VERSION, Cursor, ModelName, Since, Until
from garcom.http.parts import bodies, controller
from garcom.lake.records import Added, LabelMaturity, LoggedPrediction, Page
from garcom.moments import parse_moment

router = APIRouter(tags=["predictions"])

#: Predictions of a page, unless more or less are asked for.
PAGE = 100
_ARROW = "application/vnd.apache.arrow.stream"

Id = Annotated[str, Path(description="The prediction's id.", json_schema_extra={"format": "uuid"})]
Version = Annotated[int | None, Query(ge=1, le=LAST_VERSION, description="Only those of this version.")]
HasActual = Annotated[bool | None, Query(description="Only those that have their actual, or have none yet.")]
Subject = Annotated[
    str, Header(alias="garcom-subject", description="Only those about this subject; it has no place in an address.")
]
#: The greatest page; the stream of all has no limit of its own.
Limit = Annotated[
    int | None,
    Query(ge=1, description="At most so many; of a page at most 1,000.", json_schema_extra={"maximum": 1_000}),
]

_PAGE_OR_ALL = {
    "description": "A page of predictions, or all of them as a table.",
    "content": {
        "application/json": {"schema": schema_of(Page)},
        _ARROW: {"schema": {"type": "string", "format": "binary"}},
    },
}
_NAMED: dict[str, Any] = {
    "id": {"type": "string", "format": "uuid", "description": "The prediction's id."},
    "key": {"type": "string", "minLength": 1, "description": "Or the Idempotency-Key of its request."},
}
#: What an actual may be depends on the model: one of its labels, a number, an object of its targets.
_SAID: dict[str, Any] = {
    "actual": {
        "type": ["string", "number", "boolean", "object"],
        "description": "The label, the number, or the numbers by target.",
    },
    "observed_at": {"type": "string", "format": "date-time", "description": "In the past; now, if it is not told."},
}
_ACTUAL = {
    "oneOf": [
        {
            "type": "object",
            "properties": {name: named} | _SAID,
            "required": [name, "actual"],
            "additionalProperties": False,
        }
        for name, named in _NAMED.items()
    ]
}


@router.get(
    "/v1/predictions/{id}",
    summary="One prediction",
    response_model=None,
    responses={200: json_answer("The prediction.", LoggedPrediction)},
)
async def find_prediction(request: Request, id: Id) -> Response:
    """Input, output, version, role, latency, and what really happened, where that is known."""
    return await _ask(request, FindPrediction(id=id, models=caller(request).models_with(Permission.READ)))


@router.get(
    "/v1/models/{model}/predictions",
    summary="The predictions of a model",
    response_model=None,
    responses={200: _PAGE_OR_ALL},
)
async def list_predictions(
    request: Request,
    model: ModelName,
    since: Since = "",
    until: Until = "",
    version: Version = None,
    has_actual: HasActual = None,
    subject: Subject = "",
    limit: Limit = None,
    cursor: Cursor = None,
) -> Response:
    """A page of them, the newest first; ``next`` is the cursor of the page after it.

    With ``Accept: application/vnd.apache.arrow.stream``, all of them at once as a flat table, the oldest first.
    """
    catalogue(request).require(model)
    chosen: dict[str, Any] = {
        **asker(request),
        "model": model,
        "since": _moment(since),
        "until": _moment(until),
        "version": version,
        "has_actual": has_actual,
        "subject": _edge(request).subject(subject.encode("latin-1")),
    }
    if _ARROW in request.headers.get("accept", ""):
        return await _ask(request, TakePredictions(**chosen, limit=limit))
    return await _ask(request, ListPredictions(**chosen, limit=PAGE if limit is None else limit, cursor=cursor))


@router.post(
    "/v1/models/{model}/actuals",
    summary="What really happened",
    response_model=None,
    responses={200: json_answer("What became of the rows.", Added)},
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {"schema": {"type": "array", "minItems": 1, "items": _ACTUAL}},
                "text/csv": {"schema": {"type": "string"}},
                _ARROW: {"schema": {"type": "string", "format": "binary"}},
            },
        }
    },
)
async def add_actuals(request: Request, model: ModelName) -> Response:
    """Up to 100,000 rows as JSON, CSV or Arrow: ``id`` or ``key``, ``actual`` and, where it is known, ``observed_at``.

    The same rows again change nothing; of several for one prediction the latest observation counts. Rows whose
    prediction is not known yet are kept until it comes. When one row is wrong, none is taken.
    """
    output = catalogue(request).answering(model).signature.output
    body = Body(bodies(request), request.receive)
    try:
        bodies(request).check_head(request.headers.raw)
        content = await body.read()
        content_type = request.headers.get("content-type", "")
        return await _ask(request, AddActuals(model=model, output=output, content_type=content_type), content)
    except Disconnected:
        return Response(status_code=400)  # nobody is there to read it
    finally:
        body.release()


@router.get(
    "/v1/models/{model}/actuals/maturity",
    summary="How many predictions have their actual, by age",
    response_model=None,
    responses={200: json_answer("Predictions by age.", LabelMaturity)},
)
async def show_maturity(request: Request, model: ModelName, since: Since = "", until: Until = "") -> Response:
    """For each age of predictions: how many there are, how many have their actual, and the share."""
    catalogue(request).require(model)
    return await _ask(request, ShowMaturity(model=model, since=_moment(since), until=_moment(until)))


async def _ask(request: Request, question: AnyQuestion, body: bytes = b"") -> Response:
    reply, answer = await controller(request).ask(question, body)
    return Response(answer, media_type=reply.media_type)


def _moment(text: str) -> datetime | None:
    return parse_moment(text, datetime.now(UTC)) if text else None


def _edge(request: Request) -> Edge:
    found: Edge = request.app.state.edge
    return found
