from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import polars as pl
import pytest

from garcom.monitoring.quality import _jump, quality, shares
from garcom.monitoring.records import ColumnQuality, Figure, Finding, QualityReport, Scope, Traffic
from garcom.profiles.layout import layout_of
from garcom.profiles.profile import Profile, without_names

SCOPE = Scope(model="m")
NOW = datetime(2026, 3, 1, 12, 30, tzinfo=UTC)


def reference(n: int = 1000) -> pl.DataFrame:
    random = np.random.default_rng(0)
    return pl.DataFrame(
        {"x": random.normal(size=n), "y": random.normal(size=n), "k": ["a", "b"] * (n // 2)},
    )


def told(current: pl.DataFrame, **options: object) -> QualityReport:
    layout = layout_of(reference())
    before, now = Profile(layout), Profile(layout)
    before.add(reference())
    now.add(current)
    return quality(now, SCOPE, reference=before, **options)  # type: ignore[arg-type]


def column(report: QualityReport, name: str) -> ColumnQuality:
    return next(each for each in report.columns if each.column == name)


def kinds(report: QualityReport) -> set[tuple[str, str | None]]:
    return {(finding.kind, finding.column) for finding in report.findings}


def test_good_rows_have_no_finding() -> None:
    report = told(reference())
    assert report.findings == ()
    assert report.why is None
    assert report.duplicates.value == 0.0


def test_each_fault_is_found_in_its_column() -> None:
    n = 500
    bad = reference()[:n].with_columns(
        x=pl.when(pl.int_range(pl.len()) < 100).then(None).otherwise(pl.col("x")),
        y=pl.when(pl.int_range(pl.len()) < 50).then(99.0).otherwise(pl.col("y")),
        k=pl.when(pl.int_range(pl.len()) < 25).then(pl.lit("z")).otherwise(pl.col("k")),
    )
    report = told(bad)
    assert kinds(report) == {("missing", "x"), ("out_of_range", "y"), ("unseen", "k")}
    assert column(report, "x").missing == 100
    assert column(report, "y").out_of_range == 50
    assert column(report, "k").unseen == 25
    assert column(report, "k").unseen_values == ("z",)
    missing = next(each for each in report.findings if each.kind == "missing")
    assert missing.text == "'x' is missing in 20.0% of the rows, in the reference in 0.0%."


def test_wrong_types_constants_and_columns_that_vanished() -> None:
    texts = reference()[:500].with_columns(x=pl.lit("many"), y=pl.lit(1.5)).drop("k")
    report = told(texts)
    assert {("type_failures", "x"), ("constant", "y"), ("vanished", "k")} <= kinds(report)
    assert column(report, "x").type_failures == 500
    assert column(report, "y").constant is True
    nothing = told(reference()[:500].with_columns(x=pl.lit(float("nan"))))
    assert kinds(nothing) == {("vanished", "x")}


def test_unseen_values_without_names_are_no_constant() -> None:
    rows = reference()[:500].with_columns(k=pl.lit("z"))
    profile = Profile(layout_of(reference()))
    profile.add(rows)
    assert column(told(rows), "k").constant is True
    forgotten = Profile.decode(profile.layout, without_names(profile.encode()))
    report = quality(forgotten, SCOPE)
    assert column(report, "k").constant is False
    assert column(report, "k").unseen == 500
    (unseen,) = [finding for finding in report.findings if finding.kind == "unseen"]
    assert unseen.text == "100.0% of the values of 'k' are categories that the reference does not have."


def test_repeated_rows_are_found() -> None:
    report = told(pl.concat([reference()[:100]] * 5))
    assert ("duplicates", None) in kinds(report)
    assert report.duplicates.value == pytest.approx(0.8)


def numbers(*columns: np.ndarray[Any, Any]) -> pl.DataFrame:
    return pl.DataFrame({f"x{at}": column.astype(float) for at, column in enumerate(columns)})


def duplicates(before: pl.DataFrame, now: pl.DataFrame, pieces: int = 1) -> Finding | None:
    layout = layout_of(before[:300])
    sides = Profile(layout), Profile(layout)
    for profile, frame in zip(sides, (before, now), strict=True):
        for part in frame.iter_slices(-(-max(1, frame.height) // pieces)):
            profile.add(part)
    report = quality(sides[1], SCOPE, reference=sides[0])
    return next((finding for finding in report.findings if finding.kind == "duplicates"), None)


def test_a_row_that_is_stuck_is_found_whether_it_is_in_the_sample_or_not() -> None:
    for seed in range(50):
        random = np.random.default_rng(seed)
        before, now = random.normal(size=5000), random.normal(size=4000)
        found = duplicates(numbers(before), numbers(np.append(now, np.full(6000, 0.5))), pieces=1 + seed % 3)
        assert found is not None
        assert found.share == pytest.approx(0.6, abs=0.1)
        assert duplicates(numbers(before), numbers(now)) is None


def test_rows_that_are_all_sent_twice_are_found() -> None:
    for seed in range(20):
        random = np.random.default_rng(seed)
        before, now = random.normal(size=10_000), random.normal(size=5000)
        assert duplicates(numbers(before), numbers(np.append(now, now))) is not None
        # A third of them; beside fewer rows of the reference too.
        assert duplicates(numbers(before[:5000]), numbers(np.append(now, now[:2500]))) is not None


@pytest.mark.parametrize("n_values", [3, 8, 20, 70, 300])
@pytest.mark.parametrize(("n_before", "n_now"), [(300, 100_000), (300, 150), (5000, 2000), (2000, 20_000)])
def test_few_possible_rows_repeat_each_other_the_more_the_more_there_are(
    n_values: int, n_before: int, n_now: int
) -> None:
    for seed in range(3):
        random = np.random.default_rng(seed)
        before, now = (numbers(*random.integers(0, n_values, (2, n))) for n in (n_before, n_now))
        assert duplicates(before, now, pieces=5) is None


def test_without_a_reference_repeated_rows_are_found_too() -> None:
    profile = Profile(layout_of(reference()))
    profile.add(pl.concat([reference()[:100]] * 5))
    assert [finding.kind for finding in quality(profile, SCOPE).findings] == ["duplicates"]
    none = quality(Profile(profile.layout), SCOPE, reference=profile)
    assert none.duplicates == Figure(value=None, n=0, why="not enough rows: 0 of 1")


def test_with_few_rows_there_are_counts_but_no_findings() -> None:
    report = told(reference()[:20].with_columns(x=pl.lit(None, pl.Float64)))
    assert report.why == "not enough rows: 20 of 100"
    assert report.findings == ()
    assert column(report, "x").missing == 20
    empty = told(reference().clear())
    assert empty.rows == 0
    assert empty.duplicates.value is None


def hours(*rows: int) -> list[Traffic]:
    start = NOW.replace(minute=0) - timedelta(hours=len(rows) - 1)
    return [Traffic(since=start + timedelta(hours=at), rows=n) for at, n in enumerate(rows)]


def test_silence_is_longer_than_what_is_usual() -> None:
    usual = hours(*[100] * 40, *[0] * 8)
    last = NOW - timedelta(hours=8)
    assert ("silence", None) not in kinds(told(reference(), traffic=usual, last_row=last))  # not told when it is now
    assert ("silence", None) not in kinds(told(reference(), traffic=usual, last_row=last, now=last))
    # Eight hours are the longest pause there was; so it was before only where such pauses are usual.
    nights = hours(*([100] * 16 + [0] * 8) * 3)
    assert ("silence", None) not in kinds(told(reference(), traffic=nights, last_row=last, now=NOW))
    told_now = told(reference(), traffic=hours(*[100] * 48), last_row=NOW - timedelta(hours=3), now=NOW)
    assert ("silence", None) in kinds(told_now)


def jumps(*rows: int, now: datetime | None = None) -> bool:
    return ("jump", None) in kinds(told(reference(), traffic=hours(*rows), now=now))


@pytest.mark.parametrize(("latest", "expected"), [(100, False), (350, True), (20, True), (0, True), (150, False)])
def test_traffic_that_jumps(latest: int, expected: bool) -> None:
    assert jumps(*[100, 110, 90] * 16, latest, 3, now=NOW) is expected
    assert jumps(*[100, 110, 90] * 16, latest) is expected


def test_an_hour_is_looked_at_when_it_is_over() -> None:
    usual = [100] * 48
    assert not jumps(*usual, 0, now=NOW)
    assert jumps(*usual, 0, now=NOW + timedelta(minutes=30))
    assert jumps(*usual, 0)
    assert not jumps(*usual[:23], 0)


#: What is expected of an hour, given its number since a Monday began.
USUAL: dict[str, Callable[[int], float]] = {
    "always": lambda at: 100,
    "days and nights": lambda at: 100 if 6 <= at % 24 < 22 else 0,
    "weekdays": lambda at: (100 if 6 <= at % 24 < 22 else 2) if at % 168 < 120 else 4,
    "closed on weekends": lambda at: 100 if 6 <= at % 24 < 22 and at % 168 < 120 else 0,
    "growing": lambda at: 100 * 1.05 ** (at / 24),
    "few": lambda at: 2,
}


@pytest.mark.parametrize("usual", USUAL)
def test_ordinary_hours_are_no_jumps(usual: str) -> None:
    random = np.random.default_rng(0)
    rows = [int(random.poisson(USUAL[usual](at))) for at in range(24 * 21)]
    # Of a weekend nothing is known in the first week.
    first = 25 if "week" not in usual else 24 * 7 + 1
    found = [end for end in range(first, len(rows)) if list(_jump(rows[max(0, end - 190) : end]))]
    assert found == []


@pytest.mark.parametrize("usual", [name for name in USUAL if name != "few"])
@pytest.mark.parametrize("times", [10, 0.1, 0])
@pytest.mark.parametrize("n_days", [2, 4, 8, 15])
def test_ten_times_as_much_a_tenth_and_nothing_are_jumps(usual: str, times: float, n_days: int) -> None:
    random = np.random.default_rng(0)
    at = 24 * n_days + 12
    rows = [int(random.poisson(USUAL[usual](each))) for each in range(at)]
    latest = int(random.poisson(times * USUAL[usual](at)))
    # In the first days nothing tells a night from a day without rows.
    is_known = times > 1 or n_days > 2 or usual in ("always", "growing")
    assert bool(list(_jump([*rows, latest]))) is is_known


def test_one_day_that_was_otherwise_hides_no_jump() -> None:
    for latest in (1000, 0):
        assert jumps(*[100] * 120, *[latest] * 24, *[100] * 48, latest)


def test_where_days_differ_much_more_is_needed() -> None:
    steady, unsteady = [100, 110, 95, 105, 100, 90, 100], [100, 250, 40, 180, 60, 100, 220]
    for day, expected in ((steady, True), (unsteady, False)):
        assert jumps(*[n for n in day for _ in range(24)], 400) is expected


def test_shares_of_all_values() -> None:
    layout = layout_of(reference())
    profile = Profile(layout)
    assert shares(profile) == (None, None, None)
    profile.add(pl.DataFrame({"x": [None, 0.0, 99.0, 0.0], "y": [0.0] * 4, "k": ["a", "z", "a", "a"]}))
    assert shares(profile) == (1 / 12, 1 / 7, 1 / 4)


def test_what_the_reference_has_itself_is_no_finding() -> None:
    rows = pl.DataFrame(
        {"x": [1.0, 2.0, 3.0, np.inf] * 100, "y": [None] * 400}, schema={"x": pl.Float64, "y": pl.Float64}
    )
    layout = layout_of(rows)
    before, now = Profile(layout), Profile(layout)
    before.add(rows)
    now.add(rows)
    found = kinds(quality(now, SCOPE, reference=before))
    assert ("out_of_range", "x") not in found
    filled = Profile(layout)
    filled.add(rows.with_columns(y=pl.lit(1.0)))
    assert ("constant", "y") not in kinds(quality(filled, SCOPE, reference=before))
    more = Profile(layout)
    more.add(rows.with_columns(x=pl.Series([1.0, np.inf, np.inf, np.inf] * 100)))
    assert ("out_of_range", "x") in kinds(quality(more, SCOPE, reference=before))
