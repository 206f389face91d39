"""Whether the server lives, whether it can answer, and what it has counted."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request, Response

from garcom.access.roles import Permission
from garcom.http.caller import caller
from garcom.http.metrics import MEDIA_TYPE, Exposition
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
    }


@router.get("/metrics", summary="Metrics for Prometheus, over all workers", response_class=Response)
async def metrics(request: Request) -> Response:
    """Text format 0.0.4."""
    exposition: Exposition = request.app.state.exposition
    return Response(exposition.text(), media_type=MEDIA_TYPE)
