"""What a person opens in a browser: the start page and the documentation of the API."""

from __future__ import annotations

import asyncio
from html import escape
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, JSONResponse

from garcom.http.caller import caller
from garcom.http.catalogue import Summary, catalogue
from garcom.http.meanings import MEANINGS
from garcom.http.page_frame import page, visitor_of
from garcom.http.problems import STATUSES

router = APIRouter(include_in_schema=False)

_DOCS_HEAD = (
    '<link rel="stylesheet" href="/static/swagger/swagger-ui.css"><link rel="stylesheet" href="/static/docs.css">'
)
_DOCS_BODY = (
    '<div id="docs"></div><script src="/static/swagger/swagger-ui-bundle.js"></script>'
    '<script src="/static/docs.js"></script>'
)

_FIRST_MODEL = """\
<p>No model is registered yet. Get one in:</p>
<pre>garcom pack model.pkl --name wine --data wine.csv --target quality
garcom register wine-….bundle</pre>
<p>It answers within a second, without a restart.</p>"""


@router.get("/docs")
async def docs(request: Request) -> HTMLResponse:
    """Swagger UI over this server's document."""
    return page("the API of this server", _DOCS_BODY, visitor_of(request), head=_DOCS_HEAD)


@router.get("/openapi.json")
async def openapi(request: Request) -> JSONResponse:
    """The OpenAPI document, with every model's own operations."""
    known = catalogue(request)
    base: dict[str, Any] = request.app.openapi()
    return await asyncio.to_thread(lambda: JSONResponse(known.openapi(base)))


@router.get("/docs/problems")
async def problems(request: Request) -> HTMLResponse:
    """What the ``type`` of each problem means; problems point here."""
    body = (
        "<h1>Problems</h1><p>Every error is <code>application/problem+json</code>: <code>detail</code> says what was "
        "expected, what came and what to do; <code>errors</code> says where.</p>"
        + _table(("Type", "Status", "When", "What to do"), "".join(map(_problem_row, _problem_kinds())))
    )
    return page("Problems", f'<main class="page">{body}</main>', visitor_of(request))


@router.get("/")
async def start(request: Request) -> HTMLResponse:
    """The models with their addresses, or how to get the first one in."""
    known = catalogue(request)
    models = await asyncio.to_thread(known.models)
    body = "<h1>Models</h1>"
    if models:
        rows = "".join(map(_model_row, models))
        body += _try_it(models, str(request.base_url).rstrip("/"), asks=caller(request).kind != "anybody")
        body += _table(("Model", "Answers", "Task", "Ask it at", ""), rows)
    else:
        body += _FIRST_MODEL
    return page("Models", f'<main class="page">{body}</main>', visitor_of(request))


def _problem_kinds() -> list[tuple[str, str]]:
    """Slug and status of each kind; a method that a path does not have is the router's own."""
    return [(slug, f"{status.value} {status.phrase}") for _, status, slug in STATUSES] + [
        ("method-not-allowed", "405 Method Not Allowed")
    ]


def _problem_row(kind: tuple[str, str]) -> str:
    slug, status = kind
    cells = (f"<code>{slug}</code>", status, *map(escape, MEANINGS[slug]))
    return f'<tr id="{slug}">{"".join(f"<td>{cell}</td>" for cell in cells)}</tr>'


def _model_row(model: Summary) -> str:
    name = escape(model["model"])
    paths = [model["predict"], *model["routes"], *(["/predict"] if model["default"] else [])]
    cells = (
        f"<strong>{name}</strong>{' <span class=mark>default</span>' if model['default'] else ''}",
        "nothing" if model["answers"] is None else f"version {model['answers']}",
        escape(model["task"] or ""),
        "<br>".join(f"<code>POST {escape(path)}</code>" for path in paths),
        f'<a href="v1/models/{name}">details</a> <a href="v1/models/{name}/example">example</a>',
    )
    return f"<tr>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>"


def _try_it(models: list[Summary], base: str, *, asks: bool) -> str:
    """Lines for a terminal; ``asks`` says that the server wants to know who asks."""
    answering = [model for model in models if model["answers"] is not None]
    if not answering:
        return "<p>No version answers. Choose one with <code>garcom use MODEL:N</code>.</p>"
    first = next((model for model in answering if model["default"]), answering[0])
    address = f"{base}/v1/models/{first['model']}"
    key = " -H 'Authorization: Bearer gk_…'" if asks else ""
    line = (
        f"curl -s {address}/example{key} |\n  curl -s {address}/predict{key} \\\n"
        "    -H 'Content-Type: application/json' --data-binary @-"
    )
    return f'<p><a class="button" href="docs">Documentation of the API</a></p><pre>{escape(line)}</pre>'


def _table(columns: tuple[str, ...], rows: str) -> str:
    head = "".join(f"<th>{column}</th>" for column in columns)
    return f'<div class="wide"><table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>'
