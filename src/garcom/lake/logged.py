"""One prediction as the API tells it afterwards: what came, what was answered, and what really happened."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec
import polars as pl


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


class _Answer(msgspec.Struct):
    """The column ``output``."""

    prediction: Any = None
    probabilities: dict[str, float] | None = None
    score: float | None = None
    warnings: tuple[Any, ...] = ()


_answer = msgspec.json.Decoder(_Answer).decode
_input = msgspec.json.Decoder(dict[str, Any]).decode


def logged(rows: pl.DataFrame, observed: pl.DataFrame) -> list[LoggedPrediction]:
    """The rows of predictions as records, with their observations, which are in the order of ``truth.ORDER``."""
    observations: dict[str, list[Observation]] = {}
    for id, value, observed_at, received_at in observed.select(
        "id", "actual", "observed_at", "received_at"
    ).iter_rows():
        told = Observation(value=msgspec.json.decode(value), observed_at=observed_at, received_at=received_at)
        observations.setdefault(id, []).append(told)
    return [_record(row, observations.get(row["id"], [])) for row in rows.iter_rows(named=True)]


def _record(row: dict[str, Any], observations: Sequence[Observation]) -> LoggedPrediction:
    answer = _answer(row["output"])
    return LoggedPrediction(
        **{name: row[name] for name in ("id", "model", "version", "role", "time", "request_id", "key", "subject")},
        input=_input(row["input"]),
        prediction=answer.prediction,
        probabilities=answer.probabilities,
        score=answer.score,
        warnings=answer.warnings,
        latency_ms=None if row["latency_us"] is None else row["latency_us"] / 1000,
        actual=_actual(observations),
    )


def _actual(observations: Sequence[Observation]) -> Actual | None:
    if not observations:
        return None
    *others, last = observations
    return Actual(**msgspec.structs.asdict(last), history=tuple(reversed(others)))
