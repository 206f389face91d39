"""What stands before every answer: a name of this server, a caller who may ask it, and as much as it may ask."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, TypeVar

from garcom.access.limits import Limiter, Pass
from garcom.access.principals import Principal
from garcom.access.roles import Permission
from garcom.errors import ModelNotFound, Unauthenticated
from garcom.http.edge import Header
from garcom.http.gate import Gate, certificate_credential, no_path, unknown_model
from garcom.http.hosts import Hosts
from garcom.http.rules import KNOWN, PREDICT
from garcom.serving.runtime import Route
from garcom.tls.peer import CERTIFICATE_USER

#: How long whoever is over a limit waits for the refusal: a client that does not wait by itself would otherwise take as
#: much of the processor with its 429s as others with their answers.
REFUSAL_PAUSE_S = 0.1
#: Paths that name the model that predicts.
PREDICT_PATH = re.compile(r"/v1/models/(?P<model>[^/]+)(/versions/[^/]+)?/predict")

_Known = TypeVar("_Known")

#: Waits for changes of who may come in that this worker has not heard of, and says whether there were any.
CatchUp = Callable[[], Awaitable[bool]]


class Admission:
    """The hosts, the gate and the limits of one worker."""

    def __init__(self, hosts: Hosts, gate: Gate, limiter: Limiter, catch_up: CatchUp) -> None:
        self.hosts = hosts
        self.gate = gate
        self.limiter = limiter
        self._catch_up = catch_up

    def check(self, headers: Sequence[Header]) -> None:
        """Raise for a request to another name, or through a proxy to a server that lets everyone in."""
        self.hosts.check(headers)
        self.gate.refuse_proxies(headers)

    def quickly(self, host: bytes, credential: bytes, model: str) -> Principal | None:
        """A caller who may predict, if that is known without waiting; None for whoever has to be looked at closely."""
        if not self.limiter.is_quick or not self.hosts.allows(host):
            return None
        return self.gate.predictor(credential, model)

    def to_predict(
        self, scope: Mapping[str, Any], credential: bytes, route: Route | None, find: Callable[[str], Route]
    ) -> tuple[Principal, Route]:
        """Who asks, and the route that answers; raises why there is none, or no way to it.

        Whoever may not use a model cannot tell it, nor a path of its own, from one that does not exist.
        """
        headers, path = scope["headers"], scope["path"]
        self.check(headers)
        caller = self.gate.caller("POST", headers, credential or of_connection(scope))
        named = PREDICT_PATH.fullmatch(path)
        if named is not None:
            self.gate.permit(caller, PREDICT, named["model"])
        else:
            self.gate.permit(caller, KNOWN)
        sees_all = caller.models_with(Permission.DESCRIBE) is None
        try:
            route = route or find(path)
        except ModelNotFound as error:
            raise error if sees_all else unknown_model() from None
        if named is None and not (sees_all or path == "/predict" or caller.may(Permission.DESCRIBE, route.slot.model)):
            raise no_path(path)
        self.gate.permit(caller, PREDICT, route.slot.model)
        return caller, route

    async def knowing(self, credential: bytes, find: Callable[[], _Known]) -> _Known:
        """What ``find`` gives; where it knows nobody by the credential, what it gives when others are known."""
        try:
            return find()
        except Unauthenticated:
            if not (credential and await self._catch_up()):
                raise
        return find()

    async def let_in(self, principal: Principal, model: str | None, headers: Sequence[Header]) -> Pass | None:
        """Count a request whose body is still to come. Raises RateLimited, BodyTooLarge and Unavailable."""
        length = next((value for name, value in headers if name == b"content-length"), b"")
        return await self.limiter.admit_async(principal, model, int(length) if length.isdigit() else 0)


def of_connection(scope: Mapping[str, Any]) -> bytes:
    """What the connection of a request proves by itself: the client's certificate, where it has shown one."""
    return certificate_credential(scope.get("state", {}).get(CERTIFICATE_USER))
