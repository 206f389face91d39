from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from garcom.lake.actuals import Actuals
from garcom.lake.predictions import Predictions
from garcom.lake.records import Added
from garcom.lake.tables import Lake
from garcom.observations import Observations, Observed
from tests.unit.lake.rows import BEGAN, id_of, predictions

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    """Three predictions on one day and three on the next; the last has a key."""
    lake = Lake.open(tmp_path)
    rows = predictions(6, step=HOUR / 1.5)
    lake.predictions.append(rows.with_columns(key=pl.Series([None] * 5 + ["order-7"])))
    return lake


def ids(lake: Lake) -> list[str]:
    return list(lake.predictions.scan().sort("id").collect()["id"])


def saw(name: str, label: str, at: datetime | None = None) -> Observed:
    """An observation, by id or by key."""
    id, key = (name, None) if len(name) == 36 else (None, name)
    return Observed(id, key, f'"{label}"', label, None, at)


def add(lake: Lake, *rows: Observed, at: datetime = NOW) -> Added:
    return Actuals(lake).add("wine", Observations(list(rows)), at)


def counts(added: Added) -> tuple[int, int, int, int]:
    return added.accepted, added.corrected, added.unchanged, added.unknown


def actual(lake: Lake, id: str) -> tuple[object, Sequence[object]] | None:
    """What counts for a prediction, and what else was observed."""
    found = Predictions(lake).find(id)
    assert found is not None
    if found.actual is None:
        return None
    return found.actual.value, [each.value for each in found.actual.history]


def test_actuals_join_their_predictions_by_id_and_by_key(lake: Lake) -> None:
    first, *_, last = ids(lake)
    added = add(lake, saw(first, "bom"), saw("order-7", "ruim", NOW - HOUR))
    assert counts(added) == (2, 0, 0, 0)
    assert actual(lake, first) == ("bom", [])
    assert actual(lake, last) == ("ruim", [])
    assert [actual(lake, id) for id in ids(lake)[1:-1]] == [None] * 4


def test_each_row_stands_on_the_day_of_its_id_and_those_by_key_on_the_day_they_came(lake: Lake) -> None:
    first, *_, last = ids(lake)
    add(lake, saw(first, "bom"), saw(last, "bom"), saw("order-7", "bom"))
    rows = lake.actuals.scan().sort("day").collect()
    assert rows.select("id", "key", "day").rows() == [
        (first, None, "2026-11-20"),
        (last, None, "2026-11-21"),
        (None, "order-7", "2026-11-22"),
    ]
    assert rows["observed_at"].to_list() == rows["received_at"].to_list() == [NOW] * 3


def test_the_same_rows_again_change_nothing(lake: Lake) -> None:
    rows = [saw(ids(lake)[0], "bom", NOW - HOUR), saw(ids(lake)[1], "ruim"), saw("order-7", "bom"), saw("other", "bom")]
    assert counts(add(lake, *rows)) == (4, 0, 0, 1)
    version = lake.actuals.snapshot().version
    assert counts(add(lake, *rows, at=NOW + HOUR)) == (0, 0, 4, 1)
    assert counts(add(lake, *rows, saw(ids(lake)[2], "bom"), at=NOW + HOUR)) == (1, 0, 4, 1)
    assert lake.actuals.snapshot().version == version + 1


def test_the_latest_observation_wins_and_the_others_are_kept(lake: Lake) -> None:
    id = ids(lake)[0]
    assert counts(add(lake, saw(id, "bom", NOW - 3 * HOUR))) == (1, 0, 0, 0)
    assert counts(add(lake, saw(id, "ruim", NOW - HOUR))) == (1, 1, 0, 0)
    late = add(lake, saw(id, "péssimo", NOW - 2 * HOUR), at=NOW + HOUR)
    assert counts(late) == (1, 0, 0, 0), "observed before what is known, so it corrects nothing"
    assert actual(lake, id) == ("ruim", ["péssimo", "bom"])


def test_of_two_observations_of_one_moment_the_one_that_came_later_wins(lake: Lake) -> None:
    id = ids(lake)[0]
    add(lake, saw(id, "bom", NOW - HOUR))
    assert counts(add(lake, saw(id, "ruim", NOW - HOUR), at=NOW + HOUR)) == (1, 1, 0, 0)
    assert counts(add(lake, saw(id, "bom", NOW - HOUR), at=NOW + 2 * HOUR)) == (0, 0, 1, 0), "a call made again"
    assert actual(lake, id) == ("ruim", ["bom"])


def test_by_id_and_by_key_are_one_history(lake: Lake) -> None:
    id = ids(lake)[-1]
    add(lake, saw(id, "bom", NOW - HOUR), saw("order-7", "ruim", NOW - 2 * HOUR))
    assert actual(lake, id) == ("bom", ["ruim"])


def test_unknown_ids_are_told_and_found_when_their_prediction_comes(lake: Lake) -> None:
    rows = predictions(30, began=BEGAN + 24 * HOUR).with_columns(key=pl.lit(None, pl.String))
    added = add(lake, *(saw(id, "bom") for id in rows["id"]), saw("order-8", "ruim"), saw(ids(lake)[0], "bom"))
    assert (added.accepted, added.unknown) == (32, 31)
    assert added.first_unknown == tuple(rows["id"][:20])
    lake.predictions.append(rows)
    assert actual(lake, rows["id"][0]) == ("bom", [])
    later = predictions(1, began=BEGAN + 48 * HOUR).with_columns(key=pl.lit("order-8"))
    lake.predictions.append(later)
    assert actual(lake, later["id"][0]) == ("ruim", [])


def test_another_models_prediction_is_unknown(lake: Lake) -> None:
    lake.predictions.append(predictions(1, model="beer", began=BEGAN + HOUR / 7))
    (id,) = lake.predictions.scan(model="beer").collect()["id"]
    assert add(lake, saw(id, "bom")).first_unknown == (id,)
    assert actual(lake, id) is None


@pytest.mark.parametrize(
    "id",
    [
        "ffffffff-ffff-7fff-8fff-ffffffffffff",
        "7f3c2a10-0000-4000-8000-000000000000",
        "0" * 8 + "-0000" * 3 + "-" + "0" * 12,
    ],
)
def test_an_id_that_is_none_of_ours_is_kept_and_makes_no_partition_of_its_own(lake: Lake, id: str) -> None:
    assert counts(add(lake, saw(id, "bom", NOW - HOUR))) == (1, 0, 0, 1)
    assert counts(add(lake, saw(id, "bom", NOW - HOUR), at=NOW + 48 * HOUR)) == (0, 0, 1, 1)
    assert lake.actuals.scan().collect()["day"].to_list() == ["1970-01-01"]


def test_several_at_once_take_turns(lake: Lake) -> None:
    rows = [saw(id, "bom") for id in ids(lake)]
    with ThreadPoolExecutor(4) as pool:
        added = list(pool.map(lambda _: add(Lake.open(lake.home), *rows), range(8)))
    assert sorted(each.accepted for each in added) == [0] * 7 + [6]
    assert lake.actuals.scan().collect().height == 6


def test_predictions_may_all_be_missing(tmp_path: Path) -> None:
    lake = Lake.open(tmp_path)
    assert counts(add(lake, saw(id_of(BEGAN), "bom"), saw("order-7", "bom"))) == (2, 0, 0, 2)
