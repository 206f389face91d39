"""Who a client says that it is."""

from __future__ import annotations

import os
from collections.abc import Mapping

from garcom.errors import InputError

#: Where a key is looked for that was not given.
VARIABLE = "GARCOM_API_KEY"


def with_key(
    headers: Mapping[str, str], api_key: str | None, environment: Mapping[str, str] = os.environ
) -> dict[str, str]:
    """The headers with the key as ``Authorization: Bearer``; one of their own comes first.

    ``None`` is the key in ``GARCOM_API_KEY``, where there is one, and ``""`` is none. Raises
    :class:`~garcom.errors.InputError` for what cannot be a key, without repeating it.
    """
    key = environment.get(VARIABLE, "") if api_key is None else api_key
    if not key or any(name.lower() == "authorization" for name in headers):
        return dict(headers)
    if not (key.isascii() and key.isprintable() and " " not in key):
        raise InputError("Expected an API key or a token: visible ASCII characters without spaces, got something else.")
    return {**headers, "authorization": f"Bearer {key}"}
