from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from garcom.errors import DataError
from garcom.model.frames import json_row, to_batch, to_frame
from garcom.model.signature import Field, FieldType, Output, Signature
from garcom.records import Batch

FIELDS = (
    Field(name="preço médio", type=FieldType.FLOAT, nullable=True),
    Field(name="região", type=FieldType.CATEGORY, nullable=True, categories=("sul", "norte")),
    Field(name="n", type=FieldType.INTEGER),
    Field(name="ativo", type=FieldType.BOOLEAN),
    Field(name="quando", type=FieldType.DATETIME, nullable=True),
    Field(name="texto", type=FieldType.STRING, nullable=True),
    Field(name="nível", type=FieldType.CATEGORY, categories=(3, 1, 2)),
    Field(name="filhos", type=FieldType.INTEGER, nullable=True, required=False),
)
SIGNATURE = Signature(fields=FIELDS, output=Output(task="regression", names=("y",)), example={})
FRAME = pd.DataFrame(
    {
        "texto": ["é", None],
        "preço médio": [1.5, np.nan],
        "sobra": [0, 0],
        "região": ["norte", None],
        "n": [1, -2],
        "ativo": [True, False],
        "quando": [pd.Timestamp("2024-02-29T12:00:00.000001"), pd.NaT],
        "nível": [2, 1],
    }
)


def only(field: Field) -> Signature:
    return Signature(fields=(field,), output=SIGNATURE.output, example={})


def test_columns_go_where_the_signature_says() -> None:
    batch = to_batch(FRAME, SIGNATURE)
    moment = pd.Timestamp("2024-02-29T12:00:00.000001").value / 1000
    expected = [[1.5, 1.0, 1.0, moment, np.nan], [np.nan, -2.0, 0.0, np.nan, np.nan]]
    np.testing.assert_array_equal(batch.numbers, expected)
    assert batch.numbers.dtype == np.float64
    assert batch.texts.tolist() == [["norte", "é", 2], [None, None, 1]]


def test_back_to_a_frame_with_the_types_that_pandas_reads() -> None:
    frame = to_frame(to_batch(FRAME, SIGNATURE), SIGNATURE)
    assert list(frame.columns) == list(SIGNATURE.names)
    kinds = {name: str(kind) for name, kind in frame.dtypes.items()}
    assert kinds["preço médio"] == "float64"
    assert kinds["n"] == "int64"
    assert kinds["filhos"] == "float64"
    assert kinds["ativo"] == "bool"
    assert kinds["quando"] == "datetime64[us]"
    assert frame["região"].cat.categories.tolist() == ["sul", "norte"]
    assert frame["nível"].cat.categories.tolist() == [3, 1, 2]
    assert frame["nível"].tolist() == [2, 1]
    assert frame["quando"][0] == pd.Timestamp("2024-02-29T12:00:00.000001")
    assert frame["quando"].isna().tolist() == frame["texto"].isna().tolist() == [False, True]


def test_categories_as_text_keep_unknown_values() -> None:
    signature = only(FIELDS[1])
    batch = to_batch(pd.DataFrame({"região": ["oeste", "sul", None]}), signature)
    assert to_frame(batch, signature)["região"].isna().tolist() == [True, False, True]
    as_text = to_frame(batch, signature, as_text={"região"})
    assert as_text["região"].tolist()[:2] == ["oeste", "sul"]
    assert as_text["região"].isna().tolist() == [False, False, True]
    assert to_frame(batch, signature, as_text={"região"}, missing_text=None)["região"].tolist() == [
        "oeste",
        "sul",
        None,
    ]


def test_boolean_with_gaps_is_an_object_column() -> None:
    signature = only(Field(name="b", type=FieldType.BOOLEAN, nullable=True))
    batch = to_batch(pd.DataFrame({"b": [True, None, "False"]}, dtype=object), signature)
    column = to_frame(batch, signature)["b"]
    assert column.tolist()[0] is True
    assert column.tolist()[2] is False
    assert np.isnan(column.tolist()[1])


@pytest.mark.parametrize(
    ("field", "values", "says"),
    [
        (Field(name="x", type=FieldType.FLOAT), [1.0, None], "row 2: expected a value in every row"),
        (Field(name="x", type=FieldType.FLOAT), ["1.5", "alto", "baixo"], "row 2.*'alto', and 1 more"),
        (Field(name="x", type=FieldType.FLOAT), [1.0, np.inf], "finite"),
        (Field(name="x", type=FieldType.INTEGER), [1, 2.5], "whole number, got 2.5"),
        (Field(name="x", type=FieldType.INTEGER), [2**53 + 2], "within"),
        (Field(name="x", type=FieldType.BOOLEAN), [0, 2], "true or false, got 2"),
        (Field(name="x", type=FieldType.BOOLEAN), ["true", "talvez"], "row 2"),
        (Field(name="x", type=FieldType.DATETIME), ["2024-01-01", "ontem"], "row 2.*datetime"),
        (Field(name="x", type=FieldType.DATETIME), [5, 6], "row 1.*datetime"),
        (Field(name="x", type=FieldType.FLOAT), pd.to_datetime(["2024-01-01"]), "row 1.*float"),
        (Field(name="x", type=FieldType.STRING), ["a", None], "row 2"),
        (Field(name="x", type=FieldType.STRING), ["a", ["b"]], "a text"),
        (Field(name="x", type=FieldType.CATEGORY, categories=(1, 2)), ["1", "dois"], "whole number, got 'dois'"),
    ],
)
def test_a_value_that_does_not_fit_is_named(field: Field, values: Any, says: str) -> None:
    with pytest.raises(DataError, match=says) as caught:
        to_batch(pd.DataFrame({"x": values}), only(field))
    assert "Column 'x'" in str(caught.value)


def test_a_missing_column_suggests_the_near_one() -> None:
    with pytest.raises(DataError, match=r"'preço médio'.*Did you mean 'Preco Medio'"):
        to_batch(FRAME.rename(columns={"preço médio": "Preco Medio"}), SIGNATURE)


def test_a_doubled_column_is_refused() -> None:
    frame = pd.DataFrame([[1, 2]], columns=["n", "n"])
    with pytest.raises(DataError, match="2 columns named 'n'"):
        to_batch(frame, only(FIELDS[2]))


def test_numbers_written_as_text_and_texts_read_as_numbers() -> None:
    assert to_batch(pd.DataFrame({"n": ["1", "-2"]}), only(FIELDS[2])).numbers.tolist() == [[1.0], [-2.0]]
    codes = pd.DataFrame({"texto": [1101.0, np.nan, 7.5]})
    assert to_batch(codes, only(FIELDS[5])).texts.tolist() == [["1101"], [None], ["7.5"]]


def test_numbered_columns_of_a_matrix_have_names() -> None:
    signature = only(Field(name="x0", type=FieldType.FLOAT))
    assert to_batch(pd.DataFrame(np.ones((2, 1))), signature).numbers.tolist() == [[1.0], [1.0]]


def test_an_empty_frame_is_an_empty_batch() -> None:
    batch = to_batch(FRAME.iloc[:0], SIGNATURE)
    assert batch.numbers.shape == (0, 5)
    assert batch.texts.shape == (0, 3)


def test_times_with_a_zone_are_taken_to_utc() -> None:
    batch = to_batch(pd.DataFrame({"quando": ["1970-01-01T01:00:00+01:00", "1970-01-01"]}), only(FIELDS[4]))
    assert batch.numbers.tolist() == [[0.0], [0.0]]


def test_one_row_as_json() -> None:
    assert json_row(to_batch(FRAME, SIGNATURE), SIGNATURE) == {
        "preço médio": 1.5,
        "região": "norte",
        "n": 1,
        "ativo": True,
        "quando": "2024-02-29T12:00:00.000001Z",
        "texto": "é",
        "nível": 2,
        "filhos": None,
    }


ROW = st.tuples(
    st.none() | st.floats(allow_nan=False, allow_infinity=False),
    st.none() | st.text(),
    st.integers(-(2**53), 2**53),
    st.booleans(),
    st.none() | st.integers(-(10**15), 10**15),
    st.none() | st.text(),
    st.sampled_from([1, 2, 3]),
    st.none() | st.integers(-5, 5),
)


@given(st.lists(ROW, min_size=1, max_size=8))
def test_batches_survive_the_way_through_a_frame(rows: list[tuple[Any, ...]]) -> None:
    numbers = [[np.nan if row[at] is None else float(row[at]) for at in (0, 2, 3, 4, 7)] for row in rows]
    texts = np.empty((len(rows), 3), dtype=object)
    for at, row in enumerate(rows):
        texts[at] = [row[1], row[5], row[6]]
    batch = Batch(np.array(numbers), texts)
    again = to_batch(to_frame(batch, SIGNATURE, as_text={"região"}), SIGNATURE)
    np.testing.assert_array_equal(again.numbers, batch.numbers)
    assert again.texts.tolist() == batch.texts.tolist()
