"""Splits of trees on sets of categories, as columns of 0 and 1 that an ordinary threshold divides."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from garcom.model.lowering.builder import Builder, Table
from garcom.model.lowering.encoding import Slots


class CategoricalSplits:
    """Collects the splits of an ensemble, each a column: 0 for the categories that go left, 1 for the others.

    The numeric features stand first in the matrix that the trees read, then these columns. ``categorical``
    says which of the model's features hold categories.
    """

    #: What divides the columns.
    threshold = 0.5

    def __init__(self, categorical: Sequence[bool]) -> None:
        numeric = [feature for feature, chosen in enumerate(categorical) if not chosen]
        self._numeric = {feature: position for position, feature in enumerate(numeric)}
        self._places = {feature: place for place, feature in enumerate(np.flatnonzero(categorical).tolist())}
        self._known: dict[tuple[int, bytes], int] = {}
        self._sides: list[list[np.ndarray]] = [[] for _ in self._places]

    def numeric(self, feature: int) -> int:
        """The matrix column of a numeric feature."""
        return self._numeric[feature]

    def add(self, feature: int, goes_left: Sequence[bool]) -> int:
        """A split on ``feature``: ``goes_left`` per slot of the feature. Gives a key for :meth:`column`."""
        place, sides = self._places[feature], 1.0 - np.asarray(goes_left, dtype=np.float64)
        key = (place, sides.tobytes())
        if key not in self._known:
            self._known[key] = len(self._sides[place])
            self._sides[place].append(sides)
        return self._known[key]

    def column(self, feature: int, key: int) -> int:
        """The matrix column of a split, once all splits were added."""
        place = self._places[feature]
        return len(self._numeric) + sum(len(sides) for sides in self._sides[:place]) + key

    def emit(self, b: Builder, table: Table, slots: Slots) -> int:
        """The matrix that the trees read: ``slots`` are those of the categorical columns, in order."""
        tables: dict[str, Any] = {
            f"table{place}": np.stack(sides, axis=1) if sides else np.zeros((slots.sizes[place] + 1, 0))
            for place, sides in enumerate(self._sides)
        }
        sides = b.emit("category_sides", slots.value, first=slots.first, **tables)
        numeric = tuple(table[feature] for feature in self._numeric)
        return b.emit("join", b.matrix(numeric), sides) if numeric else sides
