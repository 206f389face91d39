"""Every row that was acknowledged counts once in every report, at whatever step a drain is."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import NamedTuple, TypeVar

import polars as pl
import pytest

import garcom
from garcom.errors import Unavailable
from garcom.monitoring.records import QualityReport, Scope
from garcom.storage import profiles
from tests.unit.monitoring.homes import DAY, HOUR, NOW, Home, asked, said

T = TypeVar("T")

MINUTE = timedelta(minutes=1)
#: What a drain and the folding of its rows tell of, in their order; it reads both segments before it commits.
STEPS = ["sealed", "read", "read", "committed", "counted", "written", "noted", "folded", "unlinked", "unlinked"]


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """With 120 rows in profiles, one a minute from 9:30, and 40 of 10:20 and 30 of 12:29 that wait."""
    home = Home(tmp_path)
    home.serve(asked(120, seed=1), NOW - 3 * HOUR, NOW - HOUR)
    home.write(asked(40, seed=2), NOW - 2 * HOUR - 10 * MINUTE)
    home.write(asked(30, seed=4), NOW - MINUTE)
    return home


class Counts(NamedTuple):
    """What is told of several windows; each count is of the same rows at every step of a drain."""

    day: int
    parts: int
    minutes: int
    before: tuple[int, int]
    traffic: list[tuple[int, int]]
    traffic_of_its_hour: list[tuple[int, int]]


EXACT = Counts(
    day=190,
    parts=100,
    minutes=30,
    before=(100, 30),
    traffic=[(9, 30), (10, 100), (11, 30), (12, 30)],
    traffic_of_its_hour=[(12, 30)],
)


def counts(home: Home) -> Counts:
    ask, noon = home.monitor, NOW.replace(minute=0)
    day = ask.quality(Scope(model="m", since=NOW - DAY))
    parts = ask.quality(Scope(model="m", since=NOW - 3 * HOUR, until=NOW - 2 * HOUR))  # of two hours a part
    minutes = ask.quality(Scope(model="m", since=NOW - 5 * MINUTE))
    before = ask.drift(Scope(model="m", since=noon - HOUR, until=noon), reference="previous")
    return Counts(
        day.rows,
        parts.rows,
        minutes.rows,
        (before.rows_reference, before.rows_current),
        _hours(day),
        _hours(minutes),
    )


def _hours(report: QualityReport) -> list[tuple[int, int]]:
    return [(each.since.hour, each.rows) for each in report.traffic if each.rows]


def drained(home: Home, tell: Callable[[], T]) -> dict[str, T]:
    """What is told before a drain, after each of its steps and at the end; some steps are done several times."""
    told = {"before": tell()}
    steps: list[str] = []

    def after(step: str) -> None:
        steps.append(step)
        told[f"{len(steps)} {step}"] = tell()

    home.drain(after)
    assert steps == STEPS
    return told | {"at the end": tell()}


def test_each_row_counts_once_while_a_drain_is_at_every_step(home: Home) -> None:
    told = drained(home, lambda: counts(home))
    assert told == dict.fromkeys(told, EXACT)


def test_each_row_of_a_segment_counts_once_while_a_drain_is_at_every_step(home: Home) -> None:
    def of(region: str) -> tuple[int, list[tuple[int, int]]]:
        report = home.monitor.quality(Scope(model="m", since=NOW - DAY, segment=f"region={region}"))
        return report.rows, _hours(report)

    n, hours = of("RJ")
    told = drained(home, lambda: of("SP"))
    assert told == dict.fromkeys(told, told["before"])
    assert told["before"][0] == sum(rows for _, rows in told["before"][1]) == 190 - n
    assert of("RJ") == (n, hours)


class Busy:
    """A fold that fails for now."""

    def __init__(self, home: Home) -> None:
        self._database = home.registry.database

    def progress(self, writers: Iterable[str]) -> Mapping[str, int]:
        with self._database.read() as connection:
            return profiles.progress(connection, writers)

    def fold(self, rows: pl.DataFrame, numbers: Mapping[str, int]) -> None:
        raise Unavailable("busy")


def test_rows_that_cannot_be_folded_now_count_once_until_they_can(home: Home) -> None:
    told: list[Counts] = []

    def after(step: str) -> None:
        if step == "committed":
            told.append(counts(home))

    assert home.drain(after, Busy(home)).n_kept == 2
    told.append(counts(home))
    home.write(asked(5, seed=5), NOW - 2 * HOUR - 10 * MINUTE)
    assert home.drain(after, Busy(home)).n_kept == 3
    assert told[:2] == [EXACT, EXACT]
    assert home.drain().n_again == 3
    told.append(counts(home))
    assert [(each.day, each.parts, each.minutes, each.before) for each in told[2:]] == [(195, 105, 30, (105, 30))] * 2


def test_a_season_has_the_rows_that_wait(home: Home) -> None:
    """Rows of the same hours of weeks before, which something else has predicted and told of late."""
    home.drain()
    home.write(asked(15, seed=5), NOW - 7 * DAY)
    home.write(asked(15, seed=6), NOW - 7 * DAY - 6 * HOUR)

    def tell() -> tuple[int, int]:
        report = home.monitor.drift(Scope(model="m", since=NOW.replace(minute=0), until=NOW), reference="seasonal")
        return report.rows_reference, report.rows_current

    told = drained(home, tell)
    assert told == dict.fromkeys(told, (15, 30))


def test_the_version_that_answered_last_is_known_at_every_step(home: Home) -> None:
    again = garcom.pack(None, asked(50), answers=said(asked(50)), name="m", out=home.folder / "again")
    assert home.registry.register(again.path).number == 2
    home.drain()
    for _ in range(2):
        home.write(asked(25, seed=5), number=2)

    def tell() -> tuple[int | None, int]:
        report = home.monitor.quality(Scope(model="m", since=NOW.replace(minute=0)))
        return report.scope.version, report.rows

    told = drained(home, tell)
    assert told == dict.fromkeys(told, (2, 50))
