from __future__ import annotations

from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from garcom.client.tables import is_table, joined, like, parts, read_answer, to_arrow
from garcom.errors import InputError


def answer_of(ids: list[str], **columns: Any) -> pa.Table:
    table = pa.table({"id": ids, "prediction": ["bom"] * len(ids), **columns})
    return table.replace_schema_metadata({"model": "wine", "version": "2"})


def body_of(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as stream:
        stream.write_table(table)
    return bytes(sink.getvalue())


def rows_of(body: bytes) -> list[dict[str, Any]]:
    with pa.ipc.open_stream(body) as stream:
        found: list[dict[str, Any]] = stream.read_all().to_pylist()
        return found


def test_what_counts_as_a_table() -> None:
    assert is_table(pd.DataFrame({"x": [1]}))
    assert is_table(pa.table({"x": [1]}))
    assert not is_table([{"x": 1}])
    assert not is_table(np.zeros((2, 2)))


def test_a_data_frame_loses_its_index_and_its_nan() -> None:
    frame = pd.DataFrame(
        {
            "pH": [3.1, np.nan],
            "cor": pd.Categorical(["tinto", None]),
            "quando": pd.Series([pd.Timestamp("2026-11-21"), pd.NaT], index=[10, 20]),
            "n": pd.array([1, None], dtype="Int64"),
        },
        index=[10, 20],
    )
    table = to_arrow(frame)
    assert table.column_names == ["pH", "cor", "quando", "n"]
    assert table.slice(1).to_pylist() == [{"pH": None, "cor": None, "quando": None, "n": None}]


def test_numbered_columns_get_the_names_that_packing_gave() -> None:
    assert to_arrow(pd.DataFrame(np.zeros((1, 3)))).column_names == ["x0", "x1", "x2"]


def test_decimals_become_numbers() -> None:
    frame = pd.DataFrame({"a": [Decimal("1.25"), None], "b": ["x", "y"]})
    assert to_arrow(frame).to_pydict() == {"a": [1.25, None], "b": ["x", "y"]}


@pytest.mark.parametrize(
    "frame",
    [
        pd.DataFrame({"x": [1, "a"]}),
        pd.DataFrame([[1, 2]], columns=["x", "x"]),
        pd.DataFrame({"x": [object()]}),
    ],
)
def test_columns_that_arrow_cannot_hold_are_refused(frame: pd.DataFrame) -> None:
    with pytest.raises(InputError, match="Expected a table whose columns each hold one kind of value"):
        to_arrow(frame)


def test_parts_by_rows() -> None:
    found = list(parts(pa.table({"x": range(10)}), max_rows=4))
    assert [part.first_row for part in found] == [0, 4, 8]
    assert [row["x"] for part in found for row in rows_of(part.body)] == list(range(10))


def test_parts_by_bytes() -> None:
    found = list(parts(pa.table({"x": np.zeros(1000), "y": np.zeros(1000)}), max_bytes=800))
    assert len(found) == 20
    assert sum(len(rows_of(part.body)) for part in found) == 1000


def test_a_row_longer_than_a_part_goes_alone() -> None:
    assert len(list(parts(pa.table({"x": ["a" * 100, "b" * 100]}), max_bytes=10))) == 2


def test_a_table_without_rows_is_left_to_the_server() -> None:
    (part,) = parts(pa.table({"x": pa.array([], pa.float64())}))
    assert part.first_row == 0
    assert rows_of(part.body) == []


def test_answers_are_joined_and_always_have_warnings() -> None:
    first, second = answer_of(["a", "b"]), answer_of(["c"], warnings=["pH: high"])
    assert joined([first, second]).column("warnings").to_pylist() == [None, None, "pH: high"]
    assert joined([first]).column("warnings").to_pylist() == [None, None]


def test_a_frame_gets_its_own_index_back() -> None:
    frame = pd.DataFrame({"x": [1, 2]}, index=pd.Index(["p", "q"], name="pedido"))
    found = like(frame, joined([answer_of(["a", "b"])]))
    assert isinstance(found, pd.DataFrame)
    assert found.loc["q", "id"] == "b"
    assert found.index.name == "pedido"
    assert found.attrs == {"model": "wine", "version": 2}


def test_an_arrow_table_gets_an_arrow_table() -> None:
    answer = joined([answer_of(["a"])])
    assert like(pa.table({"x": [1]}), answer) is answer


def test_a_polars_frame_gets_a_polars_frame() -> None:
    polars = pytest.importorskip("polars", reason="polars is not installed; the client does not need it")
    frame = polars.DataFrame({"x": [1.5, None], "cor": ["tinto", "branco"]})
    assert is_table(frame)
    assert to_arrow(frame).to_pylist() == [{"x": 1.5, "cor": "tinto"}, {"x": None, "cor": "branco"}]
    found = like(frame, joined([answer_of(["a", "b"])]))
    assert isinstance(found, polars.DataFrame)
    assert found["id"].to_list() == ["a", "b"]


@pytest.mark.parametrize("body", [b"", b"{}", body_of(pa.table({"id": ["a"]}))])
def test_bytes_that_are_no_answer_are_refused(body: bytes) -> None:
    with pytest.raises(ValueError, match=r".+"):
        read_answer(body)


def test_an_answer_is_read_as_it_was_written() -> None:
    table = answer_of(["a"])
    assert read_answer(body_of(table)).equals(table, check_metadata=True)
