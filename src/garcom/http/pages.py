"""What a person opens in a browser: the start page and the documentation of the API."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import FileResponse, HTMLResponse, JSONResponse

from garcom.http.catalogue import Catalogue
from garcom.http.problems import STATUSES

router = APIRouter(include_in_schema=False)

_STATIC = Path(__file__).parent / "static"


@router.get("/docs")
async def docs() -> FileResponse:
    """Swagger UI over this server's document."""
    return FileResponse(_STATIC / "docs.html", media_type="text/html")


@router.get("/openapi.json")
async def openapi(request: Request) -> JSONResponse:
    """The OpenAPI document, with every model's own operations."""
    catalogue: Catalogue = request.app.state.catalogue
    base: dict[str, Any] = request.app.openapi()
    return JSONResponse(catalogue.openapi(base))


@router.get("/docs/problems")
async def problems() -> HTMLResponse:
    """What the ``type`` of each problem means; problems point here."""
    rows = "".join(
        f'<tr id="{slug}"><td><code>{slug}</code></td><td>{status.value} {status.phrase}</td>'
        f"<td>{(kind.__doc__ or '').splitlines()[0]}</td></tr>"
        for kind, status, slug in STATUSES
    )
    return HTMLResponse(_page("Problems", f"<h1>Problems</h1><table>{rows}</table>"))


@router.get("/")
async def start(request: Request) -> HTMLResponse:
    """The models with their addresses, or how to get the first one in."""
    catalogue: Catalogue = request.app.state.catalogue
    models = catalogue.models()
    if models:
        rows = "".join(
            f"<tr><td><code>{found['model']}</code></td><td>version {found['answers'] or 'none'}</td>"
            f"<td>{found['task'] or ''}</td><td><code>POST {found['predict']}</code></td>"
            f'<td><a href="v1/models/{found["model"]}">details</a> · '
            f'<a href="v1/models/{found["model"]}/example">example</a></td></tr>'
            for found in models
        )
        body = f"<h1>Garçom</h1><table>{rows}</table><p><a href='docs'>Documentation of the API</a></p>"
    else:
        body = (
            "<h1>Garçom</h1><p>No model is registered yet. Get one in:</p>"
            "<pre>garcom pack model.pkl --name wine --data wine.csv --target quality\n"
            "garcom register wine-….bundle</pre><p>It answers within a second, without a restart.</p>"
        )
    return HTMLResponse(_page("Garçom", body))


def _page(title: str, body: str) -> str:
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        '<link rel="stylesheet" href="/static/pages.css">'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"></head><body>{body}</body></html>'
    )
