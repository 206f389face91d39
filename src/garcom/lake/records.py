"""What the lake answers, as records that need none of its libraries: the client and the API have them too."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec


class Observation(msgspec.Struct, frozen=True, kw_only=True):
    """One observation of what really happened. ``value`` is a label, a number, or an object of targets."""

    value: Any
    observed_at: datetime
    received_at: datetime


class Actual(Observation, frozen=True, kw_only=True):
    """The observation that counts: the latest. ``history`` has the others, the latest of them first."""

    history: tuple[Observation, ...] = ()


class LoggedPrediction(msgspec.Struct, frozen=True, kw_only=True):
    """A prediction that was served. ``subject`` is a pseudonym; personal fields of ``input`` are disguised."""

    id: str
    model: str
    version: int
    role: str
    time: datetime
    input: dict[str, Any]
    prediction: Any
    probabilities: dict[str, float] | None = None
    score: float | None = None
    warnings: tuple[Any, ...] = ()
    latency_ms: float | None = None
    request_id: str | None = None
    key: str | None = None
    subject: str | None = None
    actual: Actual | None = None


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """Predictions, the newest first; ``next`` is the cursor of the page after this one, None on the last."""

    model: str
    predictions: list[LoggedPrediction]
    next: str | None = None


class Logged(msgspec.Struct, frozen=True, kw_only=True):
    """Predictions made elsewhere that were written: how many, and their ids in the order of the rows."""

    model: str
    rows: int
    ids: tuple[str, ...]


class Added(msgspec.Struct, frozen=True, kw_only=True):
    """What became of the rows of one call.

    ``accepted`` were written down, of which ``corrected`` replace another actual; ``unchanged`` were there already.
    ``unknown`` name no prediction of the model that is known by now: they are kept, and found when it comes.
    ``first_unknown`` has the ids and keys of some. ``unseen_labels`` have a label that the model never answers.
    """

    rows: int
    accepted: int
    corrected: int
    unchanged: int
    unknown: int
    first_unknown: tuple[str, ...] = ()
    unseen_labels: int = 0


class Maturity(msgspec.Struct, frozen=True, kw_only=True):
    """Predictions of one class of age, and how many have their actual; ``share`` is None where there are none."""

    age: str
    predictions: int
    with_actual: int
    share: float | None


class LabelMaturity(msgspec.Struct, frozen=True, kw_only=True):
    """The share of a model's predictions that have their actual by now, by their age, the youngest first."""

    model: str
    ages: tuple[Maturity, ...]
