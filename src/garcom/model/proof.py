"""The proof that a bundle's engines answer what the original model answers, as stored in ``proof.json``."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

import msgspec

from garcom.model.engines.base import EngineKind

#: won: in the bundle. proved: equal, but another engine is faster. failed: built, but its answers differ.
#: not convertible: the model cannot be written in this form. stopped: it might be, but was not waited for, as another
#: engine was proved already, or was given no time.
Status = Literal["won", "proved", "failed", "not convertible", "stopped"]

#: The batch sizes at which engines are timed.
TIMED_ROWS = (1, 32, 1024)

NOT_ON_REAL_ROWS = "not proved on real rows"
SERVED_ELSEWHERE = "served elsewhere: there is no engine here, so nothing was compared"


class CandidateReport(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one candidate engine.

    ``flips`` are rows with another label; ``largest_difference`` is the largest absolute difference of a
    probability, value or score on any judged row (``None`` where nothing was compared, or where NaN stands
    against a number). ``timings_us`` maps the number of rows of a call to its median duration.
    """

    name: str
    kind: EngineKind
    status: Status
    reason: str = ""
    flips: int = 0
    largest_difference: float | None = None
    timings_us: dict[str, float] = {}

    @property
    def compared(self) -> bool:
        """Whether there was an engine, so that its answers were compared."""
        return self.status in ("won", "proved", "failed")


def merged_reasons(reports: Iterable[CandidateReport]) -> list[str]:
    """Why engines were not taken, as ``name, name: reason``: each reason once."""
    names: dict[str, list[str]] = {}
    for report in reports:
        if report.reason:
            names.setdefault(report.reason, []).append(report.name)
    return [f"{', '.join(which)}: {reason}" for reason, which in names.items()]


class Proof(msgspec.Struct, frozen=True, kw_only=True):
    """What was compared, with what result.

    ``real_rows`` come from the data given to ``pack``, ``placed_rows`` were placed on both sides of the
    model's jumps, at missing values and at known and unknown categories. ``unstable_rows`` are those on which
    the original disagrees with itself when asked alone; they are counted, not judged.
    """

    real_rows: int
    placed_rows: int
    unstable_rows: int
    tolerance: str
    candidates: tuple[CandidateReport, ...]
    libraries: dict[str, str]

    @property
    def on_real_rows(self) -> bool:
        """Whether any real row was compared."""
        return self.real_rows > 0

    @property
    def winners(self) -> tuple[CandidateReport, ...]:
        """The engines that the bundle carries."""
        return tuple(report for report in self.candidates if report.status == "won")

    def sentence(self) -> str:
        """One line for people: what was compared, and whether on real rows."""
        if not self.candidates:
            return SERVED_ELSEWHERE
        if not self.on_real_rows:
            return (
                f"{NOT_ON_REAL_ROWS}: equal to the original on {self.placed_rows:,} rows placed at the model's own "
                "thresholds. Pack again with --data to prove it on real rows."
            )
        return (
            f"equal to the original on {self.real_rows:,} real rows and {self.placed_rows:,} rows placed at the "
            "model's thresholds"
        )
