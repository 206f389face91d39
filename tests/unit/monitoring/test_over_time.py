"""Drift and quality of columns over time: real profiles in a home; columns move, come back, split and go missing."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import msgspec
import numpy as np
import pandas as pd
import polars as pl
import pytest

from garcom.monitoring.days import remove_old_hours, sum_days
from garcom.monitoring.drift import drift
from garcom.monitoring.known_versions import KnownVersions
from garcom.monitoring.over_time import Parts, drift_over_time, quality_over_time, spell_of
from garcom.monitoring.quality import quality
from garcom.monitoring.records import (
    DriftOverTime,
    DriftReport,
    Part,
    QualityOverTime,
    QualityReport,
    Report,
    Scope,
    Spell,
)
from garcom.profiles.layout import Layout, layout_of
from garcom.profiles.profile import Profile
from tests.unit.monitoring.homes import DAY, HOUR, NOW, Home, asked

MIDNIGHT = NOW.replace(hour=0, minute=0)
WEEK = Scope(model="m", since=MIDNIGHT - 10 * DAY, until=NOW)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path)


def serve_mornings(home: Home, rows: pd.DataFrame, began: datetime, days: int = 10) -> None:
    """As many of the rows on each day as on the others, in its first two hours: few hours have to be profiled."""
    n = len(rows) // days
    times = [began + number * DAY + at * 2 * HOUR / n for number in range(days) for at in range(n)]
    home.serve_at(rows, times)


def serve_days(home: Home, moved: dict[int, float], n: int = 150, days: int = 10) -> None:
    """So many rows on each of the days before today, ``x`` shifted on those that moved."""
    parts = [asked(n, seed=100 + day, shift=moved.get(day, 0.0)) for day in range(days)]
    serve_mornings(home, pd.concat(parts, ignore_index=True), MIDNIGHT - days * DAY, days)


def day(number: int) -> datetime:
    return MIDNIGHT + (number - 10) * DAY


def of_column(report: DriftReport, name: str) -> DriftOverTime:
    found = next(each.over_time for each in report.columns if each.column == name)
    assert found is not None
    return found


def quality_of(report: QualityReport, name: str) -> QualityOverTime:
    found = next(each.over_time for each in report.columns if each.column == name)
    assert found is not None
    return found


def test_a_column_that_moves_in_the_middle_has_moved_since(home: Home) -> None:
    serve_days(home, dict.fromkeys(range(6, 10), 2.0))
    report = home.monitor.drift(WEEK, parts=True)
    assert [each.since for each in report.parts] == [day(at) for at in range(10 + 1)]
    assert [each.rows for each in report.parts] == [150] * 10 + [0]
    x = of_column(report, "x")
    assert x.drifted == (False,) * 6 + (True,) * 4 + (None,)
    assert x.effects[-1] is None
    assert x.spell is not None
    assert (x.spell.since, x.spell.until, x.spell.or_before) == (day(6), None, False)
    assert x.spell.most == max(each for each in x.effects if each is not None) > 0.6
    assert x.effects[x.effects.index(x.spell.most)] == x.spell.most
    assert of_column(report, "z").spell is None
    assert of_column(report, "prediction").spell is not None
    assert home.monitor.drift(WEEK).parts == ()


def test_a_part_is_told_as_a_window_of_its_own_is(home: Home) -> None:
    serve_days(home, {6: 1.0})
    report = home.monitor.drift(WEEK, parts=True)
    alone = home.monitor.drift(Scope(model="m", since=MIDNIGHT - 4 * DAY, until=MIDNIGHT - 3 * DAY))
    for column in alone.columns:
        assert of_column(report, column.column).effects[6] == pytest.approx(column.effect), column.column


def test_a_column_that_came_back_moved_from_and_until(home: Home) -> None:
    serve_days(home, dict.fromkeys((3, 4, 5), 1.5))
    spell = of_column(home.monitor.drift(WEEK, parts=True), "x").spell
    assert spell is not None
    assert (spell.since, spell.until) == (day(3), day(6))


def test_a_category_that_splits(home: Home) -> None:
    rows = asked(10 * 150, seed=3)
    late = rows.index >= 5 * 150
    split = np.random.default_rng(5).random(len(rows)) < 0.5
    rows.loc[late & split & (rows["region"] == "SP"), "region"] = "SP-capital"
    serve_mornings(home, rows, MIDNIGHT - 10 * DAY)
    spell = of_column(home.monitor.drift(WEEK, parts=True), "region").spell
    assert spell is not None
    assert (spell.since, spell.until) == (day(5), None)
    quality = quality_of(home.monitor.quality(WEEK, parts=True), "region")
    assert quality.spells.keys() == {"unseen"}
    assert quality.spells["unseen"].since == day(5)
    assert quality.unseen[:5] == (0.0,) * 5
    assert quality.out_of_range == ()


def test_what_was_missing_on_one_day_is_told_by_that_day(home: Home) -> None:
    rows = asked(10 * 150, seed=3)
    rows["z"] = rows["z"].astype(object)
    rows.loc[4 * 150 : 5 * 150 - 1 : 3, "z"] = None
    rows.loc[9 * 150 :, "x"] = 1e6
    serve_mornings(home, rows, MIDNIGHT - 10 * DAY)
    report = home.monitor.quality(WEEK, parts=True)
    z = quality_of(report, "z")
    assert z.missing == (0.0,) * 4 + (50 / 150,) + (0.0,) * 5 + (None,)
    assert z.spells == {"missing": Spell(since=day(4), until=day(5), most=50 / 150, most_at=day(4))}
    assert z.at_fault == {"missing": (False,) * 4 + (True,) + (False,) * 5 + (None,)}
    assert quality_of(report, "x").spells["out_of_range"].until is None
    assert [each.rows for each in report.parts] == [150] * 10 + [0]


class Drawn(Parts):
    """Parts whose rows come from where the reference rows came from."""

    def __init__(self, layout: Layout, seed: int, n_parts: int, n_rows: int) -> None:
        self.why = None
        self._layout, self._seed, self._n_parts, self._n_rows = layout, seed, n_parts, n_rows

    def __len__(self) -> int:
        return self._n_parts

    def __iter__(self) -> Iterator[tuple[Part, Profile]]:
        for at in range(self._n_parts):
            profile = Profile(self._layout)
            profile.add(drawn(self._n_rows, 1000 * self._seed + at))
            since = MIDNIGHT + at * DAY
            yield Part(since=since, until=since + DAY, rows=self._n_rows), profile


def drawn(n: int, seed: int) -> pl.DataFrame:
    """Rows with what may alarm by chance: skewed numbers, counts, rare categories, missing values."""
    random = np.random.default_rng(seed)
    skewed = random.exponential(1.0, n)
    return pl.DataFrame(
        {
            "skewed": np.where(random.random(n) < 0.1, np.nan, skewed),
            "count": random.poisson(2.0, n),
            "many": [f"c{at}" for at in random.zipf(1.6, n).clip(max=400)],
            "few": random.choice(["a", "b", "c"], n),
        }
    )


@pytest.mark.parametrize(("n_reference", "n_rows"), [(400, 100), (5000, 130)])
def test_quiet_stationary_windows_have_no_spell(n_reference: int, n_rows: int) -> None:
    frame = drawn(n_reference, 10**6)
    layout = layout_of(frame)
    reference = Profile(layout)
    reference.add(frame)
    for seed in range(5):
        parts = Drawn(layout, seed, 12, n_rows)
        whole = Profile(layout)
        for _, profile in parts:
            whole.merge(profile)
        scope = Scope(model="m")
        moved = drift_over_time(drift(reference, whole, scope), reference, parts)
        assert [each.column for each in moved.columns if each.over_time and each.over_time.spell] == []
        found = quality_over_time(quality(whole, scope, reference=reference), reference, parts)
        assert [each.column for each in found.columns if each.over_time and each.over_time.spells] == []


@pytest.mark.parametrize(
    ("per_hour", "hours", "length"),
    [(120, 12, HOUR), (40, 24, 3 * HOUR), (10, 48, 12 * HOUR), (6, 96, DAY), (1, 24 * 14, 7 * DAY)],
)
def test_parts_are_as_long_as_it_takes_to_have_enough_rows(
    home: Home, per_hour: int, hours: int, length: timedelta
) -> None:
    until = MIDNIGHT - MIDNIGHT.weekday() * DAY  # a Monday
    home.serve(asked(per_hour * hours, seed=4), until - hours * HOUR, until)
    report = home.monitor.drift(Scope(model="m", since=until - hours * HOUR, until=until), parts=True)
    assert {each.until - each.since for each in report.parts} == {length}
    assert sum(each.rows for each in report.parts) == per_hour * hours
    assert report.parts_why is None


def test_what_cannot_be_parted_says_why(home: Home) -> None:
    assert home.monitor.drift(WEEK, parts=True).parts_why == "no rows"
    serve_mornings(home, asked(40 * 10, seed=4), MIDNIGHT - 10 * DAY)
    fewer = Scope(model="m", since=MIDNIGHT - 3 * DAY, until=NOW)
    assert home.monitor.drift(fewer, parts=True).parts_why == "not enough rows in a part: 40 of 100"
    assert home.monitor.quality(fewer, parts=True).parts_why == "not enough rows in a part: 40 of 100"
    hour = Scope(model="m", since=MIDNIGHT - DAY, until=MIDNIGHT - DAY + HOUR)
    assert home.monitor.drift(hour, parts=True).parts_why == "all rows came in one part of the time"
    other = home.monitor.drift(msgspec.structs.replace(WEEK, segment="x=1"), parts=True)
    assert other.parts_why == "of x no profiles are kept by the hour"
    assert other.parts == ()


def test_a_segment_is_told_over_time_too(home: Home) -> None:
    rows = asked(10 * 300, seed=3)
    rows.loc[(rows.index >= 5 * 300) & (rows["region"] == "SP"), "x"] += 2.0
    serve_mornings(home, rows, MIDNIGHT - 10 * DAY)
    south, north = (
        home.monitor.drift(msgspec.structs.replace(WEEK, segment=f"region={name}"), parts=True) for name in ("SP", "RJ")
    )
    spell = of_column(south, "x").spell
    assert spell is not None
    assert spell.since == day(5)
    assert of_column(north, "x").spell is None
    assert sum(each.rows for each in south.parts) == (rows["region"] == "SP").sum()


def test_rows_that_wait_in_the_journal_are_in_the_last_part(home: Home) -> None:
    serve_days(home, {})
    home.write(asked(200, seed=9, shift=2.0))
    report = home.monitor.drift(WEEK, parts=True)
    assert report.parts[-1].rows == 200
    spell = of_column(report, "x").spell
    assert spell is not None
    assert spell.since == MIDNIGHT


def test_old_windows_are_told_by_days(home: Home) -> None:
    began = MIDNIGHT - 100 * DAY
    parts = [asked(150, seed=at, shift=2.0 * (at > 3)) for at in range(6)]
    serve_mornings(home, pd.concat(parts, ignore_index=True), began, 6)
    database = home.registry.database
    sum_days(database, KnownVersions(home.registry.blobs), NOW)
    remove_old_hours(database, NOW)
    window = Scope(model="m", since=began, until=began + 6 * DAY)
    report = home.monitor.drift(window, parts=True)
    assert [each.rows for each in report.parts] == [150] * 6
    spell = of_column(report, "x").spell
    assert spell is not None
    assert spell.since == began + 4 * DAY
    short = home.monitor.drift(Scope(model="m", since=began + 3 * DAY, until=began + 5 * DAY), parts=True)
    assert [each.rows for each in short.parts] == [150] * 2


def test_the_reference_of_parts_is_that_of_the_report(home: Home) -> None:
    serve_days(home, dict.fromkeys(range(10), 2.0))
    before = home.monitor.drift(Scope(model="m", since=MIDNIGHT - 4 * DAY), reference="previous", parts=True)
    assert of_column(before, "x").spell is None
    spell = of_column(home.monitor.drift(WEEK, parts=True), "x").spell
    assert spell is not None
    assert spell.or_before


def test_a_whole_report_has_both(home: Home) -> None:
    serve_days(home, dict.fromkeys(range(6, 10), 2.0))
    report = home.monitor.report(WEEK)
    assert report.drift is not None
    assert report.quality is not None
    assert report.drift.parts == report.quality.parts != ()
    assert msgspec.json.decode(msgspec.json.encode(report), type=Report) == report


def test_a_window_without_a_reference_has_no_parts(home: Home) -> None:
    serve_days(home, {})
    reference = home.monitor._references.of(home.version.digest)
    home.monitor._references.of = lambda digest: reference._replace(training=None)  # type: ignore[assignment]
    assert home.monitor.drift(WEEK, parts=True).parts == ()
    assert home.monitor.quality(WEEK, parts=True).parts == ()


@pytest.mark.parametrize(
    ("was_so", "found"),
    [
        ("", None),
        ("..?", None),
        ("..##", (2, None, False)),
        ("#.##.", (2, 4, False)),
        ("?##?#", (1, None, True)),
        ("..#??", (2, None, False)),
        ("#.#?.", (2, 3, False)),
        ("#~##~", (0, None, True)),
        ("#~~##", (3, None, False)),
        (".##~~", (1, 3, False)),
        ("#~?~#", (4, None, False)),
    ],
)
def test_a_spell_is_the_last_unbroken_run(was_so: str, found: tuple[int, int | None, bool] | None) -> None:
    parts = [Part(since=MIDNIGHT + at * DAY, until=MIDNIGHT + (at + 1) * DAY, rows=1) for at in range(len(was_so))]
    sizes = [at / 10 for at in range(len(was_so))]
    signs = {"#": True, ".": False, "~": False, "?": None}
    spell = spell_of(parts, sizes, [signs[sign] for sign in was_so], [sign in "#~" for sign in was_so])
    if found is None:
        assert spell is None
        return
    since, until, or_before = found
    last = was_so.rindex("#")
    assert spell == Spell(
        since=MIDNIGHT + since * DAY,
        until=None if until is None else MIDNIGHT + until * DAY,
        or_before=or_before,
        most=sizes[last],
        most_at=parts[last].since,
    )
