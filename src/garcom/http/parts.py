"""What the application behind a request works with; the composition root has put it into ``app.state``."""

from __future__ import annotations

from starlette.requests import Request

from garcom.controller.asking import Controller
from garcom.http.bodies import Bodies


def controller(request: Request) -> Controller:
    """The controller of this node."""
    found: Controller = request.app.state.controller
    return found


def bodies(request: Request) -> Bodies:
    """What bounds the bodies that this worker holds."""
    found: Bodies = request.app.state.bodies
    return found
