"""What a replay tells. The JSON of these records is stable: fields are added, never renamed."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

import msgspec

from garcom.model.signature import Task

#: Why a logged row was not replayed.
Reason = Literal["disguised", "missing field", "unknown field", "null", "wrong value", "no answer", "other answer"]

#: With fewer rows than this a share says little; its interval says how little.
FEW_ROWS = 30


class Share(msgspec.Struct, frozen=True, kw_only=True):
    """``count`` of ``rows``; ``low`` and ``high`` are Wilson's 95 % interval. All null where there are no rows."""

    count: int
    rows: int
    share: float | None
    low: float | None
    high: float | None


class Refusal(msgspec.Struct, frozen=True, kw_only=True):
    """Rows that could not be replayed, for one reason. A row with several faults is counted in each of them.

    ``by`` is the version that could not take them, or ``log`` where what was written down does not suffice. ``field``
    is the input to blame, ``""`` where that is not known. ``detail`` tells of the first of the rows.
    """

    by: str
    reason: Reason
    field: str
    rows: int
    detail: str


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """Rows whose label was ``old`` and is ``new``; ``share`` is of all replayed rows."""

    old: str
    new: str
    rows: int
    share: float


class Histogram(msgspec.Struct, frozen=True, kw_only=True):
    """Counts between neighbouring edges, of which there is one more; the last bin includes its upper edge."""

    edges: tuple[float, ...]
    counts: tuple[int, ...]


class Distribution(msgspec.Struct, frozen=True, kw_only=True):
    """How numbers are spread. ``n`` leaves out those that are undefined (NaN, infinite, a division by 0).

    Quantiles and histogram are exact up to a million numbers; past it they are those of a million chosen at random
    (``sampled``). All but ``n`` are null, or empty, where there are no numbers.
    """

    n: int
    mean: float | None
    least: float | None
    greatest: float | None
    quantiles: dict[str, float]
    histogram: Histogram | None
    sampled: bool = False


class ValueDifferences(msgspec.Struct, frozen=True, kw_only=True):
    """One target of a regression, or the score of an outlier model.

    ``difference`` is new less old, ``relative`` the same divided by |old|; ``correlation`` is Pearson's, null where
    either does not vary.
    """

    name: str
    difference: Distribution
    relative: Distribution
    correlation: float | None


class Errors(msgspec.Struct, frozen=True, kw_only=True):
    """Mean absolute and root mean squared errors of both on the rows whose actual is known."""

    name: str
    rows: int
    old_mae: float
    new_mae: float
    old_rmse: float
    new_rmse: float


class Truth(msgspec.Struct, frozen=True, kw_only=True):
    """Both beside what really happened, on the ``rows`` of which it is known.

    For labels: the share that each has right; ``fixed`` were wrong and are right, ``broken`` the other way round.
    """

    rows: int
    old: Share | None = None
    new: Share | None = None
    fixed: int | None = None
    broken: int | None = None
    errors: tuple[Errors, ...] = ()


class Latency(msgspec.Struct, frozen=True, kw_only=True):
    """Microseconds per row: of the engine alone, in calls of so many rows, of which ``calls`` were timed.

    ``rows_per_call`` null: as ``calls`` predictions were served then, each with the time of its whole request.
    """

    of: str
    rows_per_call: int | None
    calls: int
    p50_us: float
    p99_us: float


class DifferentRow(msgspec.Struct, frozen=True, kw_only=True):
    """A prediction whose answers differ much. ``difference`` is the largest |Δ| of its probabilities or values.

    It is 1 for another label of a model without either, and null where one of two numbers is undefined.
    """

    id: str
    old: Any
    new: Any
    difference: float | None


class ReplayReport(msgspec.Struct, frozen=True, kw_only=True):
    """The candidate beside ``against``, a version or ``log``: what was answered then.

    ``rows`` were found, ``replayed`` were answered by both, ``refused`` were not. ``agreement`` counts rows with the
    same label, or, for regressions, with every value within ``tolerance`` (a share of the old value).
    ``most_different`` has the ids of at most 20 rows.
    """

    candidate: str
    against: str
    task: Task
    since: datetime | None
    until: datetime | None
    version: int | None
    made_at: datetime
    rows: int
    replayed: int
    refused: int
    too_few: bool
    tolerance: float | None
    agreement: Share
    refusals: tuple[Refusal, ...]
    changes: tuple[Change, ...]
    n_changes: int
    probabilities: Distribution | None
    values: tuple[ValueDifferences, ...]
    truth: Truth | None
    latency: tuple[Latency, ...]
    most_different: tuple[DifferentRow, ...]
