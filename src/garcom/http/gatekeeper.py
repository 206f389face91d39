"""The gate of the control application: what the policy does not permit never reaches a route."""

from __future__ import annotations

from collections.abc import Iterable

from starlette.types import ASGIApp, Receive, Scope, Send

from garcom.access.principals import NOBODY, Principal
from garcom.errors import GarcomError, Unauthenticated
from garcom.http.edge import Edge, Header
from garcom.http.gate import Gate, no_path
from garcom.http.policy import Policy
from garcom.http.problem_response import response_of
from garcom.http.rules import PUBLIC


class Gatekeeper:
    """Puts the caller into ``request.state.principal``, or answers the problem that says why it may not pass.

    It stands inside :class:`~garcom.http.request_id.RequestIds`. A method that a path of the policy does not have goes
    on to the router, which answers 405, as soon as it is known who asks.
    """

    def __init__(self, app: ASGIApp, gate: Gate) -> None:
        self._app = app
        self._gate = gate
        self._policy = Policy()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one ASGI connection."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        try:
            self._pass(scope)
        except GarcomError as error:
            await response_of(error, scope["state"]["request_id"])(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    def _pass(self, scope: Scope) -> None:
        asked = self._policy.find(scope["method"], scope["path"])
        principal = self._identify(scope["headers"], is_public=asked is not None and asked.rule == PUBLIC)
        self._gate.permit(principal, *(asked or (None, None)))
        if asked is None:
            raise no_path(scope["path"])
        scope["state"]["principal"] = principal

    def _identify(self, headers: Iterable[Header], *, is_public: bool) -> Principal:
        try:
            return self._gate.identify(Edge.read_headers(headers).credential)
        except Unauthenticated:
            if is_public:  # such as the one that takes a password, and credentials that are not the gate's
                return NOBODY
            raise
