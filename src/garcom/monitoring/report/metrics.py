"""What is known of a metric by its name: which way is better, and how much worse is worth telling."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Literal

from garcom.monitoring.records import Figure

#: The headline of a report is the first of these that is there.
_HEADLINES = ("accuracy", "mae", "rmse", "balanced_accuracy", "f1", "roc_auc")
_HIGHER_IS_BETTER = {
    "accuracy", "balanced_accuracy", "precision", "recall", "f1", "roc_auc", "average_precision", "mcc", "r2",
    "business_value",
}  # fmt: skip
_LOWER_IS_BETTER = {"log_loss", "brier", "calibration_error", "mae", "rmse", "mape", "quantile_loss"}
#: Measured in shares: their difference itself says how much; the others' says it beside their baseline.
_SHARES = _HIGHER_IS_BETTER - {"business_value"}
#: A smaller loss than this is not told as one, however sure it is: a large window is sure of everything.
LEAST_DIFFERENCE, LEAST_RELATIVE = 0.02, 0.05
_OF_A_TARGET = re.compile(r"(\w+)\[(.*)\]", re.DOTALL)

Judgement = Literal["better", "same", "worse"]


def split_metric(name: str) -> tuple[str, str | None]:
    """``mae[price]`` as its metric and its target, which is None for a model with one."""
    found = _OF_A_TARGET.fullmatch(name)
    return (name, None) if found is None else (found[1], found[2])


def headlines(names: Iterable[str]) -> list[str]:
    """The metrics to name first: the most telling one that is there, of each target."""
    there = list(names)
    for wanted in _HEADLINES:
        found = [name for name in there if split_metric(name)[0] == wanted]
        if found:
            return found
    return there[:1]


def judged(metric: str, figure: Figure, baseline: float | None) -> Judgement | None:
    """Whether a figure is worse than its baseline, both surely and by enough to matter; None where it cannot be said.

    Surely: its whole interval lies on one side of the baseline. By enough: :data:`LEAST_DIFFERENCE` for scores,
    :data:`LEAST_RELATIVE` of the baseline for errors. A metric without a better side (``bias``), and a figure with a
    reservation (``why``), are not judged.
    """
    base = split_metric(metric)[0]
    if base not in _HIGHER_IS_BETTER | _LOWER_IS_BETTER or baseline is None:
        return None
    # What is given with a reservation, such as an estimate that is not calibrated, is not certain.
    if figure.value is None or figure.low is None or figure.high is None or figure.why is not None:
        return None
    least = LEAST_DIFFERENCE if base in _SHARES else LEAST_RELATIVE * abs(baseline)
    if figure.low <= baseline <= figure.high or abs(figure.value - baseline) < least:
        return "same"
    return "better" if (figure.value > baseline) == (base in _HIGHER_IS_BETTER) else "worse"
