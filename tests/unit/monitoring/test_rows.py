from __future__ import annotations

import json
import math
from datetime import UTC, datetime
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from garcom.lake.schemas import PREDICTIONS
from garcom.model.reference_profile import answer_names
from garcom.model.signature import Field, FieldType, Output, Signature
from garcom.monitoring import rows as rows_module
from garcom.monitoring.rows import UNREADABLE, table_of

LABELS = Output(task="classification", classes=("bom", "ruim"), probabilities=True)
FIELDS = (
    Field(name="álcool", type=FieldType.FLOAT, nullable=True),
    Field(name="year", type=FieldType.INTEGER, nullable=True),
    Field(name="organic", type=FieldType.BOOLEAN, nullable=True),
    Field(name="picked", type=FieldType.DATETIME, nullable=True),
    Field(name="region", type=FieldType.CATEGORY, nullable=True),
    Field(name="note", type=FieldType.STRING, nullable=True),
    Field(name="email", type=FieldType.STRING, pii="hash"),
)


def signature(output: Output = LABELS, fields: tuple[Field, ...] = FIELDS) -> Signature:
    return Signature(fields=fields, output=output, example={})


def rows(*inputs: Any, **answer: Any) -> pl.DataFrame:
    told = {"input": [json.dumps(each) for each in inputs], "label": "bom", "value": None, "output": "{}"} | answer
    schema = {name: PREDICTIONS[name] for name in ("input", "label", "value", "output")}
    return pl.DataFrame(told, schema=schema)


WHOLE = {
    "álcool": 12.5,
    "year": 2020,
    "organic": True,
    "picked": "2026-11-21T10:00:00.000001+02:00",
    "region": "SP",
    "note": "",
    "email": "ff00",
}
PICKED = float(1_795_248_000_000_001)


def test_each_field_is_a_column_of_its_kind() -> None:
    found = table_of(rows(WHOLE), signature())
    assert found.schema == {
        "álcool": pl.Float64,
        "year": pl.Float64,
        "organic": pl.Float64,
        "picked": pl.Float64,
        "region": pl.String,
        "note": pl.String,
        "prediction": pl.String,
        "probability_bom": pl.Float64,
        "probability_ruim": pl.Float64,
    }
    assert found.row(0) == (12.5, 2020.0, 1.0, PICKED, "SP", "", "bom", None, None)
    assert datetime.fromtimestamp(PICKED // 1e6, UTC) == datetime(2026, 11, 21, 8, tzinfo=UTC)


def test_what_is_missing_is_null() -> None:
    found = table_of(rows({}, dict.fromkeys(WHOLE)), signature(), fields=["álcool", "region", "picked"])
    assert found.select("álcool", "picked", "region").rows() == [(None, None, None)] * 2


def test_no_rows_are_a_table_of_no_rows() -> None:
    found = table_of(rows(WHOLE).clear(), signature())
    assert found.height == 0
    assert found.schema == table_of(rows(WHOLE), signature()).schema


@pytest.mark.parametrize(
    ("field", "value", "other"),
    [
        ("álcool", "12", 1.5),
        ("álcool", [1], 1.5),
        ("year", {}, 3),
        ("organic", "yes", False),
        ("picked", 5, "2026-11-21"),
    ],
    ids=["text", "list", "object", "word", "number"],
)
def test_a_value_of_another_type_is_unreadable_and_the_others_are_read(field: str, value: Any, other: Any) -> None:
    told = table_of(rows(WHOLE, {field: value}, {field: other}, {}), signature())
    assert told[field].dtype == pl.String
    assert (told[field][1], told[field][3]) == (UNREADABLE, None)
    assert told[field].cast(pl.Float64, strict=False).null_count() == 2
    assert told["region"].to_list() == ["SP", None, None, None]


def test_a_thing_where_a_text_belongs_is_unreadable_and_a_number_is_its_text() -> None:
    told = table_of(rows({"region": ["SP"]}, {"region": 7}, {"region": True}), signature())
    assert told["region"].to_list() == [UNREADABLE, "7", "true"]


def test_moments_in_another_form_are_in_utc() -> None:
    told = table_of(rows({"picked": "2026-11-21"}, {"picked": "2026-11-21T00:00:00"}, {"picked": None}), signature())
    midnight = datetime(2026, 11, 21, tzinfo=UTC).timestamp() * 1e6
    assert told["picked"].to_list() == [midnight, midnight, None]
    assert table_of(rows({"picked": "soon"}), signature())["picked"].to_list() == [UNREADABLE]


def test_a_number_beyond_all_floats_is_infinite() -> None:
    found = table_of(rows({"álcool": 10**400, "note": [10**30]}, {"álcool": -(10**400), "note": 10**30}), signature())
    assert found["álcool"].to_list() == [math.inf, -math.inf]
    assert found["note"].to_list() == [UNREADABLE, str(10**30)]


def test_a_spoilt_input_has_no_values() -> None:
    spoilt = rows(WHOLE, WHOLE).with_columns(input=pl.Series(['{"álcool":', None]))
    assert table_of(spoilt, signature())["álcool"].to_list() == [None, None]


def test_parts_with_and_without_something_unreadable_are_one_column(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rows_module, "_ROWS_AT_ONCE", 2)
    told = table_of(rows(*[{"álcool": 0.1}] * 3, {"álcool": "x"}), signature())
    assert told["álcool"].to_list() == ["0.1", "0.1", "0.1", UNREADABLE]


ANSWERS: dict[str, tuple[Output, dict[str, Any], dict[str, list[Any]]]] = {
    "labels": (
        LABELS,
        {"output": ['{"prediction":"bom","probabilities":{"bom":0.9,"ruim":0.1}}', '{"prediction":"bom"}']},
        {"prediction": ["bom", "bom"], "probability_bom": [0.9, None], "probability_ruim": [0.1, None]},
    ),
    "spoilt shares": (
        LABELS,
        {"output": ['{"probabilities":{"bom":"much","ruim":0.1}}', '{"probabilities":7}']},
        {"prediction": ["bom", "bom"], "probability_bom": [None, None], "probability_ruim": [0.1, None]},
    ),
    "number": (
        Output(task="regression", names=("y",)),
        {"label": None, "value": [1.5, None], "output": ["{}", "{}"]},
        {"prediction": [1.5, None]},
    ),
    "numbers": (
        Output(task="regression", names=("a", "b")),
        {"label": None, "value": None, "output": ['{"prediction":{"a":1,"b":2.5}}', '{"prediction":{"a":null}}']},
        {"prediction_a": [1.0, None], "prediction_b": [2.5, None]},
    ),
    "outlier": (
        Output(task="outlier", classes=("in", "out")),
        {"label": "in", "value": [0.5, 0.25], "output": ["{}", "{}"]},
        {"prediction": ["in", "in"], "score": [0.5, 0.25]},
    ),
}


@pytest.mark.parametrize("case", ANSWERS)
def test_answers_are_columns(case: str) -> None:
    output, told, expected = ANSWERS[case]
    field = Field(name="x", type=FieldType.FLOAT)
    found = table_of(rows({"x": 1}, {"x": 2}, **told), signature(output, (field,)))
    assert found.drop("x").to_dict(as_series=False) == expected
    assert answer_names(output) == tuple(expected)


def test_a_field_named_as_an_answer_gives_way() -> None:
    fields = (Field(name="prediction", type=FieldType.FLOAT), Field(name="x", type=FieldType.FLOAT))
    found = table_of(
        rows({"prediction": 3, "x": 1}, label=None, value=[2.0]), signature(Output(task="regression"), fields)
    )
    assert found.to_dict(as_series=False) == {"x": [1.0], "prediction": [2.0]}


VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=5),
    st.just([1]),
)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.dictionaries(st.sampled_from([field.name for field in FIELDS]), VALUES), min_size=1, max_size=5))
def test_whatever_stands_in_the_lake_has_a_table(inputs: list[dict[str, Any]]) -> None:
    found = table_of(rows(*inputs), signature())
    assert found.height == len(inputs)
    for name in ("álcool", "picked", "region"):
        empty = [value is None for value in (each.get(name) for each in inputs)]
        assert found[name].is_null().to_list() == empty
