"""The columns that a profile knows."""

from __future__ import annotations

from typing import Literal

import msgspec

from garcom.profiles.grid import Grid

Role = Literal["feature", "prediction", "truth"]


class NumberColumn(msgspec.Struct, frozen=True, kw_only=True, tag="number"):
    """A column of numbers. With ``of="length"`` the numbers are the lengths of its texts."""

    name: str
    role: Role = "feature"
    grid: Grid
    of: Literal["value", "length"] = "value"
    #: The range of the reference rows; None where they have no number.
    least: float | None = None
    greatest: float | None = None


class CategoryColumn(msgspec.Struct, frozen=True, kw_only=True, tag="category"):
    """A column of few texts: those of the reference rows, and perhaps more that the model knows."""

    name: str
    role: Role = "feature"
    values: tuple[str, ...]


Column = NumberColumn | CategoryColumn
