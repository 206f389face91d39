"""Whether the server lives, whether it can answer, and what it has counted."""

from __future__ import annotations

import asyncio
from typing import Any

from fastapi import APIRouter, Request, Response

from garcom.access.roles import Permission
from garcom.http.caller import caller
from garcom.http.metrics import MEDIA_TYPE, Exposition
from garcom.model.engines.base import AllowPython
from garcom.serving.runtime import Runtime

router = APIRouter(tags=["server"])


@router.get("/healthz", summary="Whether this worker lives")
async def healthz() -> dict[str, str]:
    """Answers as long as the event loop turns; it looks at nothing else."""
    return {"status": "ok"}


@router.get("/readyz", summary="Whether this worker can answer")
async def readyz(request: Request) -> dict[str, Any]:
    """The models in memory, and the versions that could not be loaded (the ones before them still answer).

    Whoever may not read all models is told the status only.
    """
    if not caller(request).may(Permission.READ):
        return {"status": "ready"}
    runtime: Runtime = request.app.state.runtime
    return {
        "status": "ready",
        "revision": runtime.plan.revision,
        "models": len(runtime.plan.models),
        "default": runtime.plan.default,
        "loaded": sorted(f"{slot.model}:{slot.version}" for slot in runtime.loaded()),
        "failed": runtime.failures,
        "walls": await asyncio.to_thread(_walls, request.app.state.allow_python),
    }


def _walls(allow_python: AllowPython) -> dict[str, Any]:
    """Which walls stand around Python engines: by name, or why there are none."""
    if allow_python is False or allow_python == "unconfined":
        return {"python": "unconfined" if allow_python else "not allowed"}
    from garcom.model.walls.check import walls

    found = walls()
    return {
        "python": "confined" if found.confines else "refused",
        "standing": {wall.name: wall.stands for wall in found.walls},
        "attempts_stopped": sum(attempt.stopped for attempt in found.attempts),
        "attempts": len(found.attempts),
    } | ({"says": found.says} if found.says else {})


@router.get("/metrics", summary="Metrics for Prometheus, over all workers", response_class=Response)
async def metrics(request: Request) -> Response:
    """Text format 0.0.4."""
    exposition: Exposition = request.app.state.exposition
    return Response(exposition.text(), media_type=MEDIA_TYPE)
