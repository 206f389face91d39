"""The known values of categorical columns, as models keep them and as signatures write them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from garcom.errors import UnsupportedModel


def pandas_values(values: Iterable[Any]) -> tuple[str | int, ...]:
    """The values of a pandas category as a signature writes them: all texts, or all integers; missing ones left out.

    Raises :class:`~garcom.errors.UnsupportedModel` for other values, such as decimals or truth values.
    """
    plain, _, _ = present(values)
    if all(isinstance(value, str) for value in plain):
        return tuple(plain)
    if all(isinstance(value, int | float) and not isinstance(value, bool) and value % 1 == 0 for value in plain):
        return tuple(int(value) for value in plain)
    raise UnsupportedModel(
        f"Expected a category of texts or of whole numbers, got the values {plain[:5]}. Train with "
        "`.astype(str).astype('category')` on that column."
    )


def present(values: Iterable[Any]) -> tuple[list[Any], bool, bool]:
    """The values that are there as plain Python, whether one is missing, and whether that one is None."""
    plain = [value.item() if isinstance(value, np.generic) else value for value in values]
    there = [value for value in plain if value is not None and value == value]
    return there, len(there) < len(plain), any(value is None for value in plain)


def whole_values(values: tuple[str | int, ...], seen: Iterable[str]) -> tuple[str | int, ...]:
    """The values with those that XGBoost cut off replaced by the text seen in the data that begins so.

    XGBoost 3 keeps as many bytes of a category as it has characters, so ``"ção"`` comes back as its first three
    bytes (decoded with ``surrogateescape``).
    """
    by_start = {text.encode()[: len(text)].decode("utf-8", "surrogateescape"): text for text in sorted(seen)}
    return tuple(by_start.get(value, value) if isinstance(value, str) else value for value in values)
