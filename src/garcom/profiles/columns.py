"""The columns that a profile knows."""

from __future__ import annotations

from typing import Literal

import msgspec

from garcom.profiles.grid import Grid

#: What the numbers of a column are: its values, the lengths of its texts, or moments in microseconds since 1970 (UTC).
Of = Literal["value", "length", "moment"]
Role = Literal["feature", "prediction", "truth"]


class NumberColumn(msgspec.Struct, frozen=True, kw_only=True, tag="number"):
    """A column of numbers, or of what is told by numbers."""

    name: str
    role: Role = "feature"
    grid: Grid
    of: Of = "value"
    #: The range of the reference rows; None where they have no number.
    least: float | None = None
    greatest: float | None = None


class CategoryColumn(msgspec.Struct, frozen=True, kw_only=True, tag="category"):
    """A column of few texts: those of the reference rows, and perhaps more that the model knows."""

    name: str
    role: Role = "feature"
    values: tuple[str, ...]


Column = NumberColumn | CategoryColumn
