"""What every detector of change has in common."""

from __future__ import annotations

from typing import Protocol

import msgspec

from garcom.records import FloatArray


class Change(msgspec.Struct, frozen=True):
    """A change as its detector estimates it: the last ``n_after`` values are thought to come after it.

    ``before`` and ``after`` are the means of the values on both sides; ``before`` is None where all come after it.
    """

    n_before: int
    before: float | None
    n_after: int
    after: float


class Detector(Protocol):
    """A detector: a mutable struct, all of whose state msgspec can encode and decode.

    ``n`` are the values taken so far, ``last`` is the last change that was seen. After a change the next value begins
    anew: nothing else that came before is kept.
    """

    n: int
    last: Change | None

    def update(self, x: float) -> bool:
        """Take a value; whether a change was seen at it. A value that is not finite is left out."""
        ...


def changes(detector: Detector, values: FloatArray) -> list[tuple[int, Change]]:
    """Take the values ``[n]`` in turn: the positions of those at which a change was seen, and the changes.

    >>> import numpy as np
    >>> from garcom.stats.change.adwin import Adwin
    >>> changes(Adwin(), np.repeat([0.0, 1.0], [320, 64]))
    [(351, Change(n_before=296, before=0.0, n_after=56, after=0.5714285714285714))]
    """
    found: list[tuple[int, Change]] = []
    for at, x in enumerate(values.tolist()):
        if detector.update(x) and detector.last is not None:
            found.append((at, detector.last))
    return found
