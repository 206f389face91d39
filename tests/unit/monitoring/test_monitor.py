"""Reports of a model in a home folder: rows in the lake and in the journal, their profiles, actuals."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

import garcom
from garcom.errors import InputError, ModelNotFound, VersionNotFound
from garcom.monitoring.days import remove_old_hours, sum_days
from garcom.monitoring.known_versions import KnownVersions
from garcom.monitoring.records import Scope
from tests.unit.monitoring.homes import DAY, HOUR, NOW, Home, asked, said


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path)


def drifted(report: Any) -> list[str]:
    return [column.column for column in report.columns if column.drifted]


def test_nothing_was_asked_yet(home: Home) -> None:
    assert home.monitor.drift(Scope(model="m")).why == "not enough rows: 0 of 100"
    quality = home.monitor.quality(Scope(model="m"))
    assert quality.why == "not enough rows: 0 of 100"
    assert quality.last_row is None
    performance = home.monitor.performance(Scope(model="m"))
    assert performance.rows == 0
    assert performance.why is not None
    assert home.monitor.report(Scope(model="m")).alerts == ()


def test_the_rows_that_moved_are_told_by_the_hours_in_which_they_came(home: Home) -> None:
    home.serve(asked(400, seed=1), NOW - 10 * HOUR, NOW - 5 * HOUR)
    home.serve(asked(400, seed=2, shift=1.0), NOW - 5 * HOUR, NOW)
    calm = home.monitor.drift(Scope(model="m", since=NOW - 10 * HOUR, until=NOW.replace(minute=0) - 5 * HOUR))
    assert calm.rows_current == 360  # of 80 an hour from 2:30 to 7:00
    assert calm.drifted is False
    moved = home.monitor.drift(Scope(model="m", since=NOW - 4 * HOUR))
    assert drifted(moved) == ["x", "prediction"]
    assert moved.scope.version == 1
    whole = home.monitor.report(Scope(model="m", since=NOW - 4 * HOUR))
    assert whole.drift is not None
    assert {each.method: each.drifted for each in whole.drift.joint}["domain_classifier"] is True


def test_windows_are_exact_though_profiles_are_of_hours(home: Home) -> None:
    home.serve(asked(600, seed=1), NOW - 10 * HOUR, NOW)  # one a minute
    minute = timedelta(minutes=1)
    for since, until in ((150, 1), (119, 60), (45, 5), (90, 30), (31, 30), (600, 0), (240, 120)):
        found = home.monitor.quality(Scope(model="m", since=NOW - since * minute, until=NOW - until * minute))
        assert found.rows == since - until
    home.write(asked(40, seed=2))
    assert home.monitor.quality(Scope(model="m", since=NOW - 5 * minute)).rows == 45
    for first, last in ((datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, tzinfo=UTC)), (NOW - DAY, None)):
        assert home.monitor.quality(Scope(model="m", since=first, until=last)).rows == 640
        assert home.monitor.performance(Scope(model="m", since=first, until=last)).rows == 640
        assert home.monitor.drift(Scope(model="m", since=first, until=last)).rows_current == 640


def test_rows_of_the_journal_count_at_once(home: Home) -> None:
    home.serve(asked(100, seed=1), NOW - 3 * HOUR, NOW - 2 * HOUR)
    home.write(asked(150, seed=2))
    report = home.monitor.drift(Scope(model="m", since=NOW - DAY))
    assert report.rows_current == 250
    quality = home.monitor.quality(Scope(model="m", since=NOW - DAY))
    assert quality.rows == 250
    assert [(each.since.hour, each.rows) for each in quality.traffic if each.rows] == [(9, 50), (10, 50), (12, 150)]
    assert quality.last_row == NOW - timedelta(minutes=1)


def test_the_first_rows_of_all_stand_in_the_journal(home: Home) -> None:
    home.write(asked(120, seed=2))
    assert home.monitor.drift(Scope(model="m", since=NOW - HOUR)).rows_current == 120


@pytest.mark.parametrize("kept", [True, False], ids=["profiled-apart", "read-from-the-lake"])
def test_a_segment(home: Home, kept: bool) -> None:
    rows = asked(600, seed=1)
    rows.loc[rows["region"] == "SP", "x"] += 2.0
    home.serve(rows, NOW - 5 * HOUR, NOW)
    if not kept:
        reference = home.monitor._references.of(home.version.digest)
        assert reference.training is not None
        told = reference.training.told
        told = msgspec.structs.replace(told, layout=msgspec.structs.replace(told.layout, segments=()))
        training = reference.training._replace(told=told)
        home.monitor._references.of = lambda digest: reference._replace(training=training)  # type: ignore[assignment]
    south = home.monitor.drift(Scope(model="m", since=NOW - 6 * HOUR, segment="region=SP"))
    assert south.rows_current == (rows["region"] == "SP").sum()
    assert "x" in drifted(south)
    other = home.monitor.drift(Scope(model="m", since=NOW - 6 * HOUR, segment="region=RJ"))
    assert "x" not in drifted(other)
    none = home.monitor.drift(Scope(model="m", since=NOW - 6 * HOUR, segment="region=MG"))
    assert none.why == f"not enough rows{' of the reference' * kept}: 0 of 100"


@pytest.mark.parametrize("kept", [True, False], ids=["profiled-apart", "read-from-the-lake"])
def test_that_all_rows_of_a_segment_have_its_value_is_no_drift(tmp_path: Path, kept: bool) -> None:
    # Regions differ: what is usual in one has moved beside all rows.
    packed = asked(2000).assign(x=lambda rows: rows["x"] + 2.0 * (rows["region"] == "SP"))
    home = Home(tmp_path, packed=packed)
    served = asked(900, seed=1).assign(x=lambda rows: rows["x"] + 2.0 * (rows["region"] == "SP"))
    home.serve(served, NOW - 5 * HOUR, NOW)
    if not kept:
        reference = home.monitor._references.of(home.version.digest)
        assert reference.training is not None
        told = msgspec.structs.replace(reference.training.told, segments={})
        training = reference.training._replace(told=told)
        home.monitor._references.of = lambda digest: reference._replace(training=training)  # type: ignore[assignment]
    scope = Scope(model="m", since=NOW - 6 * HOUR, segment="region=SP")
    report = home.monitor.drift(scope, classifier=True, parts=True)
    region = next(each for each in report.columns if each.column == "region")
    quality = home.monitor.quality(scope)
    assert [each.kind for each in quality.findings if each.column == "region"] == []
    if kept:
        assert report.drifted is False
        assert report.rows_reference == (packed["region"] == "SP").sum()
        assert [each.drifted for each in report.joint] == [False, False]
        return
    assert drifted(report) == ["x", "prediction"]
    assert (region.drifted, region.why) == (None, "the reference is of all rows, whatever their region")
    assert region.over_time is None
    assert [each.why for each in report.joint] == ["the reference is of all rows, whatever their region"] * 2


def test_other_references(home: Home) -> None:
    for weeks in (1, 2):
        home.serve(asked(200, seed=weeks, shift=1.0), NOW - weeks * 7 * DAY, NOW - weeks * 7 * DAY + 2 * HOUR)
    home.serve(asked(200, seed=7), NOW - 4 * HOUR, NOW - 2 * HOUR)
    home.serve(asked(200, seed=9, shift=1.0), NOW - 0.5 * HOUR, NOW + 1.5 * HOUR)
    window = Scope(model="m", since=NOW - 0.5 * HOUR, until=NOW + 1.5 * HOUR)
    assert "x" in drifted(home.monitor.drift(window))
    seasonal = home.monitor.drift(window, reference="seasonal")
    assert seasonal.rows_reference == 300  # those of 12 and 13 o'clock on the same weekday
    assert seasonal.drifted is False
    before = home.monitor.drift(Scope(model="m", since=NOW - 0.5 * HOUR, until=NOW + 3.5 * HOUR), reference="previous")
    assert before.rows_reference == 200
    assert "x" in drifted(before)


@pytest.fixture
def aged(home: Home) -> Home:
    """Rows of a hundred days ago, of which there are no hours any more."""
    began = NOW - 100 * DAY
    home.serve(asked(300, seed=1, shift=1.0), began - 3 * HOUR, began)
    home.serve(asked(200, seed=2), began + DAY, began + DAY + 2 * HOUR)
    database = home.registry.database
    sum_days(database, KnownVersions(home.registry.blobs), NOW)
    assert remove_old_hours(database, NOW) == 6  # two days, of all rows and of two regions
    return home


def test_old_windows_are_of_whole_days(aged: Home) -> None:
    began = NOW - 100 * DAY
    report = aged.monitor.drift(Scope(model="m", since=began - HOUR, until=began))
    midnight = began.replace(hour=0, minute=0)
    assert (report.scope.since, report.scope.until) == (midnight, midnight + DAY)
    assert report.rows_current == 300
    assert "x" in drifted(report)
    assert aged.monitor.drift(Scope(model="m", since=midnight, until=midnight + DAY)).rows_current == 300
    south = aged.monitor.drift(Scope(model="m", since=midnight, until=midnight + 2 * DAY, segment="region=SP"))
    assert south.why is None
    before = aged.monitor.drift(
        Scope(model="m", since=midnight + 1.5 * DAY, until=midnight + 1.6 * DAY), reference="previous"
    )
    assert (before.rows_reference, before.rows_current) == (300, 200)
    seasonal = aged.monitor.drift(
        Scope(model="m", since=midnight + DAY, until=midnight + 2 * DAY), reference="seasonal"
    )
    assert seasonal.why is not None


def test_traffic_of_old_windows_is_told_by_days(aged: Home) -> None:
    began = NOW - 100 * DAY
    quality = aged.monitor.quality(Scope(model="m", since=began, until=began + 3 * DAY))
    assert [each.rows for each in quality.traffic] == [300, 200, 0, 0]
    assert [each.missing for each in quality.traffic] == [0.0, 0.0, None, None]
    assert not [each for each in quality.findings if each.kind in ("jump", "silence")]
    whole = aged.monitor.quality(Scope(model="m", since=began - DAY))
    assert whole.rows == 500


def test_a_window_beside_days_without_hours_has_hours(aged: Home) -> None:
    since = (NOW - 61 * DAY).replace(minute=0)
    aged.serve(asked(120, seed=3), since, since + 2 * HOUR)
    quality = aged.monitor.quality(Scope(model="m", since=since, until=since + 3 * HOUR))
    assert [each.rows for each in quality.traffic] == [60, 60, 0]


def test_a_version_that_was_removed_is_not_the_latest(home: Home) -> None:
    home.serve(asked(120, seed=3), NOW - 3 * HOUR, NOW - 2 * HOUR)
    again = garcom.pack(None, asked(50), answers=said(asked(50)), name="m", out=home.folder / "again")
    assert home.registry.register(again.path).number == 2
    home.registry.remove("m:1", force=True)
    assert home.monitor.drift(Scope(model="m")).scope.version == 2


def test_all_parts_of_a_report_are_about_one_version(home: Home) -> None:
    ids = home.serve(asked(200, seed=3), NOW - 3 * HOUR, NOW - 2 * HOUR)
    home.tell(ids, ["bad"] * 200)
    again = garcom.pack(None, asked(50), answers=said(asked(50)), name="m", out=home.folder / "again")
    assert home.registry.register(again.path).number == 2
    home.write(asked(120, seed=4), number=2)
    report = home.monitor.report(Scope(model="m", since=NOW - DAY))
    assert report.title == "m:2"
    assert report.details == {"other_versions_in_this_window": ["m:1"]}
    assert report.drift is not None
    assert report.quality is not None
    assert report.performance is not None
    assert {part.scope.version for part in (report.drift, report.quality, report.performance)} == {2}
    assert (report.drift.rows_current, report.quality.rows, report.performance.rows) == (120, 120, 120)
    assert report.performance.actuals == 0
    assert home.monitor.report(Scope(model="m", version=1, since=NOW - DAY)).details == {}
    assert home.monitor.performance(Scope(model="m", since=NOW - DAY)).rows == 320


def test_the_latest_version_is_the_same_before_and_after_a_drain(home: Home) -> None:
    again = garcom.pack(None, asked(50), answers=said(asked(50)), name="m", out=home.folder / "again")
    assert home.registry.register(again.path).number == 2
    begin = NOW.replace(minute=0) - 2 * HOUR
    home.write(asked(40, seed=1), begin)
    home.write(asked(30, seed=2), begin + timedelta(minutes=1), number=2)

    def latest() -> int | None:
        return home.monitor.drift(Scope(model="m")).scope.version

    assert latest() == 1
    home.drain()
    assert latest() == 1
    home.write(asked(1, seed=3), begin + HOUR, number=2)
    assert latest() == 2
    home.drain()
    assert latest() == 2


def test_the_last_row_is_that_of_the_segment_and_of_the_stage(home: Home) -> None:
    rows = asked(300, seed=5)
    home.serve(rows[rows["region"] == "SP"], NOW - 30 * HOUR, NOW - 29 * HOUR)
    home.serve(rows[rows["region"] != "SP"], NOW - 2 * HOUR, NOW - HOUR)

    def last(**asked_of: Any) -> datetime | None:
        return home.monitor.quality(Scope(model="m", since=NOW - 7 * DAY, **asked_of)).last_row

    everything, south = last(), last(segment="region=SP")
    assert everything is not None
    assert south is not None
    assert NOW - 2 * HOUR < everything < NOW - HOUR
    assert NOW - 30 * HOUR < south < NOW - 29 * HOUR
    assert last(stage="stable") == everything
    assert last(stage="canary") is None
    assert last(segment="region=nowhere") is None
    home.write(rows[rows["region"] == "SP"][:20])
    assert last(segment="region=SP") == last() == NOW - timedelta(minutes=1)


def test_performance_has_the_baseline_and_late_actuals(home: Home) -> None:
    rows = asked(300, seed=1)
    ids = home.serve(rows, NOW - 5 * HOUR, NOW - 1 * HOUR)
    assert home.monitor.performance(Scope(model="m", since=NOW - DAY)).actuals == 0
    home.tell(ids[:200], said(rows)[:200])
    report = home.monitor.performance(Scope(model="m", since=NOW - DAY))
    assert report.metrics["accuracy"].value == 1.0
    assert report.maturity == pytest.approx(2 / 3)
    home.tell(ids[200:], ["good"] * 100)
    accuracy = home.monitor.performance(Scope(model="m", since=NOW - DAY)).metrics["accuracy"].value
    assert accuracy == pytest.approx((200 + said(rows)[200:].count("good")) / 300)


def test_a_version_without_a_reference_profile_says_so(tmp_path: Path) -> None:
    home = Home(tmp_path)
    home.monitor._references.of = lambda digest: home_reference(home)  # type: ignore[assignment]
    home.serve(asked(150, seed=1), NOW - 2 * HOUR, NOW)
    report = home.monitor.drift(Scope(model="m", since=NOW - DAY))
    assert report.why is not None
    assert report.why.startswith("m:1 has no reference profile")
    quality = home.monitor.quality(Scope(model="m", since=NOW - DAY))
    assert quality.why == report.why
    assert quality.rows == 150


def home_reference(home: Home) -> Any:
    from garcom.monitoring.references import References

    return References(home.registry.blobs).of(home.version.digest)._replace(training=None)


@pytest.mark.parametrize(
    ("options", "reference", "error", "message"),
    [
        ({}, "yesterday", InputError, "reference of training, seasonal, previous"),
        ({"segment": "region"}, None, InputError, "field=value"),
        ({"segment": "nope=1"}, None, InputError, "segment of a field"),
        ({"since": NOW, "until": NOW}, None, InputError, "begins before it ends"),
        ({"version": 7}, None, VersionNotFound, "7"),
    ],
)
def test_what_cannot_be_asked(
    home: Home, options: dict[str, Any], reference: str | None, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        home.monitor.drift(Scope(model="m", **options), reference=reference)
    with pytest.raises(ModelNotFound):
        home.monitor.drift(Scope(model="other"))
