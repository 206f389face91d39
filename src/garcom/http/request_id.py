"""A request id on every request of the control application: the caller's, if it is fit to be logged, or a new one."""

from __future__ import annotations

import logging
from typing import Any

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from garcom.http.edge import REQUEST_ID
from garcom.ids import uuid7s

logger = logging.getLogger("garcom.http")


class RequestIds:
    """Puts the id into ``request.state.request_id`` and into the ``X-Request-ID`` header of the answer.

    With ``access_log``, each request gets a line in the log.
    """

    def __init__(self, app: ASGIApp, access_log: bool = False) -> None:
        self._app = app
        self._access_log = access_log

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one ASGI connection."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        given = Headers(scope=scope).get("x-request-id", "")
        request_id = given if REQUEST_ID.fullmatch(given.encode("latin-1")) else uuid7s(1)[0]
        scope.setdefault("state", {})["request_id"] = request_id

        async def send_with_id(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message)["x-request-id"] = request_id
                if self._access_log:
                    logger.info("request", extra=_line(scope, message["status"], request_id))
            await send(message)

        await self._app(scope, receive, send_with_id)


def _line(scope: Scope, status: int, request_id: str) -> dict[str, Any]:
    return {"method": scope["method"], "path": scope["path"][:200], "status": status, "request_id": request_id}
