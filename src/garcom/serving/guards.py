"""Warnings for rows that fit the signature but lie outside what the model was trained on."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np

from garcom.model.signature import Field, FieldType, Signature
from garcom.records import Batch
from garcom.serving.rows import moment


class Warned(msgspec.Struct, frozen=True):
    """One warning of an answer. It names the field and the limit, never the value that came."""

    field: str
    code: str
    message: str


class Guards:
    """Finds the values of a batch that lie outside the ranges and categories of a signature."""

    def __init__(self, signature: Signature) -> None:
        self._numbers = signature.number_fields
        # Infinite limits for fields without a range, so that one comparison serves the whole matrix.
        self._low = np.array([-np.inf if f.minimum is None else f.minimum for f in self._numbers])
        self._high = np.array([np.inf if f.maximum is None else f.maximum for f in self._numbers])
        self._watches_numbers = bool(np.isfinite(self._low).any() or np.isfinite(self._high).any())
        self._categories = [
            (column, field, frozenset(field.categories))
            for column, field in enumerate(signature.text_fields)
            if field.categories
        ]

    def find(self, batch: Batch) -> dict[int, list[Warned]]:
        """The warnings by row; rows without any are left out. Missing values are never warned of."""
        found: dict[int, list[Warned]] = {}
        if self._watches_numbers:
            # NaN compares false with everything, so a missing value is inside every range.
            outside = (batch.numbers < self._low) | (batch.numbers > self._high)
            if outside.any():
                self._add_ranges(found, batch, outside)
        for column, field, known in self._categories:
            for row, value in enumerate(batch.texts[:, column]):
                if value is not None and value not in known:
                    message = f"not among the {len(known)} categories seen in training"
                    found.setdefault(row, []).append(Warned(field.name, "unseen_category", message))
        return found

    def _add_ranges(self, found: dict[int, list[Warned]], batch: Batch, outside: Any) -> None:
        for row, column in np.argwhere(outside).tolist():
            field = self._numbers[column]
            if batch.numbers[row, column] < self._low[column]:
                warned = Warned(
                    field.name,
                    "below_range",
                    f"below the least value seen in training ({_shown(field, field.minimum)})",
                )
            else:
                warned = Warned(
                    field.name,
                    "above_range",
                    f"above the greatest value seen in training ({_shown(field, field.maximum)})",
                )
            found.setdefault(row, []).append(warned)


def _shown(field: Field, limit: float | None) -> str:
    if limit is None:
        return "none"
    if field.type is FieldType.DATETIME:
        return moment(limit).isoformat()
    unit = f" {field.unit}" if field.unit else ""
    return f"{limit:.6g}{unit}"
