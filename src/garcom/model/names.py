"""The one rule for the names of models and datasets, which stand in addresses, file names and commands."""

from __future__ import annotations

import re
import unicodedata

from garcom.errors import InputError

LENGTH_LIMIT = 100

_RULE = re.compile(rf"[a-z0-9][a-z0-9_.-]{{0,{LENGTH_LIMIT - 1}}}")


def check_name(name: str, what: str = "a model") -> str:
    """The name, if ``what`` may have it: 1 to 100 of ``a-z 0-9 _ . -``, a letter or digit first.

    Otherwise raises :class:`~garcom.errors.InputError`, which suggests the nearest name that is.
    """
    if _RULE.fullmatch(name):
        return name
    near = suggest_name(name)
    hint = f" {near!r} would do." if near else ""
    raise InputError(
        f"Expected the name of {what}: up to {LENGTH_LIMIT} lower-case letters (a-z), digits, '_', '.' and '-', "
        f"with a letter or digit first. Got {name!r}.{hint}"
    )


def split_reference(text: str) -> tuple[str, int | None]:
    """The name, whatever it is, and the number in ``wine`` or ``wine:2``; InputError for ``wine:`` and ``wine:x``."""
    name, colon, number = text.partition(":")
    if not colon:
        return name, None
    if not re.fullmatch(r"[1-9][0-9]{0,8}", number):
        raise InputError(f"Expected a version number after the colon, as in {name or 'wine'}:2, got {text!r}.")
    return name, int(number)


def suggest_name(text: str) -> str:
    """The nearest allowed name, ``""`` where nothing is left: ``Previsão de Preços`` gives ``previsao-de-precos``."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9_.]+", "-", plain).lstrip("-_.")[:LENGTH_LIMIT].rstrip("-")
