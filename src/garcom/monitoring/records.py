"""What monitoring finds, as records: the API, the pages, the client and the alerts all read these.

Wherever a number can be missing there is a ``why``: None where the number is there, else one sentence that says what
was expected and what came, such as «not enough rows: 12 of 100». Moments are in UTC.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

import msgspec

#: What can be wrong with a share of a column's values.
Fault = Literal["missing", "out_of_range", "unseen"]


class Figure(msgspec.Struct, frozen=True, kw_only=True):
    """A number from ``n`` rows with its 95 % confidence interval; ``value`` is None where ``why`` says why."""

    value: float | None
    low: float | None = None
    high: float | None = None
    n: int = 0
    why: str | None = None


class Scope(msgspec.Struct, frozen=True, kw_only=True):
    """What a report is about: rows of a model from ``since`` (included) to ``until`` (excluded).

    ``version`` and ``stage`` (the role that answered: ``stable``, ``canary``, ``shadow``, ``pinned``, ``external``) are
    None for all of them; ``segment`` is ``field=value``, None for all rows. Of two files, only the names are known.
    """

    model: str
    version: int | None = None
    stage: str | None = None
    segment: str | None = None
    since: datetime | None = None
    until: datetime | None = None


class Bar(msgspec.Struct, frozen=True, kw_only=True):
    """One bin of numbers, or one category, as shares (0 to 1) of the present values on both sides.

    ``low`` (included) and ``high`` (excluded) are a bin's borders, None where it is open.
    """

    label: str
    reference: float
    current: float
    low: float | None = None
    high: float | None = None


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """One part of a report's time: whole hours, days or weeks (UTC), but for the first and the last."""

    since: datetime
    until: datetime
    rows: int


class Spell(msgspec.Struct, frozen=True, kw_only=True):
    """The last unbroken run of parts in which something was so: from ``since`` to ``until``, None where it goes on.

    ``or_before``: no part before it says that it was not so, and it may have begun earlier. ``most`` is the greatest
    effect or share in it, ``most_at`` the beginning of that part. Parts with too few values do not break it, nor does a
    single one that is uncertain.
    """

    since: datetime
    until: datetime | None = None
    or_before: bool = False
    most: float
    most_at: datetime


class DriftOverTime(msgspec.Struct, frozen=True, kw_only=True):
    """How far a column had moved in each part of the report, against the same reference; None where it cannot be said.

    A part has drifted where its effect is above the threshold, and significant after correction for the number of parts
    and columns.
    """

    effects: tuple[float | None, ...]
    drifted: tuple[bool | None, ...]
    spell: Spell | None = None


class QualityOverTime(msgspec.Struct, frozen=True, kw_only=True):
    """The shares of a column in each part of the report, None where there are too few values; empty where none can be.

    ``spells`` are when a share was more than the reference gives reason for, by its name; ``at_fault`` all parts in
    which it was.
    """

    missing: tuple[float | None, ...]
    out_of_range: tuple[float | None, ...] = ()
    unseen: tuple[float | None, ...] = ()
    spells: dict[Fault, Spell] = {}
    at_fault: dict[Fault, tuple[bool | None, ...]] = {}


class Measure(msgspec.Struct, frozen=True, kw_only=True):
    """One statistic of drift: ``name`` is that of its module in ``garcom.stats``.

    ``p_adjusted`` is the p-value corrected for the number of columns (Benjamini and Hochberg 1995).
    """

    name: str
    value: float | None
    p_value: float | None = None
    p_adjusted: float | None = None


class ColumnDrift(msgspec.Struct, frozen=True, kw_only=True):
    """How far one column has moved.

    ``effect`` is the size that is compared with the threshold (the greatest difference of the two distribution
    functions for numbers, the total variation for categories; 0 to 1). ``drifted`` needs both: significance after
    correction, and an effect above the threshold; None where it cannot be said. ``importance`` is the model's
    sensitivity to the column (0 to 1), ``impact`` is importance × effect.
    """

    column: str
    role: Literal["feature", "prediction", "truth"]
    kind: Literal["number", "category"]
    rows_reference: int
    rows_current: int
    measures: tuple[Measure, ...] = ()
    #: What the numbers are: values, lengths of texts with very many values, or moments (microseconds since 1970).
    of: Literal["value", "length", "moment"] = "value"
    effect: float | None = None
    drifted: bool | None = None
    importance: float | None = None
    impact: float | None = None
    mean_reference: float | None = None
    mean_current: float | None = None
    bars: tuple[Bar, ...] = ()
    over_time: DriftOverTime | None = None
    why: str | None = None


class JointDrift(msgspec.Struct, frozen=True, kw_only=True):
    """Whether columns have moved together: ``pca`` (mean reconstruction error) or ``domain_classifier`` (AUC)."""

    method: Literal["pca", "domain_classifier"]
    value: float | None
    reference: float | None = None
    effect: float | None = None
    p_value: float | None = None
    drifted: bool | None = None
    why: str | None = None


class DriftReport(msgspec.Struct, frozen=True, kw_only=True):
    """Current rows against reference rows; ``columns``: those that have drifted first, each by falling impact (then
    effect).

    ``reference`` tells which rows those are: ``training`` (the bundle's), ``seasonal`` (the same hours of the weeks
    before), ``previous`` (the window before) or ``file``. ``false_alarm_rate`` is the stated chance that a window
    without drift is called drifted. ``parts``, if they were asked for, are those that ``over_time`` of the columns
    tells of; ``parts_why`` says why there are none.
    """

    scope: Scope
    reference: Literal["training", "seasonal", "previous", "file"]
    rows_reference: int
    rows_current: int
    columns: tuple[ColumnDrift, ...] = ()
    joint: tuple[JointDrift, ...] = ()
    drifted: bool | None = None
    false_alarm_rate: float | None = None
    effect_threshold: float | None = None
    parts: tuple[Part, ...] = ()
    parts_why: str | None = None
    why: str | None = None


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that is wrong with the data; ``kind`` is a word of the reference page, ``text`` a sentence."""

    kind: Literal[
        "missing",
        "out_of_range",
        "unseen",
        "type_failures",
        "constant",
        "duplicates",
        "vanished",
        "silence",
        "jump",
    ]
    column: str | None = None
    share: float | None = None
    text: str = ""


class ColumnQuality(msgspec.Struct, frozen=True, kw_only=True):
    """Counts of one column; what does not apply to its kind is None."""

    column: str
    kind: Literal["number", "category"]
    rows: int
    missing: int
    missing_reference: float | None = None
    out_of_range: int | None = None
    unseen: int | None = None
    unseen_values: tuple[str, ...] = ()
    type_failures: int = 0
    constant: bool = False
    over_time: QualityOverTime | None = None


class Traffic(msgspec.Struct, frozen=True, kw_only=True):
    """One hour (or day) of a window: rows, and how much of it was wrong."""

    since: datetime
    rows: int
    missing: float | None = None
    out_of_range: float | None = None
    unseen: float | None = None


class QualityReport(msgspec.Struct, frozen=True, kw_only=True):
    """The state of the data in a window; ``refused`` counts requests that did not fit the signature.

    ``parts`` and ``parts_why`` are as in :class:`DriftReport`.
    """

    scope: Scope
    rows: int
    columns: tuple[ColumnQuality, ...] = ()
    duplicates: Figure = Figure(value=None, why="not looked for")
    refused: int | None = None
    traffic: tuple[Traffic, ...] = ()
    last_row: datetime | None = None
    findings: tuple[Finding, ...] = ()
    parts: tuple[Part, ...] = ()
    parts_why: str | None = None
    why: str | None = None


class Estimate(msgspec.Struct, frozen=True, kw_only=True):
    """A metric before the truth arrives. ``realized`` is None until it has. ``method`` is that which made it."""

    metric: str
    method: Literal["cbpe", "error_model"]
    estimated: Figure
    realized: Figure | None = None


class TrackRecord(msgspec.Struct, frozen=True, kw_only=True):
    """How the estimates of a metric have done where the truth has come since.

    ``within`` is the share of realized values inside the estimated interval.
    """

    metric: str
    windows: int
    mean_absolute_error: float | None = None
    bias: float | None = None
    within: float | None = None
    why: str | None = None


class PerformanceWindow(msgspec.Struct, frozen=True, kw_only=True):
    """One part of the report's time. ``maturity`` is the share of its predictions that have their actual by now."""

    since: datetime
    until: datetime
    rows: int
    actuals: int
    maturity: float | None
    metrics: dict[str, Figure] = {}
    estimates: tuple[Estimate, ...] = ()


class Confusion(msgspec.Struct, frozen=True, kw_only=True):
    """``counts[i][j]`` rows of the true label ``labels[i]`` were answered ``labels[j]``."""

    labels: tuple[str, ...]
    counts: tuple[tuple[int, ...], ...]


class ConceptChange(msgspec.Struct, frozen=True, kw_only=True):
    """What one detector says of the stream of errors, in the order in which actuals came.

    ``at`` are the times of the predictions at which it saw changes; ``before`` and ``after`` are mean errors around
    the last.
    """

    method: Literal["adwin", "page_hinkley", "ddm", "kswin", "window_test"]
    changed: bool | None
    at: tuple[datetime, ...] = ()
    before: float | None = None
    after: float | None = None
    p_value: float | None = None
    why: str | None = None

    @property
    def is_worse(self) -> bool | None:
        """Whether the errors changed for the worse, or to what is not known; None where nothing can be said."""
        if not self.changed or self.before is None or self.after is None:
            return self.changed
        return self.after > self.before


class PerformanceReport(msgspec.Struct, frozen=True, kw_only=True):
    """How good the answers were, from actuals; and how good they are thought to be where none came yet.

    ``metrics`` are over the whole window; ``baseline`` are those of the bundle (its reference rows). Of very many
    predictions an even sample is scored: ``sampled`` is how many (None: all). ``rows``, ``actuals`` and ``maturity``,
    those of the windows too, count every prediction.
    """

    scope: Scope
    task: str
    rows: int
    actuals: int
    maturity: float | None
    sampled: int | None = None
    metrics: dict[str, Figure] = {}
    baseline: dict[str, float] = {}
    confusion: Confusion | None = None
    estimates: tuple[Estimate, ...] = ()
    track_record: tuple[TrackRecord, ...] = ()
    windows: tuple[PerformanceWindow, ...] = ()
    changes: tuple[ConceptChange, ...] = ()
    segments: dict[str, dict[str, Figure]] = {}
    why: str | None = None


class AlertState(msgspec.Struct, frozen=True, kw_only=True):
    """An alert as pages and reports show it."""

    id: str
    rule: str
    text: str
    model: str
    severity: Literal["info", "warning", "critical"]
    state: Literal["pending", "firing", "resolved"]
    since: datetime
    value: float | None = None
    acknowledged_by: str | None = None
    silenced_until: datetime | None = None
    why: str | None = None
    version: int | None = None
    stage: str | None = None
    segment: str | None = None
    rows: int = 0
    actuals: int = 0
    fired_at: datetime | None = None


#: Details of a report: what there is beside what it tells of.
NEW_COLUMNS, OTHER_VERSIONS = "columns_not_in_the_reference", "other_versions_in_this_window"


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """Everything about one window; a part that does not apply is None. ``details`` are for people (files, versions)."""

    title: str
    made_at: datetime
    drift: DriftReport | None = None
    quality: QualityReport | None = None
    performance: PerformanceReport | None = None
    alerts: tuple[AlertState, ...] = ()
    details: dict[str, Any] = {}
