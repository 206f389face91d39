"""Whether a model is still right: drift, the quality of its data, and its performance, over any window."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, Request, Response

from garcom.controller.messages import MonitoringQuestion, ShowDrift, ShowPerformance, ShowQuality
from garcom.errors import InputError
from garcom.http.catalogue import catalogue
from garcom.http.json_schemas import json_answer
from garcom.http.parameters import LAST_VERSION, ModelName, Since, Until
from garcom.http.parts import controller
from garcom.moments import parse_duration, parse_moment
from garcom.monitoring.records import DriftReport, PerformanceReport, QualityReport
from garcom.serving.runtime import version_number

router = APIRouter(tags=["monitoring"])

#: The window that is meant where none is told.
WINDOW = timedelta(days=7)
#: The most parts of a window, and the shortest one.
MAX_PARTS = 1000
SHORTEST = timedelta(minutes=1)

Version = Annotated[int | None, Query(ge=1, le=LAST_VERSION, description="Only rows of this version.")]
Stage = Annotated[
    Literal["stable", "canary", "shadow", "pinned", "external"] | None,
    Query(description="Only rows that were answered in this role."),
]
Segment = Annotated[
    str,
    Query(
        description="Only rows of one segment: `field=value`.",
        json_schema_extra={"pattern": "^([^=]+=.*)?$", "maxLength": 1000},
    ),
]
Reference = Annotated[
    Literal["training", "seasonal", "previous"] | None,
    Query(description="What to compare with: the training rows, the same hours of weeks before, the window before."),
]
Parts = Annotated[
    bool,
    Query(description="Tell each column over time too: in up to 62 parts of the window, and since when it is so."),
]
Every = Annotated[
    str,
    Query(
        description="The length of each part of the window: 1h, 1d. Without it, one that suits the window.",
        json_schema_extra={"pattern": r"^([0-9]{1,4}(\.[0-9]{1,3})?[mhdw]){0,3}$"},
    ),
]


async def _scope(
    request: Request,
    model: ModelName,
    since: Since = "",
    until: Until = "",
    version: Version = None,
    stage: Stage = None,
    segment: Segment = "",
) -> dict[str, Any]:
    """What is asked about. Raises ModelNotFound, VersionNotFound, and InputError for a window that is none."""
    _, versions = catalogue(request).versions(model)
    if version is not None:
        version_number(model, str(version), versions)
    now = datetime.now(UTC)
    end = parse_moment(until, now) if until else now
    try:
        begin = parse_moment(since, now) if since else end - WINDOW
    except OverflowError:
        begin = end
    if begin >= end:
        raise InputError(f"Expected a window that begins before it ends, got {begin.isoformat()} to {end.isoformat()}.")
    if segment and not all(segment.partition("=")[:2]):
        raise InputError("Expected a segment as field=value, such as region=SP, got something else.")
    return {
        "model": model,
        "since": begin,
        "until": end,
        "version": version,
        "stage": stage,
        "segment": segment or None,
    }


#: The fields of a :class:`~garcom.controller.messages.MonitorQuestion`, out of the path and the query.
Scope = Annotated[dict[str, Any], Depends(_scope)]


@router.get(
    "/v1/models/{model}/drift",
    summary="Whether the data have moved",
    response_model=None,
    responses={200: json_answer("Each feature and the predictions, by falling impact.", DriftReport)},
)
async def show_drift(request: Request, scope: Scope, reference: Reference = None, parts: Parts = False) -> Response:
    """Rows of the window (the last 7 days, if none is told) against the reference.

    A column has drifted where its change is significant after correction for the number of columns, and large enough to
    matter. Where nothing can be said, `why` says what is missing. With `parts=true`, `over_time` of each column has its
    effect in each part of the window, and `spell`, since when it has moved.
    """
    return await _ask(request, ShowDrift(**scope, reference=reference, parts=parts))


@router.get(
    "/v1/models/{model}/quality",
    summary="What is wrong with the data",
    response_model=None,
    responses={200: json_answer("Counts of each column, and what was found.", QualityReport)},
)
async def show_quality(request: Request, scope: Scope, parts: Parts = False) -> Response:
    """Missing, out of range, unseen, constant, doubled; silence and jumps of the traffic; over the last 7 days.

    With `parts=true`, `over_time` of each column has its shares in each part of the window, and `spells`, since when
    they are too large.
    """
    return await _ask(request, ShowQuality(**scope, parts=parts))


@router.get(
    "/v1/models/{model}/performance",
    summary="How good the answers were",
    response_model=None,
    responses={200: json_answer("Metrics with their intervals, from actuals; and estimates.", PerformanceReport)},
)
async def show_performance(request: Request, scope: Scope, every: Every = "") -> Response:
    """From the actuals that are known by now, over the window (the last 7 days) and each part of it.

    Where the truth has not come yet, `estimates` tell what the metrics are thought to be, and `track_record` how such
    estimates have done before.
    """
    length = _part(every, scope["until"] - scope["since"])
    return await _ask(request, ShowPerformance(**scope, every=length))


def _part(every: str, window: timedelta) -> timedelta | None:
    if not every:
        return None
    length = parse_duration(every)
    if length < SHORTEST or window / length > MAX_PARTS:
        raise InputError(
            f"Expected parts of at least 1 minute, and at most {MAX_PARTS:,} of them in the window, got {every!r}. Ask "
            "for longer parts, or a shorter window."
        )
    return length


async def _ask(request: Request, question: MonitoringQuestion) -> Response:
    reply, answer = await controller(request).ask(question)
    return Response(answer, media_type=reply.media_type)
