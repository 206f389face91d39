"""The gate of the control application: what the policy does not permit never reaches a route."""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from urllib.parse import quote, urlencode

from starlette.datastructures import Headers
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from garcom.access.limits import Pass
from garcom.access.principals import NOBODY, Principal
from garcom.errors import GarcomError, RateLimited, Unauthenticated
from garcom.http.admission import REFUSAL_PAUSE_S, Admission, of_connection
from garcom.http.edge import Edge
from garcom.http.gate import no_path
from garcom.http.policy import Policy
from garcom.http.problem_response import response_of
from garcom.http.rules import PUBLIC


class Gatekeeper:
    """Puts the caller into ``request.state.principal``, or answers the problem that says why it may not pass.

    What limits the caller is ``request.state.passed`` then, for routes that take rows; nothing where nothing does.

    It stands inside :class:`~garcom.http.request_id.RequestIds`. A method that a path of the policy does not have goes
    on to the router, which answers 405, as soon as it is known who asks.
    """

    def __init__(self, app: ASGIApp, admission: Admission) -> None:
        self._app = app
        self._admission = admission
        self._policy = Policy()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one ASGI connection."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        passed: Pass | None = None
        try:
            credential = Edge.read_headers(scope["headers"]).credential
            model = await self._admission.knowing(credential, lambda: self._pass(scope))
            passed = await self._admission.let_in(scope["state"]["principal"], model, scope["headers"])
        except GarcomError as error:
            if isinstance(error, RateLimited):
                await asyncio.sleep(REFUSAL_PAUSE_S)
            answer = _to_login(scope, error) or response_of(error, scope["state"]["request_id"])
            await answer(scope, receive, send)
            return
        if passed is None:
            await self._app(scope, receive, send)
            return
        scope["state"]["passed"] = passed
        try:
            await self._app(scope, _measured(passed, receive), _telling(passed, send))
        finally:
            passed.release()

    def _pass(self, scope: Scope) -> str | None:
        """Let the request pass, or raise; gives the model that its path names."""
        self._admission.check(scope["headers"])
        asked = self._policy.find(scope["method"], scope["path"])
        principal = self._identify(scope, is_public=asked is not None and asked.rule == PUBLIC)
        self._admission.gate.permit(principal, *(asked or (None, None)))
        if asked is None:
            raise no_path(scope["path"])
        scope["state"]["principal"] = principal
        return asked.model

    def _identify(self, scope: Scope, *, is_public: bool) -> Principal:
        gate, headers = self._admission.gate, scope["headers"]
        credential = Edge.read_headers(headers).credential or of_connection(scope)
        try:
            # What is for everybody does nothing in the name of a session, so it needs no token against forgery.
            caller = gate.caller("GET" if is_public else scope["method"], headers, credential)
        except Unauthenticated:
            if is_public:  # such as the one that takes a password, and credentials that are not the gate's
                return NOBODY
            raise
        if not credential and caller.kind in ("user", "external"):
            scope["state"]["session"] = gate.sessions.token(headers)
        return caller


def _to_login(scope: Scope, error: GarcomError) -> Response | None:
    """Where a person without a session is sent who opens a page; None for whoever asks for anything else."""
    headers = Headers(scope=scope)
    is_page = scope["method"] in ("GET", "HEAD") and "text/html" in headers.get("accept", "")
    if not (isinstance(error, Unauthenticated) and is_page) or Edge.read_headers(scope["headers"]).credential:
        return None
    path, query = quote(scope["path"]), scope["query_string"].decode("latin-1")
    wanted = f"{path}?{query}" if query else path
    return RedirectResponse(f"/login?{urlencode({'next': wanted})}", HTTPStatus.SEE_OTHER)


def _measured(passed: Pass, receive: Receive) -> Receive:
    """Takes no longer body than the caller may send, whatever length it has declared."""
    n_bytes = 0

    async def receive_measured() -> Message:
        nonlocal n_bytes
        message = await receive()
        n_bytes += len(message.get("body", b""))
        passed.check_body(n_bytes)
        return message

    return receive_measured


def _telling(passed: Pass, send: Send) -> Send:
    """Sends the answer with the fields that tell what is left of the caller's limits."""

    async def send_with_limits(message: Message) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": [*message["headers"], *passed.headers]}
        await send(message)

    return send_with_limits
