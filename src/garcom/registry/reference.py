"""References such as ``wine`` and ``wine:2``, and the search for what they name."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import Connection

from garcom.errors import ModelNotFound, VersionNotFound
from garcom.model.names import check_name, split_reference
from garcom.storage.models import ModelRow, find_model, list_models
from garcom.storage.versions import VersionRow, find_version, list_versions

#: The most versions that a message names.
_SHOWN = 10


class Reference(NamedTuple):
    """A model, or one version of it."""

    model: str
    number: int | None = None


def parse_reference(text: str) -> Reference:
    """Read ``wine`` or ``wine:2``; raises :class:`~garcom.errors.InputError` for anything else."""
    name, number = split_reference(text)
    return Reference(check_name(name), number)


def require_model(connection: Connection, name: str) -> ModelRow:
    """The model of this name; raises :class:`~garcom.errors.ModelNotFound` with near names."""
    found = find_model(connection, name)
    if found is not None:
        return found
    known = [row.name for row in list_models(connection)]
    if not known:
        raise ModelNotFound(f"No model is registered yet, so none is named {name!r}. Run `garcom register BUNDLE`.")
    near = difflib.get_close_matches(name, known, n=3)
    hint = f"Did you mean {_either(near)}?" if near else "`garcom models` lists those there are."
    raise ModelNotFound(f"No model is named {name!r}. {hint}")


def require_version(connection: Connection, model: ModelRow, number: int) -> VersionRow:
    """The model's version; raises :class:`~garcom.errors.VersionNotFound` with the numbers there are."""
    found = find_version(connection, model.id, number)
    if found is not None:
        return found
    known = [row.number for row in list_versions(connection, model.id)]
    raise VersionNotFound(f"Model {model.name!r} has no version {number}. It has {listed_versions(model.name, known)}.")


def listed_versions(model: str, numbers: Sequence[int]) -> str:
    """``wine:1, wine:2``: the versions of these numbers, or the newest ten where there are more."""
    shown = ", ".join(f"{model}:{number}" for number in numbers[-_SHOWN:])
    return f"{shown} (the newest {_SHOWN})" if len(numbers) > _SHOWN else shown


def _either(names: list[str]) -> str:
    return " or ".join(repr(name) for name in names)
