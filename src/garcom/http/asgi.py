"""The application as a raw ASGI callable: predictions first, everything else to the control application.

A prediction is matched, read, answered and sent here without passing any framework; the control application
(FastAPI) is imported in the background after the first model is ready, because a request for a prediction must
not wait for it.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any

from garcom.errors import BodyTooLarge, MalformedBody, ModelNotFound, NotFound, Overloaded, UnsupportedMediaType
from garcom.http.edge import Edge, Header, Reply
from garcom.serving.dataplane import DataPlane
from garcom.serving.runtime import Route, no_model

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Asgi = Callable[[Scope, Receive, Send], Awaitable[None]]


_PREDICT_PATH = re.compile(r"/v1/models/[^/]+(/versions/[^/]+)?/predict")


class Disconnected(Exception):
    """The client went away before its request was whole."""


class Application:
    """One worker's application.

    ``control`` gives the ASGI application for every path that is no prediction; ``startup`` and ``shutdown``
    run with the server's lifespan.
    """

    def __init__(
        self,
        plane: DataPlane,
        edge: Edge,
        control: Callable[[], Awaitable[Asgi]],
        startup: Callable[[], Awaitable[None]],
        shutdown: Callable[[], Awaitable[None]],
        *,
        max_body_bytes: int,
        max_buffered_bytes: int,
        body_timeout_s: float,
    ) -> None:
        self._plane = plane
        self._edge = edge
        self._control = control
        self._startup = startup
        self._shutdown = shutdown
        self._max_body_bytes = max_body_bytes
        self._max_buffered_bytes = max_buffered_bytes
        self._body_timeout_s = body_timeout_s
        self._buffered_bytes = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one ASGI connection."""
        if scope["type"] == "http":
            path = scope["path"]
            route = self._plane.runtime.routes.get(path)
            if route is not None or path.endswith("/predict"):
                if scope["method"] == "POST":
                    await self._predict(route, scope, receive, send)
                    return
                if route is not None or path == "/predict" or _PREDICT_PATH.fullmatch(path):
                    await self._send(self._edge.refuse_method(scope), send)
                    return
            if scope["method"] == "HEAD":
                # The server sends no body for it; the headers are those of GET (RFC 9110 §9.3.2).
                scope = {**scope, "method": "GET"}
            control = await self._control()
            await control(scope, receive, send)
        elif scope["type"] == "lifespan":
            await self._lifespan(receive, send)

    async def _predict(self, route: Route | None, scope: Scope, receive: Receive, send: Send) -> None:
        headers = scope["headers"]
        content_type, request_id = self._edge.read_headers(headers)
        body = b""
        try:
            route = route or self._find(scope["path"])
            self._refuse_by_head(headers)
            body = await self._body(receive)
            reply = self._edge.reply(route, await self._plane.predict(route, body, content_type), request_id)
        except Disconnected:
            return
        except Exception as error:  # noqa: BLE001 - the process boundary: every request gets an answer
            reply = self._edge.refuse(route, error, request_id)
            if any(name == b"expect" for name, _ in headers):
                # Whether the body still comes is for the client to decide, so where the next request begins is unknown.
                reply.headers.append((b"connection", b"close"))
        finally:
            # Decoding happens in a thread that may be busy: the body is held until it is answered.
            self._buffered_bytes -= len(body)
        await self._send(reply, send)

    @staticmethod
    async def _send(reply: Reply, send: Send) -> None:
        await send({"type": "http.response.start", "status": reply.status, "headers": reply.headers})
        await send({"type": "http.response.body", "body": reply.body})

    def _find(self, path: str) -> Route:
        """The route of a path that is not prepared, or the error that says why there is none."""
        runtime = self._plane.runtime
        route = runtime.route(path)
        if route is not None:
            return route
        if path != "/predict":
            raise NotFound(f"Expected a path of this API, got {path[:200]!r}. /docs lists them.")
        if len(runtime.plan.models) > 1:
            raise ModelNotFound(
                "Several models are registered and none is the default. Ask /v1/models/{model}/predict, or mark one "
                "with `garcom use MODEL --default`."
            )
        raise ModelNotFound(no_model("", runtime.plan.models))

    def _refuse_by_head(self, headers: Iterable[Header]) -> None:
        """Refuse what the head already tells is too long or packed, before any of it is read."""
        for name, value in headers:
            if name == b"content-length" and value.isdigit() and int(value) > self._max_body_bytes:
                raise self._too_large()
            if name == b"content-encoding" and value.lower() not in (b"", b"identity"):
                raise UnsupportedMediaType(
                    f"Expected a body that is not packed, got Content-Encoding {value.decode('latin-1')[:50]!r}. "
                    "Send it as it is."
                )

    async def _body(self, receive: Receive) -> bytes:
        """The whole body, however many pieces it comes in; its length is counted as held until the caller is done."""
        parts: list[bytes] = []
        held = 0
        whole = False
        try:
            async with asyncio.timeout(self._body_timeout_s):
                while True:
                    message = await receive()
                    if message["type"] == "http.disconnect":
                        raise Disconnected
                    part = message.get("body", b"")
                    parts.append(part)
                    held += len(part)
                    self._buffered_bytes += len(part)
                    if held > self._max_body_bytes:
                        raise self._too_large()
                    if self._buffered_bytes > self._max_buffered_bytes:
                        raise Overloaded("The server holds as many request bodies as it may. Try again shortly.")
                    if not message.get("more_body"):
                        whole = True
                        return b"".join(parts)
        except TimeoutError:
            raise MalformedBody(
                f"Expected the whole body within {self._body_timeout_s:g} s, got {held:,} bytes of it."
            ) from None
        finally:
            if not whole:
                self._buffered_bytes -= held

    def _too_large(self) -> BodyTooLarge:
        return BodyTooLarge(
            f"Expected a body of at most {self._max_body_bytes:,} bytes, got a longer one. Send it in parts."
        )

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                await self._startup()
                await send({"type": "lifespan.startup.complete"})
            elif message["type"] == "lifespan.shutdown":
                await self._shutdown()
                await send({"type": "lifespan.shutdown.complete"})
                return
