from __future__ import annotations

import io
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
from typer.testing import CliRunner, Result

from garcom.cli import app
from garcom.errors import InputError, ModelNotFound
from garcom.lake.actuals import Actuals
from garcom.lake.tables import Lake
from garcom.observations import Observations, Observed
from tests.unit.lake.rows import predictions

NOW = datetime.now(UTC)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Thirty predictions, one each hour; the last has an actual."""
    lake = Lake.open(tmp_path)
    lake.predictions.append(predictions(30, began=NOW - timedelta(hours=29.5), step=timedelta(hours=1)))
    last = lake.predictions.scan().collect()["id"].max()
    Actuals(lake).add("wine", Observations([Observed(str(last), None, '"ruim"', "ruim")]), NOW)
    return tmp_path


def run(home: Path, *arguments: str | Path) -> Result:
    return CliRunner().invoke(app, ["log", *map(str, arguments), "--home", str(home)], env={"COLUMNS": "160"})


def done(home: Path, *arguments: str | Path) -> bytes:
    result = run(home, *arguments)
    assert result.exit_code == 0, result.output
    return result.stdout_bytes


def test_a_table_shows_the_newest_last(home: Path) -> None:
    lines = done(home, "wine").decode().splitlines()
    assert lines[0].split() == ["time", "version", "prediction", "actual", "latency", "id"]
    assert len(lines) == 1 + 20 + 1
    assert lines[20].split()[2:7] == ["1", "bom", "ruim", "0.4", "ms"]
    assert lines[19].split()[2:5] == ["1", "bom", "-"]
    assert lines[21] == "The newest 20; --limit N shows more, --out FILE writes all with their inputs."


def test_a_time_and_a_limit(home: Path) -> None:
    assert len(json.loads(done(home, "wine", "--since", "3h", "--json"))) == 3
    assert len(json.loads(done(home, "wine:1", "--until", "25h", "--format", "json"))) == 5
    assert len(done(home, "wine", "--limit", "2").splitlines()) == 3
    assert json.loads(done(home, "wine", "--version", "2", "--since", "2026-01-01", "--json")) == []


def test_every_form_has_everything(home: Path, tmp_path: Path) -> None:
    records = json.loads(done(home, "wine", "--json"))
    assert len(records) == 30
    assert list(records[0]) == [
        "id", "time", "model", "version", "role", "input_alcohol", "prediction", "latency_ms", "request_id", "key",
        "subject", "actual", "observed_at",
    ]  # fmt: skip
    assert records[-1]["actual"] == "ruim"
    assert (
        datetime.fromisoformat(records[0]["time"])
        == pl.read_parquet(io.BytesIO(done(home, "wine", "--format", "parquet")))["time"].min()
    )
    csv = done(home, "wine", "--format", "csv").decode().splitlines()
    assert len(csv) == 31
    assert csv[1].split(",")[1] == datetime.fromisoformat(records[0]["time"]).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    for ending, read in (("parquet", pl.read_parquet), ("csv", pl.read_csv), ("json", pl.read_json)):
        path = tmp_path / f"wine.{ending}"
        done(home, "wine", "--out", path)
        assert read(path)["id"].to_list() == [record["id"] for record in records]


def test_nothing_in_this_time_is_said_so(home: Path) -> None:
    assert done(home, "wine", "--until", "2020-01-01") == b"No predictions of wine in this time.\n"


def test_a_model_that_is_none_is_said_so(home: Path) -> None:
    assert isinstance(run(home, "beer").exception, ModelNotFound)


@pytest.mark.parametrize(
    "arguments",
    [["--out", "wine.xlsx"], ["--format", "table", "--out", "wine.csv"], ["--limit", "0"], ["--format", "xml"]],
)
def test_wrong_usage(home: Path, arguments: list[str]) -> None:
    assert run(home, "wine", *arguments).exit_code == 2


def test_a_moment_that_is_none_and_a_file_that_cannot_be_written(home: Path, tmp_path: Path) -> None:
    assert isinstance(run(home, "wine", "--since", "yesterday").exception, InputError)
    assert isinstance(run(home, "wine", "--out", tmp_path / "no" / "wine.csv").exception, InputError)
