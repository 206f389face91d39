"""What each route asks of its caller: one table, and what it does not name is refused."""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from starlette.convertors import Convertor
from starlette.routing import compile_path

from garcom.access.roles import Permission
from garcom.http.rules import KNOWN, PREDICT, PUBLIC, Reach, Rule


def _model(permission: Permission) -> Rule:
    return Rule(Reach.MODEL, permission)


def _some(permission: Permission) -> Rule:
    return Rule(Reach.SOME, permission)


def _all(permission: Permission) -> Rule:
    return Rule(Reach.ALL, permission)


_DESCRIBE, _READ = Permission.DESCRIBE, Permission.READ
_ADMINISTER = _all(Permission.ADMINISTER)
_PREDICT = {"POST": PREDICT}

#: By path template and method. HEAD is as GET. A model's own paths and ``/predict`` ask for what
#: ``/v1/models/{model}/predict`` asks for the model that answers there.
POLICY: dict[str, dict[str, Rule]] = {
    "/healthz": {"GET": PUBLIC},
    "/readyz": {"GET": PUBLIC},
    "/metrics": {"GET": _all(_READ)},
    "/": {"GET": _some(_DESCRIBE)},
    "/login": {"GET": PUBLIC, "POST": PUBLIC},
    "/login/provider": {"GET": PUBLIC},
    "/login/provider/arrive": {"GET": PUBLIC},
    "/logout": {"POST": PUBLIC},
    "/docs": {"GET": _some(_DESCRIBE)},
    "/docs/problems": {"GET": PUBLIC},
    "/openapi.json": {"GET": _some(_DESCRIBE)},
    "/static/{path:path}": {"GET": PUBLIC},
    "/example": {"GET": _some(_DESCRIBE)},
    "/predict": _PREDICT,
    "/v1/models": {"GET": _some(_DESCRIBE)},
    "/v1/models/{model}": {"GET": _model(_DESCRIBE)},
    "/v1/models/{model}/example": {"GET": _model(_DESCRIBE)},
    "/v1/models/{model}/predict": _PREDICT,
    "/v1/models/{model}/answers": {"PUT": _model(Permission.PROMOTE)},
    "/v1/models/{model}/versions": {"POST": _model(Permission.REGISTER)},
    "/v1/models/{model}/versions/{version}": {"GET": _model(_DESCRIBE)},
    "/v1/models/{model}/versions/{version}/predict": _PREDICT,
    "/v1/models/{model}/predictions": {"GET": _model(_READ)},
    "/v1/models/{model}/log": {"POST": _model(Permission.SEND_ACTUALS)},
    "/v1/models/{model}/actuals": {"POST": _model(Permission.SEND_ACTUALS)},
    "/v1/models/{model}/actuals/maturity": {"GET": _model(_READ)},
    "/v1/models/{model}/drift": {"GET": _model(_READ)},
    "/v1/models/{model}/quality": {"GET": _model(_READ)},
    "/v1/models/{model}/performance": {"GET": _model(_READ)},
    "/v1/predictions/{id}": {"GET": _some(_READ)},
    # What is listed is of the models that the caller may read; what is changed, of those that it may promote.
    "/v1/alerts": {"GET": _some(_READ)},
    "/v1/alerts/rules": {"GET": _some(_READ), "POST": _some(Permission.PROMOTE)},
    "/v1/alerts/rules/{rule}": {"PUT": _some(Permission.PROMOTE), "DELETE": _some(Permission.PROMOTE)},
    "/v1/alerts/rules/{rule}/models/{model}": {"PUT": _model(Permission.PROMOTE)},
    "/v1/alerts/silences": {"GET": _some(_READ), "POST": _some(Permission.PROMOTE)},
    "/v1/alerts/silences/{id}": {"DELETE": _some(Permission.PROMOTE)},
    "/v1/alerts/messages": {"GET": _some(_READ)},
    "/v1/alerts/messages/{id}/retry": {"POST": _some(Permission.PROMOTE)},
    "/v1/alerts/{id}/acknowledge": {"POST": _some(Permission.PROMOTE)},
    "/v1/audit": {"GET": _ADMINISTER},
    "/v1/me": {"GET": KNOWN},
    "/v1/users": {"GET": _ADMINISTER, "POST": _ADMINISTER},
    "/v1/users/{name}": {"GET": _ADMINISTER, "PATCH": _ADMINISTER, "DELETE": _ADMINISTER},
    "/v1/users/{name}/grants": {"POST": _ADMINISTER},
    "/v1/users/{name}/grants/{grant}": {"DELETE": _ADMINISTER},
    "/v1/api-keys": {"GET": _ADMINISTER, "POST": _ADMINISTER},
    "/v1/api-keys/{prefix}": {"DELETE": _ADMINISTER},
    # Whoever asks for a token is not known yet, and who has one may end it.
    "/v1/token": {"POST": PUBLIC},
    "/v1/token/revoke": {"POST": PUBLIC},
    "/.well-known/jwks.json": {"GET": PUBLIC},
}

_MODEL = "model"


class Asked(NamedTuple):
    """What is asked by a request: its rule (None: the path has no such method), and the model that the path names."""

    rule: Rule | None
    model: str | None


class Policy:
    """The table, ready to be asked; patterns are those of the router itself, so that both read a path alike."""

    def __init__(self, table: dict[str, dict[str, Rule]] = POLICY) -> None:
        self._patterns = [(*_compiled(template), methods) for template, methods in table.items()]

    def methods(self, path: str) -> tuple[str, ...]:
        """The methods of a path, in alphabetical order; none for a path that the table does not know."""
        for pattern, _, methods in self._patterns:
            if pattern.fullmatch(path) is not None:
                return tuple(sorted({*methods, *(("HEAD",) if "GET" in methods else ())}))
        return ()

    def find(self, method: str, path: str) -> Asked | None:
        """What a request asks; None for a path that the table does not know."""
        for pattern, convertors, methods in self._patterns:
            found = pattern.fullmatch(path)
            if found is not None:
                model = found[_MODEL] if _MODEL in convertors else None
                return Asked(methods.get("GET" if method == "HEAD" else method), model)
        return None


def _compiled(template: str) -> tuple[re.Pattern[str], dict[str, Convertor[Any]]]:
    pattern, _, convertors = compile_path(template)
    return pattern, convertors
