"""On its way out: use ``Undrained(lake).view()`` of garcom.lake.undrained, which has the same ``scan``."""

from __future__ import annotations

from garcom.lake.tables import Lake
from garcom.lake.undrained import Undrained, View


def served(lake: Lake) -> View:
    """The predictions as they are now."""
    return Undrained(lake).view()
