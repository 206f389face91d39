from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import polars as pl
import pytest

from garcom.errors import InputError, ModelNotFound
from garcom.lake.actuals import Actuals
from garcom.lake.datasets import Datasets
from garcom.lake.tables import Lake
from garcom.model.signature import Field, FieldType
from garcom.observations import Observations, Observed
from garcom.registry import Registry
from garcom.storage.database import Database
from tests.bundles import SIGNATURE, make_bundle
from tests.unit.lake.rows import BEGAN, predictions

HOUR = timedelta(hours=1)
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
INPUTS: list[dict[str, Any]] = [
    {"pH": 3, "doçura": None, "cor": "tinto", "nota": None},
    {"pH": 3, "doçura": 2, "cor": "branco", "nota": None},
    {"pH": 4, "doçura": 1, "cor": "branco", "nota": None},
    {"pH": 2, "doçura": 5, "cor": "tinto", "nota": None},
]


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    """Two predictions of version 1 and two of version 2, an hour apart; the first and the last have their actual."""
    lake = Lake.open(tmp_path / "home")
    serve(lake, INPUTS)
    ids = lake.predictions.scan().sort("id").collect()["id"]
    rows = [Observed(ids[0], None, '"bom"', "bom", None, None), Observed(ids[3], None, '"ruim"', "ruim", None, None)]
    Actuals(lake).add("wine", Observations(rows), NOW)
    return lake


def serve(lake: Lake, inputs: list[dict[str, Any]], **columns: Any) -> None:
    rows = predictions(len(inputs), step=HOUR)
    texts = pl.Series([json.dumps(row) for row in inputs])
    versions = pl.Series([1, 1, 2, 2][: len(inputs)], dtype=pl.Int32)
    subjects = pl.Series(["ana", None, "bia", "ana"][: len(inputs)])
    lake.predictions.append(rows.with_columns(input=texts, version=versions, subject=subjects).with_columns(**columns))


def datasets(lake: Lake) -> Datasets:
    return Datasets(Database.open(lake.home), lake)


def register(lake: Lake, folder: Path, *fields: Field) -> None:
    signature = SIGNATURE
    if fields:
        signature = msgspec.structs.replace(SIGNATURE, fields=fields)
    Registry.open(lake.home).register(make_bundle(folder, signature=signature))


def test_fields_have_the_names_and_types_of_the_signature(lake: Lake, tmp_path: Path) -> None:
    register(lake, tmp_path / "bundle")
    made = datasets(lake).create_from_predictions("wine-2026-11", "wine", until=NOW)
    rows = datasets(lake).read("wine-2026-11")
    assert dict(rows.schema) == {
        "_garcom_id": pl.String(),
        "_garcom_subject": pl.String(),
        "pH": pl.Float64(),
        "doçura": pl.Float64(),
        "cor": pl.String(),
        "nota": pl.String(),
        "target": pl.String(),
    }
    assert rows["pH"].to_list() == [3.0, 3.0, 4.0, 2.0]
    assert rows["target"].to_list() == ["bom", None, None, "ruim"]
    assert rows["_garcom_subject"].to_list() == ["ana", None, "bia", "ana"]
    lineage = made.lineage
    assert lineage.pop("garcom")
    assert lineage == {
        "source": "predictions",
        "model": "wine",
        "since": None,
        "until": "2026-11-22T12:00:00+00:00",
        "versions": [1, 2],
        "version": None,
        "only_with_actual": False,
        "target": "target",
        "n_with_actual": 2,
    }


def test_window_version_and_actuals_choose_the_rows(lake: Lake, tmp_path: Path) -> None:
    register(lake, tmp_path / "bundle")
    made = datasets(lake)
    made.create_from_predictions("known", "wine", only_with_actual=True, until=NOW, target="qualidade")
    assert made.read("known")["qualidade"].to_list() == ["bom", "ruim"]
    made.create_from_predictions("first", "wine", version=1, until=NOW)
    assert made.version("first").lineage["versions"] == [1]
    assert made.read("first").height == 2
    made.create_from_predictions("window", "wine", since=BEGAN + HOUR, until=BEGAN + 3 * HOUR)
    assert made.read("window")["pH"].to_list() == [3.0, 4.0]
    assert made.create_from_predictions("window", "wine", since=BEGAN + HOUR, until=BEGAN + 3 * HOUR).existed


def test_rows_of_a_subject_are_found_by_erasure(lake: Lake, tmp_path: Path) -> None:
    register(lake, tmp_path / "bundle")
    made = datasets(lake)
    made.create_from_predictions("wine", "wine", until=NOW)
    assert made.erase(subjects=["ana"]) == {"wine:1": 2}
    assert made.read("wine")["_garcom_subject"].to_list() == [None, "bia"]


def test_without_a_registered_version_values_tell_the_types(lake: Lake) -> None:
    made = datasets(lake)
    made.create_from_predictions("wine", "wine", until=NOW)
    assert made.read("wine").schema["pH"] == pl.Int64()


def test_every_type_of_field_becomes_that_of_its_column(tmp_path: Path) -> None:
    lake = Lake.open(tmp_path / "home")
    serve(
        lake,
        [
            {"when": "2026-01-01T00:00:00-03:00", "on": True, "n": 1, "size": 7, "cpf": "9f", "gone": 1.5, "half": 0.5},
            {"when": None, "on": None, "n": None, "size": 8, "cpf": None, "gone": 2.5, "half": 1.0},
        ],
    )
    fields = (
        Field(name="when", type=FieldType.DATETIME),
        Field(name="on", type=FieldType.BOOLEAN),
        Field(name="n", type=FieldType.INTEGER),
        Field(name="size", type=FieldType.CATEGORY, categories=(7, 8)),
        Field(name="cpf", type=FieldType.INTEGER, pii="hash"),
        Field(name="half", type=FieldType.INTEGER),
        Field(name="absent", type=FieldType.INTEGER, required=False),
    )
    register(lake, tmp_path / "bundle", *fields)
    made = datasets(lake)
    made.create_from_predictions("wine", "wine", until=NOW)
    rows = made.read("wine").drop("_garcom_id", "_garcom_subject", "target")
    assert dict(rows.schema) == {
        "when": pl.Datetime("us", "UTC"),
        "on": pl.Boolean(),
        "n": pl.Int64(),
        "size": pl.Int64(),
        "cpf": pl.String(),
        "half": pl.Float64(),
        "absent": pl.Int64(),
        "gone": pl.Float64(),
    }
    assert rows["when"].to_list() == [datetime(2026, 1, 1, 3, tzinfo=UTC), None]


def test_what_cannot_be_made_is_told(lake: Lake, tmp_path: Path) -> None:
    register(lake, tmp_path / "bundle")
    made = datasets(lake)
    with pytest.raises(ModelNotFound, match="Did you mean 'wine'"):
        made.create_from_predictions("wine", "wien")
    with pytest.raises(InputError, match=r"predictions of wine:3 from the beginning to 2026-11-22.*there are none"):
        made.create_from_predictions("wine", "wine", version=3, until=NOW)
    with pytest.raises(InputError, match=r"no field of the model has, got 'PH'.*--target"):
        made.create_from_predictions("wine", "wine", until=NOW, target="PH")
    assert made.versions() == ()
