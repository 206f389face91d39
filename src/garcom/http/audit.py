"""Who did what: the audit trail, asked of the controller."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response

from garcom.controller.messages import ListAudit
from garcom.http.parameters import Cursor, Since
from garcom.http.parts import controller
from garcom.moments import parse_moment

router = APIRouter(tags=["audit"])

#: Rows of a page, unless more or less are asked for.
PAGE = 100
MAX_PAGE = 1_000


@router.get("/v1/audit", summary="Who did what, when, and from where", response_model=dict[str, Any])
async def list_audit(
    request: Request,
    actor: Annotated[str | None, Query(description="Only what this one did: `user:ana`.")] = None,
    action: Annotated[str | None, Query(description="Only this: `model.use`, or `model` for all of its kind.")] = None,
    target: Annotated[str | None, Query(description="Only what was done to this: `wine`, `wine:2`.")] = None,
    since: Since = "",
    limit: Annotated[
        int, Query(ge=1, description="At most so many; up to 1,000.", json_schema_extra={"maximum": MAX_PAGE})
    ] = PAGE,
    cursor: Cursor = None,
) -> Response:
    """A page of the audit trail, the newest first; ``next`` is the cursor of the page after it.

    ``garcom audit verify`` checks the trail; its hashes prove nothing to whoever lacks the installation's secret.
    """
    first = parse_moment(since, datetime.now(UTC)) if since else None
    question = ListAudit(actor=actor, action=action, target=target, since=first, limit=limit, cursor=cursor)
    reply, answer = await controller(request).ask(question)
    return Response(answer, media_type=reply.media_type)
