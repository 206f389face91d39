"""The rules that hold for every model until somebody says otherwise."""

from __future__ import annotations

from garcom.monitoring.alerts.parsing import parse_rule
from garcom.monitoring.alerts.rule import Rule

#: By name. They hold for every model alike, so each compares with what the model itself was trained on.
_TEXTS = {
    "decay": "*.decay > 0.2 over 7d with >= 200 actuals for 2 windows resolve at 0.15 critical",
    "estimated-decay": "*.estimated_decay > 0.2 over 24h with >= 1000 rows for 2 windows resolve at 0.15 warning",
    "concept-change": "*.concept_change >= 2 over 7d with >= 200 actuals for 2 windows warning",
    "drift": "*.drift > 0.3 over 24h with >= 1000 rows for 2 windows resolve at 0.2 warning",
    "prediction-drift": "*.drift.prediction > 0.2 over 24h with >= 1000 rows for 2 windows resolve at 0.15 warning",
    "missing": "*.missing > 0.1 over 24h with >= 100 rows for 2 windows resolve at 0.05 warning",
    "unseen": "*.unseen > 0.1 over 24h with >= 100 rows for 2 windows resolve at 0.05 warning",
    "out-of-range": "*.out_of_range > 0.1 over 24h with >= 100 rows for 2 windows resolve at 0.05 warning",
    "silence": "*.silence >= 24 over 7d resolve at 1 info",
}


def default_rules() -> dict[str, Rule]:
    """The rules by their names."""
    return {name: parse_rule(text) for name, text in _TEXTS.items()}
