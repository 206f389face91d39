"""The rule for a model's own routes, such as ``/prever_precos``."""

from __future__ import annotations

import re

from garcom.errors import InputError

LENGTH_LIMIT = 200

#: First segments that are Garçom's own, now or in a version to come.
RESERVED = frozenset(
    {
        "",
        "api",
        "console",
        "docs",
        "example",
        "healthz",
        "metrics",
        "mlflow",
        "openapi.json",
        "predict",
        "ready",
        "readyz",
        "redoc",
        "static",
        "v1",
        "v2",
    }
)

# \w: the letters and digits of every script, so that /prever_preços can be one too.
_RULE = re.compile(r"(/[\w.~-]+)+")


def check_route(path: str) -> str:
    """The path, if a model may have it; raises :class:`~garcom.errors.InputError` otherwise.

    It starts with ``/``, has segments of letters, digits and ``_ . ~ -``, and does not start with a segment
    that Garçom uses itself.
    """
    first = path.strip("/").partition("/")[0]
    if not _RULE.fullmatch(path) or {".", ".."} & set(path.split("/")) or len(path) > LENGTH_LIMIT:
        raise InputError(
            f"Expected a path such as /prever_precos: '/' and then letters, digits, '_', '.', '~' or '-', at "
            f"most {LENGTH_LIMIT} characters, without a '/' at the end. Got {path!r}."
        )
    if first in RESERVED:
        raise InputError(f"Garçom uses /{first} itself, so {path} cannot be a model's route. Choose another path.")
    return path
