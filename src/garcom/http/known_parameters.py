"""Query parameters that a route does not have: one that is left alone would answer another question than was asked."""

from __future__ import annotations

from collections.abc import Iterator

from fastapi import Request
from fastapi.dependencies.models import Dependant

from garcom.errors import InputError
from garcom.suggestions import near

_MAX_TOLD = 100


async def refuse_unknown(request: Request) -> None:
    """Raise InputError for a query parameter that the route does not have, or that comes twice where it has one value.

    For the routes of the API alone: pages, and what OAuth sends, may come with more.
    """
    if not request.query_params:
        return
    known = dict(_parameters(request.scope["route"].dependant))
    names = [name for name, _ in request.query_params.multi_items()]
    for name in names:
        told = repr(name[:_MAX_TOLD])
        if not known:
            raise InputError(f"Expected no query parameter, got {told}.")
        if name not in known:
            listed = ", ".join(known)
            raise InputError(f"Expected no query parameters but {listed}, got {told}.{near(name, known)}")
        if names.count(name) > 1 and not known[name]:
            raise InputError(f"Expected the query parameter {told} once, got it {names.count(name)} times.")


def _parameters(dependant: Dependant) -> Iterator[tuple[str, bool]]:
    """The query parameters of a route, as they are written, and whether each may come several times."""
    for field in dependant.query_params:
        annotation = str(field.field_info.annotation)
        yield field.alias, "list" in annotation or "tuple" in annotation
    for part in dependant.dependencies:
        yield from _parameters(part)
