"""What every page of this server looks like around its content."""

from __future__ import annotations

from html import escape
from typing import NamedTuple

from fastapi import Request
from fastapi.responses import HTMLResponse

from garcom.http.sessions import Sessions


class _Words(NamedTuple):
    models: str
    problems: str
    log_out: str


#: By the language's tag.
WORDS = {"en": _Words("Models", "Problems", "Log out"), "pt": _Words("Modelos", "Problemas", "Sair")}


class Visitor(NamedTuple):
    """Who looks at a page in a session, and what its forms and scripts send along."""

    name: str
    csrf_token: str


def page(title: str, body: str, visitor: Visitor | None = None, *, language: str, head: str = "") -> HTMLResponse:
    """A page: ``body`` and ``head`` are HTML, the rest is text. Scripts and styles are files, never in the page."""
    words = WORDS[language]
    token = "" if visitor is None else f'<meta name="csrf-token" content="{escape(visitor.csrf_token)}">'
    return HTMLResponse(
        f'<!doctype html><html lang="{language}"><head><meta charset="utf-8"><title>Garçom: {escape(title)}</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<link rel="icon" href="/static/garcom.svg" type="image/svg+xml">'
        f'<link rel="stylesheet" href="/static/pages.css">{token}{head}</head><body>'
        '<header><a class="name" href="/"><img src="/static/garcom.svg" alt="">Garçom</a><nav>'
        f'<a href="/">{words.models}</a><a href="/docs">API</a><a href="/docs/problems">{words.problems}</a></nav>'
        f"{_session(visitor, words)}</header>"
        f"{body}</body></html>",
        headers={"vary": "Accept-Language, Cookie"},
    )


def visitor_of(request: Request) -> Visitor | None:
    """Who looks at a page; None without a session."""
    token: str = getattr(request.state, "session", "")
    sessions: Sessions = request.app.state.sessions
    return Visitor(request.state.principal.name, sessions.csrf(token)) if token else None


def _session(visitor: Visitor | None, words: _Words) -> str:
    if visitor is None:
        return ""
    return (
        f'<form class="session" method="post" action="/logout"><span>{escape(visitor.name)}</span>'
        f'<input type="hidden" name="csrf_token" value="{escape(visitor.csrf_token)}">'
        f"<button>{words.log_out}</button></form>"
    )
