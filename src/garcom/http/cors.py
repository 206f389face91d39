"""Pages of other origins, where the settings name them: the Fetch standard's CORS protocol, without cookies.

Such a page may ask with an ``Authorization`` header of its own; the cookie of a session never counts for it.
"""

from __future__ import annotations

from collections.abc import Iterable

from garcom.http.asgi import Asgi, Scope, Send
from garcom.http.bodies import Receive

_METHODS = b"GET, POST, PUT, PATCH, DELETE"
_REQUEST_HEADERS = (
    b"authorization, content-type, garcom-key-field, garcom-subject, garcom-subject-field, idempotency-key, "
    b"if-none-match, x-api-key, x-request-id"
)
_ANSWER_HEADERS = (
    b"etag, garcom-model, garcom-version, idempotent-replayed, location, ratelimit-limit, ratelimit-remaining, "
    b"ratelimit-reset, retry-after, x-request-id"
)
#: How long a browser may remember what it was allowed.
_MAX_AGE_S = b"600"

Headers = list[tuple[bytes, bytes]]


class Cors:
    """Stands around the whole application, so that predictions too can be asked from these origins."""

    def __init__(self, app: Asgi, origins: Iterable[str]) -> None:
        self._app = app
        self._origins = frozenset(origin.encode() for origin in origins)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one ASGI connection; what a browser asks beforehand is answered here, without authentication."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = dict(scope["headers"])
        told = self._told(headers.get(b"origin", b""))
        if scope["method"] == "OPTIONS" and b"access-control-request-method" in headers:
            await _preflight(told, send)
            return

        async def send_with_headers(message: Scope) -> None:
            if message["type"] == "http.response.start":
                kept = [(name, value) for name, value in message["headers"] if name != _RESOURCE_POLICY or not told]
                message = {**message, "headers": [*kept, *told, _VARY]}
            await send(message)

        await self._app(scope, receive, send_with_headers)

    def _told(self, origin: bytes) -> Headers:
        """What an origin is told of an answer; nothing where it is not listed, so that its page gets no answer."""
        if origin not in self._origins:
            return []
        return [(b"access-control-allow-origin", origin), (b"access-control-expose-headers", _ANSWER_HEADERS)]


_VARY = (b"vary", b"Origin")
#: Says that no other site may read the answer, which is not so for a listed one.
_RESOURCE_POLICY = b"cross-origin-resource-policy"


async def _preflight(told: Headers, send: Send) -> None:
    headers = [_VARY, (b"cache-control", b"no-store"), *told[:1]]
    if told:
        headers += [
            (b"access-control-allow-methods", _METHODS),
            (b"access-control-allow-headers", _REQUEST_HEADERS),
            (b"access-control-max-age", _MAX_AGE_S),
        ]
    await send({"type": "http.response.start", "status": 204, "headers": headers})
    await send({"type": "http.response.body", "body": b""})
