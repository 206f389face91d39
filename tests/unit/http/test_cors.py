from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest
from starlette.responses import PlainTextResponse

from garcom.http.cors import Cors
from garcom.http.security_headers import SecurityHeaders

APP = "https://app.example.com"
_PREFLIGHT = {"access-control-request-method": "POST", "access-control-request-headers": "authorization"}


async def _refusing(scope: Any, receive: Any, send: Any) -> None:
    await PlainTextResponse("no", 401)(scope, receive, send)


def _ask(method: str, headers: dict[str, str], *origins: str) -> httpx.Response:
    async def ask() -> httpx.Response:
        transport = httpx.ASGITransport(Cors(SecurityHeaders(_refusing), origins))
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            return await client.request(method, "/v1/models/wine/predict", headers=headers)

    return asyncio.run(ask())


def test_a_listed_origin_may_read_answers() -> None:
    answer = _ask("POST", {"origin": APP}, APP, "http://localhost:3000")
    assert answer.status_code == 401
    assert answer.headers["access-control-allow-origin"] == APP
    assert "x-request-id" in answer.headers["access-control-expose-headers"]
    assert answer.headers["vary"] == "Origin"
    assert "cross-origin-resource-policy" not in answer.headers


@pytest.mark.parametrize(
    "origin",
    [
        "https://evil.example",
        "null",
        "http://app.example.com",
        f"{APP}:443",
        f"{APP}.evil.example",
        APP.upper(),
        "*",
        "",
    ],
)
def test_no_other_may(origin: str) -> None:
    for method, headers in (("POST", {}), ("OPTIONS", _PREFLIGHT)):
        answer = _ask(method, {"origin": origin, **headers}, APP)
        assert not [name for name in answer.headers if name.startswith("access-control-")]
        assert answer.headers["vary"] == "Origin"  # a cache must not give this to a listed one
    assert _ask("POST", {"origin": origin}, APP).headers["cross-origin-resource-policy"] == "same-origin"


def test_a_browser_that_asks_beforehand_needs_no_credential() -> None:
    answer = _ask("OPTIONS", {"origin": APP, **_PREFLIGHT}, APP)
    assert (answer.status_code, answer.content) == (204, b"")
    assert answer.headers["access-control-allow-origin"] == APP
    assert "POST" in answer.headers["access-control-allow-methods"]
    assert {"authorization", "content-type", "idempotency-key"} <= set(
        answer.headers["access-control-allow-headers"].split(", ")
    )


def test_cookies_never_count() -> None:
    for method, headers in (("POST", {}), ("OPTIONS", _PREFLIGHT)):
        assert "access-control-allow-credentials" not in _ask(method, {"origin": APP, **headers}, APP).headers


def test_an_options_that_is_none_of_a_browser_goes_on() -> None:
    assert _ask("OPTIONS", {"origin": APP}, APP).status_code == 401
