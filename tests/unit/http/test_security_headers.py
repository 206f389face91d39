from __future__ import annotations

import asyncio
import re

import httpx
import pytest
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send

from garcom.http.security_headers import SecurityHeaders


async def _application(scope: Scope, receive: Receive, send: Send) -> None:
    headers = {"x-frame-options": "ALLOWALL"} if scope["path"] == "/careless" else {}
    await PlainTextResponse("x", 404 if scope["path"] == "/absent" else 200, headers)(scope, receive, send)


def _headers(url: str, *, tls: bool = False) -> httpx.Headers:
    async def ask() -> httpx.Headers:
        transport = httpx.ASGITransport(SecurityHeaders(_application, tls=tls))
        async with httpx.AsyncClient(transport=transport) as client:
            return (await client.get(url)).headers

    return asyncio.run(ask())


@pytest.mark.parametrize("path", ["/", "/absent", "/careless", "/static/pages.css"])
def test_every_answer_has_them(path: str) -> None:
    headers = _headers(f"http://localhost{path}")
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cross-origin-opener-policy"] == headers["cross-origin-resource-policy"] == "same-origin"
    assert "camera=()" in headers["permissions-policy"]


def test_nothing_inline_and_nothing_from_elsewhere_may_run() -> None:
    policy = dict(re.findall(r"([a-z-]+) ([^;]+)(?:; |$)", _headers("http://localhost/")["content-security-policy"]))
    assert policy.pop("img-src") == "'self' data:"
    for source in ("default-src", "frame-ancestors", "base-uri"):
        assert policy.pop(source) == "'none'"
    assert policy
    assert set(policy.values()) == {"'self'"}


def test_only_what_is_the_same_for_everybody_is_kept() -> None:
    assert _headers("http://localhost/v1/models")["cache-control"] == "no-store"
    assert _headers("http://localhost/staticky")["cache-control"] == "no-store"
    assert "cache-control" not in _headers("http://localhost/static/pages.css")


def test_strict_transport_security_over_tls_only() -> None:
    assert "strict-transport-security" not in _headers("http://localhost/")  # RFC 6797 §7.2
    assert "max-age=" in _headers("https://localhost/")["strict-transport-security"]
    assert "max-age=" in _headers("http://localhost/", tls=True)["strict-transport-security"]
