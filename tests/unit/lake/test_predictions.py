from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from garcom.errors import InputError
from garcom.ids import uuid7s
from garcom.journal.lines import Entry, Version, encode, encode_lines
from garcom.journal.segment import Segment, SegmentName
from garcom.lake.actuals import Actuals
from garcom.lake.drain import Drain
from garcom.lake.predictions import Predictions
from garcom.lake.records import Actual, LoggedPrediction, Observation, Page
from garcom.lake.tables import Lake
from garcom.observations import Observations, Observed
from tests.unit.lake.rows import BEGAN, id_of, predictions

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    """Ten predictions an hour apart, in four files of which two overlap; the odd ones are of version 2."""
    lake = Lake.open(tmp_path)
    version = (pl.int_range(pl.len()) % 2 + 1).cast(pl.Int32)
    rows = predictions(10, step=HOUR).with_columns(version=version)
    for part in (rows[:4], rows[4:].gather_every(2), rows[4:].gather_every(2, 1)):
        lake.predictions.append(part)
    return lake


def ids(lake: Lake) -> list[str]:
    return list(lake.predictions.scan(model="wine").sort("id").collect()["id"])


def observe(lake: Lake, names: Sequence[str], label: str = "bom", at: datetime | None = None) -> None:
    rows = [Observed(name, None, f'"{label}"', label, None, at) for name in names]
    Actuals(lake).add("wine", Observations(rows), NOW)


def shown(page: Page) -> list[str]:
    return [each.id for each in page.predictions]


def test_one_prediction_with_everything_that_is_known(tmp_path: Path) -> None:
    lake = Lake.open(tmp_path)
    output = (
        '{"prediction":"bom","probabilities":{"bom":0.9,"ruim":0.1},"warnings":[{"field":"alcohol","message":"high"}]}'
    )
    row = predictions(1).with_columns(
        input=pl.lit('{"alcohol":13.5,"grape":null}'),
        output=pl.lit(output),
        request_id=pl.lit("r-1"),
        key=pl.lit("k-1"),
        subject=pl.lit("5f"),
    )
    lake.predictions.append(row)
    (id,) = ids(lake)
    observe(lake, [id], "ruim", NOW - 2 * HOUR)
    observe(lake, [id], "bom", NOW - HOUR)
    assert Predictions(lake).find(id.upper()) == LoggedPrediction(
        id=id,
        model="wine",
        version=1,
        role="stable",
        time=BEGAN,
        input={"alcohol": 13.5, "grape": None},
        prediction="bom",
        probabilities={"bom": 0.9, "ruim": 0.1},
        warnings=({"field": "alcohol", "message": "high"},),
        latency_ms=0.4,
        request_id="r-1",
        key="k-1",
        subject="5f",
        actual=Actual(
            value="bom",
            observed_at=NOW - HOUR,
            received_at=NOW,
            history=(Observation(value="ruim", observed_at=NOW - 2 * HOUR, received_at=NOW),),
        ),
    )


@pytest.mark.parametrize(
    "id",
    ["", "7", "wine", id_of(BEGAN, 7), "ffffffff-ffff-7fff-8fff-ffffffffffff", "7f3c2a10-0000-4000-8000-000000000000"],
)
def test_an_id_of_no_prediction_finds_none(lake: Lake, id: str) -> None:
    assert Predictions(lake).find(id) is None


def test_an_id_made_just_before_midnight_of_a_row_written_after_it(tmp_path: Path) -> None:
    lake = Lake.open(tmp_path)
    midnight = datetime(2026, 11, 21, tzinfo=UTC)
    row = predictions(1, began=midnight).with_columns(id=pl.lit(id_of(midnight - timedelta(milliseconds=3))))
    lake.predictions.append(row)
    (id,) = row["id"]
    observe(lake, [id])
    found = Predictions(lake).find(id)
    assert found is not None
    assert found.actual is not None
    assert Predictions(lake).frame("wine", since=midnight)["actual"].to_list() == ["bom"]
    assert shown(Predictions(lake).page("wine", since=midnight, has_actual=True)) == [id]


@pytest.mark.parametrize("limit", [1, 2, 3, 4, 10, 1000])
def test_pages_go_from_the_newest_to_the_oldest_without_gap_or_double(lake: Lake, limit: int) -> None:
    found: list[str] = []
    cursor = None
    while True:
        page = Predictions(lake).page("wine", limit=limit, cursor=cursor)
        assert 1 <= len(page.predictions) <= limit
        found += shown(page)
        cursor = page.next
        if cursor is None:
            break
    assert found == sorted(ids(lake), reverse=True)


def test_predictions_that_come_meanwhile_do_not_move_the_pages(lake: Lake) -> None:
    before = sorted(ids(lake), reverse=True)
    first = Predictions(lake).page("wine", limit=4)
    lake.predictions.append(predictions(3, began=BEGAN + 20 * HOUR))
    second = Predictions(lake).page("wine", limit=4, cursor=first.next)
    assert shown(first) + shown(second) == before[:8]


def test_a_page_of_what_is_wanted(lake: Lake) -> None:
    all_ids = ids(lake)
    asked = Predictions(lake)
    assert shown(asked.page("wine", since=BEGAN + 2 * HOUR, until=BEGAN + 5 * HOUR)) == all_ids[4:1:-1]
    assert shown(asked.page("wine", version=2)) == all_ids[::-2]
    observe(lake, [all_ids[3], all_ids[8]])
    assert shown(asked.page("wine", has_actual=True)) == [all_ids[8], all_ids[3]]
    assert shown(asked.page("wine", has_actual=False, limit=2)) == [all_ids[9], all_ids[7]]
    assert shown(asked.page("wine", has_actual=True, version=1, since=BEGAN + 4 * HOUR)) == [all_ids[8]]
    assert asked.page("wine", version=3) == asked.page("wine", subject="5f") == Page(model="wine", predictions=[])
    assert asked.page("beer") == Page(model="beer", predictions=[])


@pytest.mark.parametrize("limit", [0, -1, 1001])
def test_a_limit_is_from_1_to_1000(lake: Lake, limit: int) -> None:
    with pytest.raises(InputError, match="limit from 1 to 1,000"):
        Predictions(lake).page("wine", limit=limit)


@pytest.mark.parametrize("cursor", ["", "x", "é", "Zm9v", "/w==", "a" * 10_000])
def test_a_cursor_is_one_that_a_page_gave(lake: Lake, cursor: str) -> None:
    with pytest.raises(InputError, match="cursor"):
        Predictions(lake).page("wine", cursor=cursor)


def test_a_flat_frame(tmp_path: Path) -> None:
    lake = Lake.open(tmp_path)
    rows = predictions(3).with_columns(
        version=pl.Series([1, 1, 2], dtype=pl.Int32),
        input=pl.Series(
            [
                '{"alcohol":13,"grape":"merlot"}',
                '{"alcohol":13.5,"grape":null}',
                '{"alcohol":12.0,"year":2020,"note":null}',
            ]
        ),
        output=pl.Series(
            [
                '{"prediction":"bom","probabilities":{"bom":0.9,"ruim":0.1}}',
                '{"prediction":"ruim","probabilities":{"bom":0.2,"ruim":0.8},"warnings":[{"field":"a","message":"b"}]}',
                '{"prediction":"bom","probabilities":{"bom":1,"ruim":0}}',
            ]
        ),
    )
    lake.predictions.append(rows)
    observe(lake, ids(lake)[1:2])
    frame = Predictions(lake).frame("wine")
    assert frame.columns == [
        "id", "time", "model", "version", "role",
        "input_alcohol", "input_grape", "input_year", "input_note", "prediction", "probability_bom", "probability_ruim",
        "latency_ms", "request_id", "key", "subject", "actual", "observed_at",
    ]  # fmt: skip
    assert frame["input_alcohol"].to_list() == [13.0, 13.5, 12.0]
    assert frame["input_year"].to_list() == [None, None, 2020]
    assert frame["input_note"].dtype == pl.String
    assert frame["probability_bom"].to_list() == [0.9, 0.2, 1.0]
    assert frame["latency_ms"].to_list() == [0.4] * 3
    assert frame["actual"].to_list() == [None, "bom", None]
    assert frame["observed_at"].to_list() == [None, NOW, None]


def test_a_flat_frame_of_several_targets_and_of_scores(tmp_path: Path) -> None:
    lake = Lake.open(tmp_path)
    output = '{"prediction":{"height":1.5,"width":2.0}}'
    lake.predictions.append(predictions(1).with_columns(output=pl.lit(output)))
    (id,) = ids(lake)
    told = Observed(id, None, '{"height":1.0,"width":2.0}')
    Actuals(lake).add("wine", Observations([told]), NOW)
    row = Predictions(lake).frame("wine").row(0, named=True)
    assert (row["prediction_height"], row["prediction_width"]) == (1.5, 2.0)
    assert (row["actual_height"], row["actual_width"]) == (1.0, 2.0)

    lake.predictions.append(predictions(1, model="odd").with_columns(output=pl.lit('{"prediction":-1,"score":-0.25}')))
    row = Predictions(lake).frame("odd").row(0, named=True)
    assert (row["prediction"], row["score"]) == (-1, -0.25)


def test_a_flat_frame_of_what_is_wanted(lake: Lake) -> None:
    all_ids = ids(lake)
    asked = Predictions(lake)
    observe(lake, all_ids[:3])
    assert asked.frame("wine")["id"].to_list() == all_ids
    assert asked.frame("wine", limit=4)["id"].to_list() == all_ids[-4:]
    assert asked.frame("wine", version=2, since=BEGAN + HOUR, until=BEGAN + 4 * HOUR)["id"].to_list() == all_ids[1:4:2]
    assert asked.frame("wine", has_actual=True)["id"].to_list() == all_ids[:3]
    assert asked.frame("wine", has_actual=True, limit=2)["id"].to_list() == all_ids[1:3]
    assert asked.frame("wine", has_actual=False)["id"].to_list() == all_ids[3:]
    assert asked.frame("wine", subject="5f").is_empty()


def test_a_frame_without_rows_has_the_columns_that_every_frame_has(tmp_path: Path) -> None:
    frame = Predictions(Lake.open(tmp_path)).frame("wine")
    assert frame.columns == [
        "id", "time", "model", "version", "role", "latency_ms", "request_id", "key", "subject", "actual", "observed_at"
    ]  # fmt: skip


class Writer:
    """Writes predictions of one version as a worker does."""

    def __init__(self, lake: Lake) -> None:
        self._folder = lake.home / "journal"
        self._folder.mkdir(parents=True, exist_ok=True)
        self._name = SegmentName(uuid7s(1)[0], 0)

    def open(self, times: Sequence[datetime]) -> Segment:
        """A segment with a prediction of each time, still open."""
        self._name = self._name._replace(number=self._name.number + 1)
        segment = Segment(self._folder, self._name, 1 << 20)
        version = Version(
            v=0, model="wine", version=3, digest="65", role="stable", task="classification", fields=("alcohol",),
            classes=("bom", "ruim"),
        )  # fmt: skip
        segment.preface(encode(version) + b"\n")
        entries = [
            Entry(0, id_of(time, 1), int(time.timestamp() * 1_000_000), [13.5], "bom", [0.9, 0.1], key=f"k-{time:%d%H}")
            for time in times
        ]
        segment.write(encode_lines(entries))
        return segment


def test_what_stands_in_the_journal_is_there_once_before_and_after_it_is_drained(lake: Lake) -> None:
    """Two predictions in a closed segment, one in an open one, between and after those of the lake."""
    writer = Writer(lake)
    closed, waiting = [BEGAN + HOUR / 2, BEGAN + 20 * HOUR], [BEGAN + 21 * HOUR]
    writer.open(closed).close()
    segment = writer.open(waiting)
    expected = sorted([*ids(lake), *(id_of(time, 1) for time in closed + waiting)])
    asked = Predictions(lake)
    told = Observations(
        [Observed(id_of(waiting[0], 1), None, '"bom"', "bom"), Observed(None, "k-2022", '"ruim"', "ruim")]
    )
    added = Actuals(lake).add("wine", told, NOW)
    assert (added.accepted, added.unknown) == (2, 0)
    for run in (lambda: None, Drain(lake).run, segment.close, Drain(lake).run):
        run()
        assert asked.frame("wine")["id"].to_list() == expected
        assert shown(asked.page("wine")) == expected[::-1]
        assert asked.frame("wine", has_actual=True)["actual"].to_list() == ["ruim", "bom"]
        assert shown(asked.page("wine", version=3, limit=2)) == [id_of(waiting[0], 1), id_of(closed[1], 1)]
        found = asked.find(id_of(waiting[0], 1))
        assert found is not None
        assert found.actual is not None
        assert (found.input, found.probabilities) == ({"alcohol": 13.5}, {"bom": 0.9, "ruim": 0.1})
    assert not list((lake.home / "journal").glob("*.ndjson"))
