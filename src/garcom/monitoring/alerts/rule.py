"""An alert rule, and how it is written: ``wine.accuracy < 0.8 over 24h with >= 500 actuals for 2 windows``."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from typing import Literal, get_args

import msgspec

from garcom.monitoring.alerts.subjects import Subject

Comparison = Literal["<", "<=", ">", ">="]
Severity = Literal["info", "warning", "critical"]
Stage = Literal["stable", "canary", "shadow", "pinned", "external"]
Counted = Literal["rows", "actuals"]

SEVERITIES: tuple[str, ...] = get_args(Severity)
STAGES: tuple[str, ...] = get_args(Stage)

#: In place of a model's name: every model.
EVERY_MODEL = "*"
DEFAULT_SPAN = timedelta(hours=24)
SHORTEST_SPAN, LONGEST_SPAN = timedelta(minutes=1), timedelta(days=400)
#: The next window counts when this share of the span, and at least a minute, has passed since the last that counted.
_PACE, _LEAST_PACE = 4, timedelta(minutes=1)

#: What may be written without quotation marks. A dot in a model's name would leave open where the name ends.
_BARE_MODEL = re.compile(r"\*|[a-z0-9][a-z0-9_-]*")
_BARE_COLUMN = re.compile(r"[\w.%()/+-]+")
_BARE_SEGMENT = re.compile(r"[^\s\[\]\"](?:[^\[\]\"\n]*[^\s\[\]\"])?")


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    """When people are to hear of something.

    ``at_least`` are the rows (or actuals) without which a window says nothing; None for what the subject needs anyway.
    An alert begins when ``windows`` of them in a row have breached the threshold. It ends when the value has come to
    ``resolve_at``, or where that is None when the threshold has been left for a whole span.
    """

    model: str
    subject: Subject
    comparison: Comparison
    threshold: float
    span: timedelta = DEFAULT_SPAN
    at_least: int | None = None
    counted: Counted | None = None
    windows: int = 1
    version: int | None = None
    stage: Stage | None = None
    segment: str | None = None
    resolve_at: float | None = None
    severity: Severity = "warning"

    @property
    def pace(self) -> timedelta:
        """How long after a window that counted the next one counts."""
        return max(self.span / _PACE, _LEAST_PACE)

    @property
    def counts(self) -> Counted:
        """What there must be enough of."""
        return self.counted or self.subject.kind.counts

    @property
    def least(self) -> int:
        """How many of them; 0 where it does not matter."""
        return self.subject.kind.least if self.at_least is None else self.at_least

    def is_breached_by(self, value: float) -> bool:
        """Whether a value is one that people are to hear of."""
        return _holds(value, self.comparison, self.threshold)

    def is_settled_by(self, value: float) -> bool:
        """Whether a value is far enough on the good side that an alert may end at once."""
        return self.resolve_at is not None and not _holds(value, _STRICT[self.comparison], self.resolve_at)

    def __str__(self) -> str:
        """The rule as it is written; reading that again gives the same rule."""
        parts = [f"{self.name} {self.comparison} {number(self.threshold)} over {span(self.span)}"]
        if self.at_least is not None:
            parts.append(f"with >= {self.at_least} {self.counts}")
        if self.windows > 1:
            parts.append(f"for {self.windows} windows")
        if self.version is not None:
            parts.append(f"version {self.version}")
        if self.stage is not None:
            parts.append(f"stage {self.stage}")
        if self.resolve_at is not None:
            parts.append(f"resolve at {number(self.resolve_at)}")
        return " ".join([*parts, self.severity])

    @property
    def name(self) -> str:
        """What it watches: ``wine.missing.pH [region=SP]``."""
        parts = [self.model if _BARE_MODEL.fullmatch(self.model) else json.dumps(self.model), self.subject.name]
        if self.subject.column is not None:
            column = self.subject.column
            parts.append(column if _BARE_COLUMN.fullmatch(column) else json.dumps(column, ensure_ascii=False))
        segment = ""
        if self.segment is not None:
            is_bare = _BARE_SEGMENT.fullmatch(self.segment)
            segment = f" [{self.segment if is_bare else json.dumps(self.segment, ensure_ascii=False)}]"
        return ".".join(parts) + segment


_STRICT: dict[Comparison, Comparison] = {"<": "<", "<=": "<", ">": ">", ">=": ">"}


def _holds(value: float, comparison: Comparison, threshold: float) -> bool:
    match comparison:
        case "<":
            return value < threshold
        case "<=":
            return value <= threshold
        case ">":
            return value > threshold
        case ">=":
            return value >= threshold


def number(value: float) -> str:
    """A number in as few characters as tell it exactly."""
    return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)


def span(length: timedelta) -> str:
    """A length of time in its greatest whole unit: ``24h``, ``7d``, ``90m``."""
    seconds = round(length.total_seconds())
    for unit, size in (("d", 86_400), ("h", 3_600), ("m", 60)):
        if seconds % size == 0 and (seconds > size or unit != "d"):
            return f"{seconds // size}{unit}"
    return f"{seconds}s"
