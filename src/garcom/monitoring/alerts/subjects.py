"""What a rule can be about."""

from __future__ import annotations

import math
from enum import StrEnum
from typing import Literal, NamedTuple


class Family(StrEnum):
    """Which report a subject is read from."""

    PERFORMANCE = "performance"
    DRIFT = "drift"
    QUALITY = "quality"


class Kind(NamedTuple):
    """One word of the language.

    ``column`` says whether a column (or, of metrics, a target) follows it after a dot; ``counts`` what ``with >= N``
    counts unless it says so itself, and ``least`` how many there must be where a rule asks for none.
    """

    family: Family
    column: Literal["none", "may", "must"]
    counts: Literal["rows", "actuals"]
    least: int
    meaning: str


#: The metrics of answers that are labels, and of those that are numbers.
CLASSIFICATION = (
    *("accuracy", "balanced_accuracy", "precision", "recall", "f1", "roc_auc", "average_precision", "log_loss"),
    *("brier", "calibration_error", "mcc", "business_value"),
)
REGRESSION = ("mae", "rmse", "mape", "r2", "quantile_loss", "bias")
#: The metrics of a performance report.
METRICS = (*CLASSIFICATION, *REGRESSION)
#: Before the name of a metric: what is thought of it before the truth is there.
ESTIMATED = "estimated_"
#: Those of a regression that can be known so.
ESTIMATED_OF_REGRESSIONS = ("mae", "rmse")

#: The measures of one column's drift, by the names that records give them.
MEASURES = {
    "psi": "population_stability",
    "ks": "kolmogorov_smirnov",
    "jensen_shannon": "jensen_shannon",
    "hellinger": "hellinger",
    "wasserstein": "wasserstein",
    "total_variation": "total_variation",
}

#: Judging by fewer rows tells more of chance than of the model.
_LEAST = 100
_DRIFT, _QUALITY, _PERFORMANCE = Family.DRIFT, Family.QUALITY, Family.PERFORMANCE

KINDS: dict[str, Kind] = {
    **{name: Kind(_PERFORMANCE, "may", "actuals", _LEAST, "the metric, from actuals") for name in METRICS},
    **{
        f"{ESTIMATED}{name}": Kind(_PERFORMANCE, "may", "rows", _LEAST, "what is thought of it before the truth")
        for name in METRICS
    },
    "decay": Kind(
        _PERFORMANCE, "none", "actuals", _LEAST, "how much worse than the bundle's own metric, as a share of that"
    ),
    "estimated_decay": Kind(_PERFORMANCE, "none", "rows", _LEAST, "the same, of the estimate"),
    "concept_change": Kind(_PERFORMANCE, "none", "actuals", 1, "how many detectors saw the errors grow"),
    "maturity": Kind(_PERFORMANCE, "none", "rows", 1, "the share of predictions that have their actual"),
    "drift": Kind(_DRIFT, "may", "rows", _LEAST, "the share of features that drifted; of a column, how far it moved"),
    **{name: Kind(_DRIFT, "must", "rows", _LEAST, "the measure of that name, of a column") for name in MEASURES},
    "joint_drift": Kind(_DRIFT, "none", "rows", _LEAST, "how far the columns moved together"),
    "missing": Kind(
        _QUALITY, "may", "rows", _LEAST, "a column's share of missing values; of all, the greatest rise over training"
    ),
    "unseen": Kind(_QUALITY, "may", "rows", _LEAST, "the share of values that training had not; of all, the greatest"),
    "out_of_range": Kind(
        _QUALITY, "may", "rows", _LEAST, "the share of values outside training's range; of all, the greatest"
    ),
    "type_failures": Kind(_QUALITY, "may", "rows", _LEAST, "the share of values of a wrong type; of all, the greatest"),
    "duplicates": Kind(_QUALITY, "none", "rows", _LEAST, "the share of rows that came before"),
    "rows": Kind(_QUALITY, "none", "rows", 0, "how many rows came"),
    "silence": Kind(_QUALITY, "none", "rows", 0, "hours since the last row"),
}

#: What is a share, or a distance of shares: 0 to 1.
_SHARES = {
    *("accuracy", "balanced_accuracy", "precision", "recall", "f1", "roc_auc", "average_precision", "brier"),
    *("calibration_error", "maturity", "drift", "ks", "jensen_shannon", "hellinger", "total_variation", "joint_drift"),
    *("missing", "unseen", "out_of_range", "type_failures", "duplicates"),
}
#: What may be below zero.
_SIGNED = {"mcc", "business_value", "r2", "bias"}


class Subject(NamedTuple):
    """What is compared with the threshold; ``column`` is None where it is no single column's."""

    name: str
    column: str | None = None

    @property
    def kind(self) -> Kind:
        """What is known of its name."""
        return KINDS[self.name]

    @property
    def is_estimate(self) -> bool:
        """Whether it is known before the truth is."""
        return self.name.startswith(ESTIMATED)

    @property
    def bounds(self) -> tuple[float, float]:
        """Between which numbers every value of it lies."""
        name = self.name.removeprefix(ESTIMATED)
        if name in _SHARES:
            return 0.0, 1.0
        if name == "mcc":
            return -1.0, 1.0
        return (-math.inf if name in _SIGNED else 0.0), math.inf

    @property
    def metric(self) -> str:
        """The key of a metric in ``PerformanceReport.metrics``; of one target of several ``mae[target]``."""
        name = self.name.removeprefix(ESTIMATED)
        return name if self.column is None else f"{name}[{self.column}]"
