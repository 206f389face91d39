"""Versions that come in over HTTP, and which of them answers.

The worker only keeps the bytes; the controller unpacks, verifies and registers them. An upload never changes what
answers, not even as the first of its model: that is for those who may promote.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from http import HTTPStatus
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Header, Request, Response

from garcom.controller.messages import RegisterUpload, UseVersion
from garcom.http.bodies import Disconnected
from garcom.http.caller import asker
from garcom.http.json_bodies import read_json
from garcom.http.json_schemas import json_answer, json_body
from garcom.http.parts import controller
from garcom.http.uploading import ZIP, Uploads
from garcom.model.names import check_name
from garcom.rollout.plan import TrafficPlan
from garcom.rollout.records import NewAnswer, Switch, Uploaded
from garcom.serving.runtime import Runtime

router = APIRouter(tags=["models"])

#: How long an answer waits until this worker has heard of the change that it tells.
_HEARD_S = 2.0
_LOOK_S = 0.02

Digest = Annotated[
    str, Header(description="The body's SHA-256, `sha-256=:BASE64:` (RFC 9530); another body is refused.")
]


@router.post(
    "/v1/models/{model}/versions",
    summary="Upload a version",
    response_model=None,
    status_code=HTTPStatus.CREATED,
    responses={
        HTTPStatus.CREATED: json_answer("The new version.", Uploaded),
        HTTPStatus.OK: json_answer("The version that has this content already.", Uploaded),
    },
    openapi_extra={
        "requestBody": {"required": True, "content": {ZIP: {"schema": {"type": "string", "format": "binary"}}}}
    },
)
async def upload_version(request: Request, model: str, content_digest: Digest = "") -> Response:
    """The zip of a bundle, as `garcom pack --zip` makes it, becomes the next version of the model.

    It is unpacked and verified byte by byte, and does not answer until somebody who may promote says so (`PUT
    /v1/models/{model}/answers`). The bundle's own name does not matter. A model's own file, such as a pickle, is
    refused.
    """
    check_name(model)
    uploads: Uploads = request.app.state.uploads
    try:
        async with uploads.take(request) as file:
            question = RegisterUpload(**asker(request), model=model, upload=file.name)
            _, answer = await controller(request).ask(question)
    except Disconnected:
        return Response(status_code=HTTPStatus.BAD_REQUEST)  # nobody is there to read it
    told = msgspec.json.decode(answer, type=Uploaded)
    await _heard(request, lambda plan: model in plan.models and told.version in plan.models[model].versions)
    status = HTTPStatus.OK if told.existed else HTTPStatus.CREATED
    location = {"location": f"/v1/models/{model}/versions/{told.version}"}
    return Response(answer, status, location, media_type="application/json")


@router.put(
    "/v1/models/{model}/answers",
    summary="Choose the version that answers",
    openapi_extra=json_body(NewAnswer),
    response_model=None,
    responses={HTTPStatus.OK: json_answer("What answers now, and what did before.", Switch)},
)
async def use_version(request: Request, model: str) -> Response:
    """Promote a version, or roll back to an earlier one; every worker follows within a second.

    Choosing the version that answers already changes nothing.
    """
    wanted = await read_json(request, NewAnswer)
    question = UseVersion(**asker(request), model=model, version=wanted.version)
    _, answer = await controller(request).ask(question)
    revision = msgspec.json.decode(answer, type=Switch).revision
    await _heard(request, lambda plan: plan.revision >= revision)
    return Response(answer, media_type="application/json")


async def _heard(request: Request, condition: Callable[[TrafficPlan], Any]) -> None:
    """Wait a moment until this worker knows of a change, so that whoever made it finds it."""
    runtime: Runtime = request.app.state.runtime
    deadline = asyncio.get_running_loop().time() + _HEARD_S
    while not condition(runtime.plan) and asyncio.get_running_loop().time() < deadline:
        await asyncio.sleep(_LOOK_S)
