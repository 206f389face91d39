"""What a person opens in a browser: the start page and the documentation of the API."""

from __future__ import annotations

import asyncio
from html import escape
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, JSONResponse

from garcom.http.caller import caller
from garcom.http.catalogue import Summary, catalogue
from garcom.http.languages import reader_language
from garcom.http.meanings import MEANINGS, Saying
from garcom.http.page_frame import page, visitor_of
from garcom.http.page_words import PAGE_WORDS, PageWords
from garcom.http.problems import STATUSES

router = APIRouter(include_in_schema=False)

_DOCS_HEAD = (
    '<link rel="stylesheet" href="/static/swagger/swagger-ui.css"><link rel="stylesheet" href="/static/docs.css">'
)
_DOCS_BODY = (
    '<div id="docs" lang="en"></div><script src="/static/swagger/swagger-ui-bundle.js"></script>'
    '<script src="/static/docs.js"></script>'
)

_FIRST_MODEL = """\
<pre>garcom pack model.pkl --name wine --data wine.csv --target quality
garcom register wine-….bundle</pre>"""


@router.get("/docs")
async def docs(request: Request) -> HTMLResponse:
    """Swagger UI over this server's document."""
    language = reader_language(request)
    return page(PAGE_WORDS[language].api, _DOCS_BODY, visitor_of(request), head=_DOCS_HEAD, language=language)


@router.get("/openapi.json")
async def openapi(request: Request) -> JSONResponse:
    """The OpenAPI document, with every model's own operations."""
    known = catalogue(request)
    base: dict[str, Any] = request.app.openapi()
    return await asyncio.to_thread(lambda: JSONResponse(known.openapi(base)))


@router.get("/docs/problems")
async def problems(request: Request) -> HTMLResponse:
    """What the ``type`` of each problem means; problems point here."""
    language = reader_language(request)
    words = PAGE_WORDS[language]
    rows = "".join(_problem_row(slug, status, MEANINGS[slug].said(language)) for slug, status in _problem_kinds())
    body = f"<h1>{words.problems}</h1><p>{words.every_error}</p>{_table(words.problem_columns, rows, 'wide texts')}"
    return page(words.problems, f'<main class="page">{body}</main>', visitor_of(request), language=language)


@router.get("/")
async def start(request: Request) -> HTMLResponse:
    """The models with their addresses, or how to get the first one in."""
    known = catalogue(request)
    language = reader_language(request)
    words = PAGE_WORDS[language]
    models = await asyncio.to_thread(known.models)
    body = f"<h1>{words.models}</h1>"
    if models:
        rows = "".join(_model_row(model, words) for model in models)
        base = str(request.base_url).rstrip("/")
        body += _try_it(models, base, words, asks=caller(request).kind != "anybody") + _table(words.columns, rows)
    else:
        body += f"<p>{words.no_model}</p>{_FIRST_MODEL}<p>{words.soon}</p>"
    return page(words.models, f'<main class="page">{body}</main>', visitor_of(request), language=language)


def _problem_kinds() -> list[tuple[str, str]]:
    """Slug and status of each kind; a method that a path does not have is the router's own."""
    return [(slug, f"{status.value} {status.phrase}") for _, status, slug in STATUSES] + [
        ("method-not-allowed", "405 Method Not Allowed")
    ]


def _problem_row(slug: str, status: str, said: Saying) -> str:
    cells = (f"<code>{slug}</code>", status, *map(escape, said))
    return f'<tr id="{slug}">{"".join(f"<td>{cell}</td>" for cell in cells)}</tr>'


def _model_row(model: Summary, words: PageWords) -> str:
    name = escape(model["model"])
    paths = [model["predict"], *model["routes"], *(["/predict"] if model["default"] else [])]
    cells = (
        f"<strong>{name}</strong>{f' <span class=mark>{words.default}</span>' if model['default'] else ''}",
        words.nothing if model["answers"] is None else f"{words.version} {model['answers']}",
        escape(words.tasks.get(model["task"] or "", model["task"] or "")),
        "<br>".join(f"<code>POST {escape(path)}</code>" for path in paths),
        f'<a href="v1/models/{name}">{words.details}</a> <a href="v1/models/{name}/example">{words.example}</a>',
    )
    return f"<tr>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>"


def _try_it(models: list[Summary], base: str, words: PageWords, *, asks: bool) -> str:
    """Lines for a terminal; ``asks`` says that the server wants to know who asks."""
    answering = [model for model in models if model["answers"] is not None]
    if not answering:
        return f"<p>{words.none_answers}</p>"
    first = next((model for model in answering if model["default"]), answering[0])
    address = f"{base}/v1/models/{first['model']}"
    key = " -H 'Authorization: Bearer gk_…'" if asks else ""
    line = (
        f"curl -s {address}/example{key} |\n  curl -s {address}/predict{key} \\\n"
        "    -H 'Content-Type: application/json' --data-binary @-"
    )
    return f'<p><a class="button" href="docs">{words.documentation}</a></p><pre>{escape(line)}</pre>'


def _table(columns: tuple[str, ...], rows: str, look: str = "wide") -> str:
    head = "".join(f"<th>{column}</th>" for column in columns)
    return f'<div class="{look}"><table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>'
