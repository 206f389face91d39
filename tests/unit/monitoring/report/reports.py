"""Reports made by hand: one with everything, one with nothing, one of many columns."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from math import exp, sin

from garcom.monitoring.records import (
    AlertState,
    Bar,
    ColumnDrift,
    ColumnQuality,
    ConceptChange,
    Confusion,
    DriftReport,
    Estimate,
    Figure,
    Finding,
    JointDrift,
    Measure,
    PerformanceReport,
    PerformanceWindow,
    QualityReport,
    Report,
    Scope,
    TrackRecord,
    Traffic,
)

HOSTILE = "</title><script>alert(1)</script>&\"'\x00{x}"
UNTIL = datetime(2026, 11, 21, tzinfo=UTC)
SINCE = UNTIL - timedelta(days=7)
SCOPE = Scope(model="wine", version=3, segment="region=SP", since=SINCE, until=UNTIL)


def figure(value: float, half: float = 0.03, n: int = 812) -> Figure:
    return Figure(value=value, low=value - half, high=value + half, n=n)


def measures(size: float, p: float, number: bool = True) -> tuple[Measure, ...]:
    """What each statistic might say of a move of this size."""
    shared = (
        Measure(name="population_stability", value=size**2 * 4),
        Measure(name="jensen_shannon", value=size),
        Measure(name="hellinger", value=size * 0.9),
    )
    if number:
        return (
            Measure(name="kolmogorov_smirnov", value=size, p_value=p, p_adjusted=min(p * 2, 1.0)),
            Measure(name="wasserstein", value=size * 3),
            *shared,
        )
    return (Measure(name="chi_square", value=size * 100, p_value=p, p_adjusted=min(p * 2, 1.0)), *shared)


def number_bars(n: int, shift: float) -> tuple[Bar, ...]:
    """``n`` bins of a bell, and of one that is shifted by bins; both ends are open."""
    bells = [[exp(-((i - (n - 1) / 2 - move) ** 2) / n) for i in range(n)] for move in (0.0, shift)]
    shares = [[each / sum(bell) for each in bell] for bell in bells]
    return tuple(
        Bar(
            label=f"{2.7 + i / 10:.1f} – {2.8 + i / 10:.1f}",
            reference=shares[0][i],
            current=shares[1][i],
            low=None if i == 0 else 2.7 + i / 10,
            high=None if i == n - 1 else 2.8 + i / 10,
        )
        for i in range(n)
    )


def column(name: str, effect: float, importance: float, drifted: bool = False, bins: int = 12) -> ColumnDrift:
    return ColumnDrift(
        column=name,
        role="feature",
        kind="number",
        rows_reference=4898,
        rows_current=1599,
        measures=measures(effect, 1e-9 if drifted else 0.4),
        effect=effect,
        drifted=drifted,
        importance=importance,
        impact=importance * effect,
        mean_reference=3.19,
        mean_current=3.19 + effect,
        bars=number_bars(bins, effect * 10),
    )


TASTES = ColumnDrift(
    column="taste",
    role="feature",
    kind="category",
    rows_reference=4898,
    rows_current=1599,
    measures=measures(0.22, 1e-6, number=False),
    effect=0.22,
    drifted=True,
    importance=0.2,
    impact=0.044,
    bars=(
        Bar(label="dry", reference=0.6, current=0.38),
        Bar(label="sweet", reference=0.4, current=0.5),
        Bar(label="a category with a name far longer than its place", reference=0.0, current=0.12),
    ),
)
PREDICTION = ColumnDrift(
    column="prediction",
    role="prediction",
    kind="category",
    rows_reference=4898,
    rows_current=1599,
    measures=measures(0.03, 0.2, number=False),
    effect=0.03,
    drifted=False,
    bars=(Bar(label="bom", reference=0.6, current=0.57), Bar(label="ruim", reference=0.4, current=0.43)),
)
GONE = ColumnDrift(
    column="sulphates", role="feature", kind="number", rows_reference=4898, rows_current=12,
    why="not enough rows: 12 of 100",
)  # fmt: skip
DRIFT = DriftReport(
    scope=SCOPE,
    reference="training",
    rows_reference=4898,
    rows_current=1599,
    columns=(column("pH", 0.41, 0.9, drifted=True), TASTES, column(HOSTILE, 0.05, 0.3), PREDICTION, GONE),
    joint=(
        JointDrift(method="pca", value=2.31, reference=1.87, effect=0.4, p_value=1e-8, drifted=True),
        JointDrift(method="domain_classifier", value=None, why="no reference rows are kept: pack with --data"),
    ),
    drifted=True,
    false_alarm_rate=0.01,
    effect_threshold=0.1,
)
QUALITY = QualityReport(
    scope=SCOPE,
    rows=1599,
    columns=(
        ColumnQuality(column="pH", kind="number", rows=1599, missing=160, missing_reference=0.0, out_of_range=21),
        ColumnQuality(
            column="taste", kind="category", rows=1599, missing=0, missing_reference=0.01, unseen=190,
            unseen_values=(HOSTILE, "salty"),
        ),
        ColumnQuality(column="density", kind="number", rows=1599, missing=0, type_failures=3, constant=True),
        ColumnQuality(column="alcohol", kind="number", rows=1599, missing=0, missing_reference=0.0, out_of_range=0),
    ),
    duplicates=Figure(value=0.02, n=1599),
    refused=17,
    traffic=tuple(
        Traffic(
            since=SINCE + timedelta(hours=hour), rows=int(60 + 40 * sin(hour / 4)) * (hour not in (50, 51, 52)),
            missing=0.01 + 0.09 * (hour > 100), out_of_range=0.005, unseen=0.02,
        )
        for hour in range(168)
    ),
    last_row=UNTIL - timedelta(minutes=3),
    findings=(
        Finding(kind="missing", column="pH", share=0.1, text="10 % of the values are missing, 0 % in the reference"),
        Finding(kind="unseen", column="taste", share=0.12, text=f"2 categories were never seen: {HOSTILE}, salty"),
        Finding(kind="silence", text="no row came for 3 hours, from 2026-11-16 02:00 UTC"),
    ),
)  # fmt: skip


def window(day: int, actuals: int) -> PerformanceWindow:
    since = SINCE + timedelta(days=day)
    accuracy = 0.8 - day * 0.02
    known = figure(accuracy, 0.05, actuals)
    unknown = Figure(value=None, why=f"not enough rows: {actuals} of 100")
    return PerformanceWindow(
        since=since,
        until=since + timedelta(days=1),
        rows=228,
        actuals=actuals,
        maturity=actuals / 228,
        metrics={"accuracy": known if actuals >= 100 else unknown},
        estimates=(
            Estimate(
                metric="accuracy", method="cbpe", estimated=figure(accuracy + 0.02, 0.04, 228),
                realized=known if actuals >= 100 else None,
            ),
        ),
    )  # fmt: skip


PERFORMANCE = PerformanceReport(
    scope=SCOPE,
    task="classification",
    rows=1599,
    actuals=812,
    maturity=0.508,
    metrics={
        "accuracy": figure(0.71),
        "f1": figure(0.69, 0.04),
        "roc_auc": figure(0.81, 0.02),
        "log_loss": figure(0.55, 0.05),
        "business_value": Figure(value=None, why="no cost matrix was given"),
    },
    baseline={"accuracy": 0.8, "f1": 0.7, "log_loss": 0.45},
    confusion=Confusion(labels=("bom", "ruim"), counts=((400, 120), (115, 177))),
    estimates=(Estimate(metric="accuracy", method="cbpe", estimated=figure(0.74, 0.02, 1599), realized=figure(0.71)),),
    track_record=(
        TrackRecord(metric="accuracy", windows=5, mean_absolute_error=0.021, bias=0.018, within=0.8),
        TrackRecord(metric="f1", windows=0, why="no window has both an estimate and its actuals yet"),
    ),
    windows=tuple(window(day, actuals) for day, actuals in enumerate((220, 210, 180, 120, 110, 12, 0))),
    changes=(
        ConceptChange(method="adwin", changed=True, at=(SINCE + timedelta(days=3, hours=7),), before=0.2, after=0.31),
        ConceptChange(method="page_hinkley", changed=False),
        ConceptChange(method="kswin", changed=None, why="not enough actuals: 812 of 1,000"),
        ConceptChange(method="window_test", changed=True, before=0.22, after=0.33, p_value=0.0004),
    ),
    segments={
        "region=SP": {"accuracy": figure(0.6), "f1": figure(0.7)},
        "region=RJ": {"accuracy": figure(0.72), "f1": Figure(value=None, why="not enough rows: 40 of 100", n=40)},
    },
)
ALERTS = (
    AlertState(
        id="01a1", rule="wine.accuracy < 0.80 over 24h", text="accuracy 0.71 over 24h", model="wine",
        severity="critical", state="firing", since=UNTIL - timedelta(hours=5), value=0.71, acknowledged_by="ana",
    ),
    AlertState(
        id="01a2", rule="wine.silence > 6", text="no row for 3 hours", model="wine", severity="warning",
        state="resolved", since=UNTIL - timedelta(days=4),
    ),
)  # fmt: skip
RICH = Report(
    title="wine:3",
    made_at=UNTIL + timedelta(hours=1),
    drift=DRIFT,
    quality=QUALITY,
    performance=PERFORMANCE,
    alerts=ALERTS,
    details={"engine": "arrays", "bundle": HOSTILE},
)
EMPTY = Report(
    title="wine",
    made_at=UNTIL,
    drift=DriftReport(
        scope=Scope(model="wine"), reference="training", rows_reference=0, rows_current=0,
        why="version 3 has no reference profile: pack it with --data",
    ),
    quality=QualityReport(scope=Scope(model="wine"), rows=0, why="no row in this window"),
    performance=PerformanceReport(
        scope=Scope(model="wine"), task="classification", rows=0, actuals=0, maturity=None, why="no actuals yet"
    ),
)  # fmt: skip
BARE = Report(title="a.csv and b.csv", made_at=UNTIL)


def large(features: int = 200, bins: int = 20) -> Report:
    """Hundreds of columns over a week of hours."""
    columns = tuple(
        column(f"feature_{i:03}", 0.5 - i / 500, 1 - i / 250, drifted=i < 30, bins=bins) for i in range(features)
    )
    qualities = tuple(
        ColumnQuality(column=each.column, kind="number", rows=16800, missing=7, missing_reference=0.0, out_of_range=3)
        for each in columns
    )
    return Report(
        title="large:1",
        made_at=UNTIL,
        drift=DriftReport(
            scope=SCOPE, reference="training", rows_reference=4898, rows_current=16800, columns=columns, drifted=True
        ),
        quality=QualityReport(scope=SCOPE, rows=16800, columns=qualities, traffic=QUALITY.traffic),
        performance=PERFORMANCE,
    )
