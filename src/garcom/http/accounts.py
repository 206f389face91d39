"""Users, what is granted to them, and API keys: for administrators; and for everybody, who they are."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Path, Query, Request, Response

from garcom.access.account_requests import NewApiKey, NewUser, UserChange
from garcom.access.grants import GRANT_PATTERN, parse_grant
from garcom.access.holders import Keys, MadeKey, Me, User, Users
from garcom.access.roles import Grant
from garcom.controller.messages import (
    AccountQuestion,
    AddApiKey,
    AddUser,
    ChangeUser,
    FindUser,
    GrantRole,
    ListApiKeys,
    ListUsers,
    RemoveUser,
    RevokeApiKey,
    RevokeRole,
)
from garcom.http.caller import asker, caller
from garcom.http.json_bodies import read_json
from garcom.http.json_schemas import json_answer, json_body
from garcom.http.openapi import problem_responses
from garcom.http.parts import controller

router = APIRouter(tags=["access"])

#: Entries of a page, unless more or less are asked for.
PAGE = 100
MAX_PAGE = 1_000

Limit = Annotated[int, Query(ge=1, le=MAX_PAGE, description="At most so many.")]
GrantPath = Annotated[str, Path(json_schema_extra={"pattern": GRANT_PATTERN})]
After = Annotated[str, Query(max_length=100, description="The `next` of the page before.")]


def _answers(description: str, kind: Any, status: int = HTTPStatus.OK, *problems: str) -> dict[str, Any]:
    responses = {str(int(status)): json_answer(description, kind), **problem_responses(*problems)}
    return {"response_model": None, "status_code": status, "responses": responses}


def _no_answer(*problems: str) -> dict[str, Any]:
    return {"response_model": None, "status_code": HTTPStatus.NO_CONTENT, "responses": problem_responses(*problems)}


#: Of two members exactly one, which no type can say.
_ONE_CHANGE = {"minProperties": 1, "maxProperties": 1}


@router.get("/v1/me", summary="Who am I", **_answers("You.", Me))
async def show_me(request: Request) -> Response:
    """How the server knows the caller, what is granted to it, and what its key may ask for."""
    found = caller(request)
    return _json(msgspec.json.encode(Me(found.kind, found.name, found.grants, found.limits)))


@router.get("/v1/users", summary="The users", **_answers("A page of users.", Users))
async def list_users(request: Request, after: After = "", limit: Limit = PAGE) -> Response:
    """By name, with what is granted to each; ``next`` is the ``after`` of the page that follows, null on the last."""
    return _json(await _ask(request, ListUsers(after=after, limit=limit)))


@router.post(
    "/v1/users",
    summary="Add a user",
    openapi_extra=json_body(NewUser),
    **_answers("The user.", User, HTTPStatus.CREATED),
)
async def add_user(request: Request) -> Response:
    """No two names may differ in capitals only. A user without a password comes from an external provider."""
    new = await read_json(request, NewUser)
    made = await _ask(request, AddUser(**asker(request)), msgspec.json.encode(new))
    return _json(made, HTTPStatus.CREATED, f"/v1/users/{new.name}")


@router.get("/v1/users/{name}", summary="One user", **_answers("The user.", User))
async def show_user(request: Request, name: str) -> Response:
    """With what is granted to it."""
    return _json(await _ask(request, FindUser(name=name)))


@router.patch(
    "/v1/users/{name}",
    summary="Change a user",
    openapi_extra=json_body(UserChange, **_ONE_CHANGE),
    **_answers("The user.", User),
)
async def change_user(request: Request, name: str) -> Response:
    """One thing at a time: another password, or whether it is disabled. Either ends its sessions and tokens."""
    change = await read_json(request, UserChange)
    question = ChangeUser(name=name, **asker(request))
    return _json(await _ask(request, question, msgspec.json.encode(change)))


@router.delete("/v1/users/{name}", summary="Remove a user", **_no_answer("409"))
async def remove_user(request: Request, name: str) -> Response:
    """With all that was granted to it. The last administrator stays."""
    await _ask(request, RemoveUser(name=name, **asker(request)))
    return Response(status_code=HTTPStatus.NO_CONTENT)


@router.post(
    "/v1/users/{name}/grants",
    summary="Grant a role",
    openapi_extra=json_body(Grant),
    **_answers("The user.", User, HTTPStatus.CREATED),
)
async def grant_role(request: Request, name: str) -> Response:
    """For one model, which need not exist yet, or for all (``*``). What is granted already changes nothing."""
    grant = await read_json(request, Grant)
    return _json(await _ask(request, GrantRole(name=name, grant=grant, **asker(request))), HTTPStatus.CREATED)


@router.delete("/v1/users/{name}/grants/{grant}", summary="Take a role away", **_no_answer("400", "409"))
async def revoke_role(request: Request, name: str, grant: GrantPath) -> Response:
    """``grant`` is a role alone (``viewer``, for all models) or with its model (``client:wine``)."""
    await _ask(request, RevokeRole(name=name, grant=parse_grant(grant), **asker(request)))
    return Response(status_code=HTTPStatus.NO_CONTENT)


@router.get("/v1/api-keys", summary="The API keys", **_answers("A page of API keys.", Keys, HTTPStatus.OK, "404"))
async def list_keys(request: Request, after: After = "", limit: Limit = PAGE) -> Response:
    """The oldest first, without the keys themselves; revoked and expired ones too."""
    return _json(await _ask(request, ListApiKeys(after=after, limit=limit)))


@router.post(
    "/v1/api-keys",
    summary="Make an API key",
    openapi_extra=json_body(NewApiKey),
    **_answers("The API key, this once with the key itself.", MadeKey, HTTPStatus.CREATED),
)
async def add_key(request: Request) -> Response:
    """``key`` is shown this once: only its SHA-256 is kept."""
    new = await read_json(request, NewApiKey)
    made = await _ask(request, AddApiKey(new=new, **asker(request)))
    answer = _json(made, HTTPStatus.CREATED)
    answer.headers["cache-control"] = "no-store"
    return answer


@router.delete("/v1/api-keys/{prefix}", summary="Revoke an API key", **_no_answer("409"))
async def revoke_key(request: Request, prefix: str) -> Response:
    """Every worker refuses it within two seconds. It stays in the list, and never becomes valid again."""
    await _ask(request, RevokeApiKey(prefix=prefix, **asker(request)))
    return Response(status_code=HTTPStatus.NO_CONTENT)


async def _ask(request: Request, question: AccountQuestion, body: bytes = b"") -> bytes:
    _, answer = await controller(request).ask(question, body)
    return answer


def _json(content: bytes, status: int = HTTPStatus.OK, location: str = "") -> Response:
    headers = {"location": location} if location else {}
    return Response(content, status, headers, media_type="application/json")
