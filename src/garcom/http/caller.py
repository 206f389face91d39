"""Who asks: what the gate has found out about a request of the control application."""

from __future__ import annotations

from starlette.requests import Request

from garcom.access.principals import Principal
from garcom.addresses import Proxies


def caller(request: Request) -> Principal:
    """The principal that the gate let through."""
    found: Principal = request.state.principal
    return found


def address(request: Request) -> str:
    """Where the request came from, without the port; empty where that is not known."""
    proxies: Proxies = request.app.state.proxies
    return proxies.origin(request.client.host if request.client else "", request.headers.getlist("x-forwarded-for"))


def asker(request: Request) -> dict[str, str]:
    """Whom the audit trail shall name, as the fields of a :class:`~garcom.controller.messages.Change`."""
    return {"by": str(caller(request)), "address": address(request)}
