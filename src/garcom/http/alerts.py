"""Alert rules, alerts and silences: asked of the controller, for the models that the caller may see or change."""

from __future__ import annotations

from datetime import UTC, datetime
from http import HTTPStatus
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Path, Query, Request, Response
from msgspec import Meta

from garcom.access.roles import Permission
from garcom.controller.messages import (
    AcknowledgeAlert,
    AddAlertRule,
    AddSilence,
    AlertQuestion,
    ListAlertRules,
    ListAlerts,
    ListSilences,
    ListUndelivered,
    PutAlertRule,
    RemoveAlertRule,
    RemoveSilence,
    RetryMessage,
    SwitchAlertRule,
)
from garcom.http.caller import asker, caller
from garcom.http.json_bodies import read_json
from garcom.http.json_schemas import json_answer, json_body
from garcom.http.openapi import problem_responses
from garcom.http.parameters import Cursor, ModelName, Since
from garcom.http.parts import controller
from garcom.moments import parse_moment

router = APIRouter(tags=["alerts"])

PAGE = 100
MAX_PAGE = 1_000
#: What is not over.
_OPEN = ("pending", "firing")
_UNDELIVERED = ("waiting", "set_aside")

_NAME = r"^[a-z0-9][a-z0-9_.-]{0,59}$"
RuleName = Annotated[str, Path(description="The rule's name.", json_schema_extra={"pattern": _NAME})]
#: What a rule says.
Said = Annotated[str, Meta(min_length=1, max_length=500)]


class NewRule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An alert rule as it is written in settings; without a ``name`` it is called after what it watches."""

    rule: Said
    name: Annotated[str, Meta(pattern=_NAME)] | None = None


class RuleText(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a rule is to say from now on."""

    rule: Said


class Switch(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whether a rule holds for a model."""

    enabled: bool


class NewSilence(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``until`` is a moment (ISO 8601), or for how long (``2h``); without a rule or a model it holds for all."""

    until: Annotated[str, Meta(min_length=1, max_length=40)]
    rule: Annotated[str, Meta(min_length=1, max_length=60)] | None = None
    model: Annotated[str, Meta(min_length=1, max_length=100)] | None = None
    reason: Annotated[str, Meta(max_length=500)] = ""


Limit = Annotated[
    int, Query(ge=1, description="At most so many; up to 1,000.", json_schema_extra={"maximum": MAX_PAGE})
]


def _answers(description: str, status: int = HTTPStatus.OK, *problems: str) -> dict[str, Any]:
    responses = {str(int(status)): json_answer(description, dict[str, Any]), **problem_responses(*problems)}
    return {"response_model": None, "status_code": status, "responses": responses}


def _no_answer(*problems: str) -> dict[str, Any]:
    return {"response_model": None, "status_code": HTTPStatus.NO_CONTENT, "responses": problem_responses(*problems)}


@router.get("/v1/alerts", summary="The alerts", **_answers("A page of alerts."))
async def list_alerts(
    request: Request,
    state: Annotated[
        list[str] | None,
        Query(
            description="Those that are `pending`, `firing` or `resolved`; may be repeated. Default: the first two.",
            json_schema_extra={"items": {"enum": ["pending", "firing", "resolved"]}},
        ),
    ] = None,
    since: Since = "",
    limit: Limit = PAGE,
    cursor: Cursor = None,
) -> Response:
    """The newest first, of the models that the caller may read; ``next`` is the cursor of the page after it.

    With ``from`` none that was resolved before.
    """
    question = ListAlerts(
        models=_readable(request),
        states=tuple(state or _OPEN),
        since=parse_moment(since, datetime.now(UTC)) if since else None,
        limit=limit,
        cursor=cursor,
    )
    return await _told(request, question)


@router.post(
    "/v1/alerts/{id}/acknowledge", summary="Take an alert on", **_answers("The alert.", HTTPStatus.OK, "404", "409")
)
async def acknowledge(request: Request, id: str) -> Response:
    """Nobody is told of it again until it is over; by whom it was taken is shown, and in the audit trail."""
    return await _told(request, AcknowledgeAlert(id=id, models=_changeable(request), **asker(request)))


@router.get("/v1/alerts/rules", summary="The alert rules", **_answers("Every rule."))
async def list_rules(request: Request) -> Response:
    """Those that Garçom brings along, those of the settings and those that were added, with what each read last."""
    return await _told(request, ListAlertRules(models=_readable(request)))


@router.post(
    "/v1/alerts/rules",
    summary="Add an alert rule",
    openapi_extra=json_body(NewRule),
    **_answers("The rule.", HTTPStatus.CREATED, "403", "404", "409"),
)
async def add_rule(request: Request) -> Response:
    """Such as ``wine.accuracy < 0.80 over 24h with >= 500 actuals for 2 windows``; it holds from the next round on."""
    new = await read_json(request, NewRule)
    question = AddAlertRule(rule=new.rule, name=new.name, models=_changeable(request), **asker(request))
    return await _told(request, question, HTTPStatus.CREATED)


@router.put(
    "/v1/alerts/rules/{rule}",
    summary="Change an alert rule, or add it",
    openapi_extra=json_body(RuleText),
    **_answers("The rule.", HTTPStatus.OK, "403", "404", "409"),
)
async def put_rule(request: Request, rule: RuleName) -> Response:
    """One that was added: what the old text had begun ends, unless the new one says the same."""
    text = (await read_json(request, RuleText)).rule
    return await _told(request, PutAlertRule(name=rule, rule=text, models=_changeable(request), **asker(request)))


@router.delete("/v1/alerts/rules/{rule}", summary="Remove an alert rule", **_no_answer("403", "404", "409"))
async def remove_rule(request: Request, rule: RuleName) -> Response:
    """One that was added; its alerts end. Those of the settings are changed there, the others are switched off."""
    return await _done(request, RemoveAlertRule(name=rule, models=_changeable(request), **asker(request)))


@router.put(
    "/v1/alerts/rules/{rule}/models/{model}",
    summary="Switch a rule on or off for a model",
    openapi_extra=json_body(Switch),
    **_no_answer("403", "404"),
)
async def switch_rule(request: Request, rule: RuleName, model: ModelName) -> Response:
    """One that is switched off ends its alerts of the model."""
    enabled = (await read_json(request, Switch)).enabled
    question = SwitchAlertRule(name=rule, model=model, enabled=enabled, models=_changeable(request), **asker(request))
    return await _done(request, question)


@router.get("/v1/alerts/silences", summary="The silences", **_answers("Those that are not over."))
async def list_silences(request: Request) -> Response:
    """Of which rules and models nobody is told, and until when."""
    return await _told(request, ListSilences(models=_readable(request)))


@router.post(
    "/v1/alerts/silences",
    summary="Tell nobody for a while",
    openapi_extra=json_body(NewSilence),
    **_answers("The silence.", HTTPStatus.CREATED, "403", "404"),
)
async def add_silence(request: Request) -> Response:
    """Of a rule, of a model, or of anything. What happens meanwhile is written down and shown all the same."""
    new = await read_json(request, NewSilence)
    question = AddSilence(
        until=new.until,
        rule=new.rule,
        model=new.model,
        reason=new.reason,
        models=_changeable(request),
        **asker(request),
    )
    return await _told(request, question, HTTPStatus.CREATED)


@router.delete("/v1/alerts/silences/{id}", summary="End a silence", **_no_answer("403", "404"))
async def remove_silence(request: Request, id: str) -> Response:
    """Before its time."""
    return await _done(request, RemoveSilence(id=id, models=_changeable(request), **asker(request)))


@router.get("/v1/alerts/messages", summary="The messages that have not arrived", **_answers("The newest of them."))
async def list_undelivered(
    request: Request,
    state: Annotated[
        list[str] | None,
        Query(
            description="Those that wait for the next attempt, or were `set_aside`; may be repeated. Default: both.",
            json_schema_extra={"items": {"enum": list(_UNDELIVERED)}},
        ),
    ] = None,
    limit: Limit = PAGE,
) -> Response:
    """Once for each receiver that has not taken it, and why not; of the models that the caller may read."""
    states = tuple(state or _UNDELIVERED)
    return await _told(request, ListUndelivered(models=_readable(request), states=states, limit=limit))


@router.post(
    "/v1/alerts/messages/{id}/retry",
    summary="Try a message again",
    **_answers("The message, once for each receiver that has not taken it.", HTTPStatus.OK, "404"),
)
async def retry_message(request: Request, id: str) -> Response:
    """One that was set aside, or that waits; at once, and then for as long as a new one."""
    return await _told(request, RetryMessage(id=id, models=_changeable(request), **asker(request)))


def _readable(request: Request) -> frozenset[str] | None:
    return caller(request).models_with(Permission.READ)


def _changeable(request: Request) -> frozenset[str] | None:
    return caller(request).models_with(Permission.PROMOTE)


async def _told(request: Request, question: AlertQuestion, status: int = HTTPStatus.OK) -> Response:
    reply, answer = await controller(request).ask(question)
    return Response(answer, status, media_type=reply.media_type)


async def _done(request: Request, question: AlertQuestion) -> Response:
    await controller(request).ask(question)
    return Response(status_code=HTTPStatus.NO_CONTENT)
