"""The application as a raw ASGI callable: predictions first, everything else to the control application.

A prediction is matched, read, answered and sent here without passing any framework; the control application
(FastAPI) is imported in the background after the first model is ready, because a request for a prediction must
not wait for it.
"""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Awaitable, Callable, MutableMapping
from typing import TYPE_CHECKING, Any

from garcom.access.limits import Pass
from garcom.errors import GarcomError, ModelNotFound, RateLimited
from garcom.http.admission import PREDICT_PATH, REFUSAL_PAUSE_S, Admission
from garcom.http.bodies import Bodies, Body, Disconnected, Receive
from garcom.http.edge import PRIVATE, Edge, Reply
from garcom.http.gate import no_path
from garcom.serving.dataplane import DataPlane
from garcom.serving.runtime import Route, no_model

if TYPE_CHECKING:
    from garcom.http.repeats import Repeats

Scope = MutableMapping[str, Any]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Asgi = Callable[[Scope, Receive, Send], Awaitable[None]]


class Application:
    """One worker's application.

    ``control`` gives the ASGI application for every path that is no prediction, ``repeats`` serves requests with an
    Idempotency-Key; ``startup`` and ``shutdown`` run with the server's lifespan.
    """

    def __init__(
        self,
        plane: DataPlane,
        edge: Edge,
        admission: Admission,
        control: Callable[[], Awaitable[Asgi]],
        startup: Callable[[], Awaitable[None]],
        shutdown: Callable[[], Awaitable[None]],
        bodies: Bodies,
        repeats: Callable[[], Repeats],
    ) -> None:
        self._plane = plane
        self._edge = edge
        self._admission = admission
        self._control = control
        self._startup = startup
        self._shutdown = shutdown
        self._bodies = bodies
        self._repeats = repeats

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one ASGI connection."""
        if scope["type"] == "http":
            if scope["method"] == "HEAD":
                # The headers are those of GET (RFC 9110 §9.3.2); over HTTP/2 not every server leaves the body out.
                scope, send = {**scope, "method": "GET"}, _without_body(send)
            path = scope["path"]
            route = self._plane.runtime.routes.get(path)
            if route is not None or path.endswith("/predict"):
                if scope["method"] == "POST":
                    await self._predict(route, scope, receive, send)
                    return
                if route is not None or path == "/predict" or PREDICT_PATH.fullmatch(path):
                    await self._send(self._refuse_method(route, scope), send)
                    return
            control = await self._control()
            await control(scope, receive, send)
        elif scope["type"] == "lifespan":
            await self._lifespan(receive, send)

    async def _predict(self, route: Route | None, scope: Scope, receive: Receive, send: Send) -> None:
        headers = scope["headers"]
        head = self._edge.read_headers(headers)
        body = Body(self._bodies, receive)
        passed: Pass | None = None
        try:
            find = functools.partial(self._admission.to_predict, scope, head.credential, route, self._find)
            admitted = await self._admission.knowing(head.credential, find)
            caller, route = admitted
            passed = await self._admission.let_in(caller, route.slot.model, headers)
            self._bodies.check_head(headers)
            origin = self._edge.origin(route, head)
            content = await body.read()
            if passed is not None:
                passed.check_body(len(content))
            if origin.key is None:
                served = await self._plane.predict(route, content, head.content_type, origin, head.names, passed)
            else:
                served = await self._repeats().serve(route, head, origin, content, passed)
            reply = self._edge.reply(route, served, head.request_id, () if passed is None else passed.headers)
        except Disconnected:
            return
        except Exception as error:  # noqa: BLE001 - the process boundary: every request gets an answer
            reply = self._edge.refuse(route, error, head.request_id)
            if isinstance(error, RateLimited):
                await asyncio.sleep(REFUSAL_PAUSE_S)
            # Who was told to wait for a 100 decides alone whether the body still comes.
            expects = any(name == b"expect" for name, _ in headers)
            if not body.ended and (expects or not await body.discard()):
                reply.headers.append((b"connection", b"close"))
        finally:
            # Decoding happens in a thread that may be busy: the body is held until it is answered.
            body.release()
            if passed is not None:
                passed.release()
        await self._send(reply, send)

    def _refuse_method(self, route: Route | None, scope: Scope) -> Reply:
        """What is said of a method that predicting does not take, to whoever might predict there."""
        head = self._edge.read_headers(scope["headers"])
        try:
            self._admission.to_predict(scope, head.credential, route, self._find)
        except GarcomError as error:
            return self._edge.refuse(None, error, head.request_id)
        return self._edge.refuse_method(scope["method"], scope["path"], head.request_id)

    @staticmethod
    async def _send(reply: Reply, send: Send) -> None:
        await send({"type": "http.response.start", "status": reply.status, "headers": [*reply.headers, *PRIVATE]})
        await send({"type": "http.response.body", "body": reply.body})

    def _find(self, path: str) -> Route:
        """The route of a path that is not prepared, or the error that says why there is none."""
        runtime = self._plane.runtime
        route = runtime.route(path)
        if route is not None:
            return route
        if path != "/predict":
            raise no_path(path)
        if len(runtime.plan.models) > 1:
            raise ModelNotFound(
                "Several models are registered and none is the default. Ask /v1/models/{model}/predict, or mark one "
                "with `garcom use MODEL --default`."
            )
        raise ModelNotFound(no_model("", runtime.plan.models))

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


def _without_body(send: Send) -> Send:
    async def send_head(message: MutableMapping[str, Any]) -> None:
        await send({**message, "body": b""} if message["type"] == "http.response.body" else message)

    return send_head
