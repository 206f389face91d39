"""Rows of predictions, with what was observed, as the records that the API tells."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
import polars as pl

from garcom.lake.records import Actual, LoggedPrediction, Observation


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
