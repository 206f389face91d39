"""What is registered, and what each model takes and answers."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
from fastapi import APIRouter, Request, Response

from garcom.http.catalogue import Card, Summary, VersionCard, catalogue
from garcom.http.json_schemas import json_answer
from garcom.http.parameters import ModelName, VersionNumber

router = APIRouter(tags=["models"])


def _json(value: Any) -> Response:
    # msgspec writes the records as they are, NaN as null.
    return Response(msgspec.json.encode(value), media_type="application/json")


@router.get(
    "/v1/models", summary="The models", response_model=None, responses={200: json_answer("By name.", list[Summary])}
)
async def list_models(request: Request) -> Response:
    """Every registered model, by name, with the version that answers."""
    # A thousand bundles take a while to read the first time; predictions must not wait for it.
    return _json(await asyncio.to_thread(catalogue(request).models))


@router.get(
    "/v1/models/{model}",
    summary="One model with its versions",
    response_model=None,
    responses={200: json_answer("The model.", Card)},
)
async def show_model(request: Request, model: ModelName) -> Response:
    """Signature, engines, proof, metrics and lineage of each version."""
    return _json(await asyncio.to_thread(catalogue(request).model, model))


@router.get(
    "/v1/models/{model}/versions/{version}",
    summary="One version",
    response_model=None,
    responses={200: json_answer("The version.", VersionCard)},
)
async def show_version(request: Request, model: ModelName, version: VersionNumber) -> Response:
    """Signature, engines, proof, metrics and lineage."""
    return _json(catalogue(request).version(model, version))


@router.get("/v1/models/{model}/example", summary="A record that the model takes", response_model=dict[str, Any])
async def show_example(request: Request, model: ModelName) -> Response:
    """Send it to ``/v1/models/{model}/predict``."""
    return _json(catalogue(request).example(model))


@router.get("/example", summary="A record that the default model takes", response_model=dict[str, Any])
async def show_default_example(request: Request) -> Response:
    """Send it to ``/predict``."""
    known = catalogue(request)
    return _json(known.example(known.default()))
