"""A lake with what was served and what really happened, made for tests."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import polars as pl

from garcom.lake.actuals import Actuals
from garcom.lake.tables import Lake
from garcom.model.signature import Output
from garcom.monitoring.performance.report import performance
from garcom.monitoring.records import PerformanceReport, Scope
from garcom.observations import Observations, Observed
from garcom.records import FloatArray
from tests.unit.lake.rows import BEGAN, predictions

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
WINE = Output(task="classification", classes=("bom", "ruim"), probabilities=True)
PRICE = Output(task="regression", names=("price",))
Truth = Sequence[str | float | dict[str, float] | None]


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()


class Served:
    """A lake; ``serve`` and ``tell`` add to it, ``report`` asks it."""

    def __init__(self, folder: Path, output: Output) -> None:
        self.lake = Lake.open(folder)
        self.output = output

    def serve(
        self,
        answers: Truth,
        *,
        began: datetime = BEGAN,
        step: timedelta = timedelta(minutes=1),
        probabilities: FloatArray | None = None,
        inputs: Sequence[dict[str, Any]] | None = None,
        version: int = 1,
        role: str = "stable",
    ) -> list[str]:
        """Predictions, one each step; their ids."""
        told = []
        for i, answer in enumerate(answers):
            one: dict[str, Any] = {"prediction": answer}
            if probabilities is not None:
                one["probabilities"] = dict(zip(self.output.probability_names, probabilities[i].tolist(), strict=True))
            told.append(_json(one))
        columns: dict[str, Any] = {
            "label": pl.Series([each if isinstance(each, str) else None for each in answers], dtype=pl.String),
            "value": pl.Series([each if isinstance(each, float) else None for each in answers], dtype=pl.Float64),
            "output": pl.Series(told, dtype=pl.String),
            "role": pl.lit(role),
        }
        if inputs is not None:
            columns["input"] = pl.Series([_json(each) for each in inputs], dtype=pl.String)
        rows = predictions(len(answers), began=began, step=step, version=version).with_columns(**columns)
        self.lake.predictions.append(rows)
        return rows["id"].to_list()

    def tell(self, ids: Sequence[str], truth: Truth, at: datetime, observed_at: datetime | None = None) -> None:
        """What really happened, received at a moment; None is not told."""
        told = [
            Observed(
                id,
                None,
                _json(value),
                value if isinstance(value, str) else None,
                value if isinstance(value, float) else None,
                observed_at,
            )
            for id, value in zip(ids, truth, strict=True)
            if value is not None
        ]
        Actuals(self.lake).add("wine", Observations(told), at)

    def report(self, **asked: Any) -> PerformanceReport:
        """Until 30 days after the beginning, with metrics of any number of rows."""
        told: dict[str, Any] = {"until": BEGAN + 30 * DAY, "now": BEGAN + 60 * DAY, "min_rows": 1} | asked
        scope = Scope(model="wine", **{name: told.pop(name) for name in Scope.__struct_fields__ if name in told})
        return performance(self.lake, None, scope, self.output, **told)


def wine(n: int, seed: int = 0, right: float = 0.8) -> tuple[list[str], list[str], FloatArray]:
    """Answers, the truth, and probabilities that say how often answers are right."""
    rng = np.random.default_rng(seed)
    share = np.clip(rng.beta(2, 2, n), 0.01, 0.99)
    answers = np.where(share >= 0.5, "bom", "ruim")
    truth = np.where(rng.random(n) < share, "bom", "ruim")
    truth = np.where(rng.random(n) < right, truth, np.where(truth == "bom", "ruim", "bom")) if right < 0.8 else truth
    return answers.tolist(), truth.tolist(), np.stack([share, 1 - share], axis=1)
