from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from garcom.errors import DataError
from garcom.model.tables import read_table

FRAME = pd.DataFrame({"preço médio": [1.5, 2.25, -3.0], "região": ["São Paulo", "Norte", "Sul"], "n": [1, 2, 3]})


def write(path: Path, text: str, encoding: str = "utf-8") -> Path:
    path.write_bytes(text.encode(encoding))
    return path


@pytest.mark.parametrize(
    ("name", "delimiter", "decimal", "encoding"),
    [
        ("a.csv", ",", ".", "utf-8"),
        ("a.csv", ";", ",", "utf-8-sig"),
        ("a.csv", ";", ".", "cp1252"),
        ("a.csv", ",", ".", "utf-16"),
        ("a.tsv", "\t", ",", "utf-8"),
        ("a.txt", "|", ".", "utf-8"),
    ],
)
def test_csv_dialects_read_the_same(tmp_path: Path, name: str, delimiter: str, decimal: str, encoding: str) -> None:
    text = FRAME.to_csv(sep=delimiter, decimal=decimal, index=False)
    pd.testing.assert_frame_equal(read_table(write(tmp_path / name, text, encoding)), FRAME)


def test_delimiters_inside_quotes_do_not_mislead(tmp_path: Path) -> None:
    frame = read_table(write(tmp_path / "a.csv", 'texto,n\n"um; dois; três",1\n"a;b",2\n'))
    assert frame["texto"].tolist() == ["um; dois; três", "a;b"]


def test_one_column_of_texts(tmp_path: Path) -> None:
    frame = read_table(write(tmp_path / "a.csv", "texto\nvinho bom\nvinho ruim\n"))
    assert frame["texto"].tolist() == ["vinho bom", "vinho ruim"]


def test_whole_numbers_with_gaps_stay_whole_and_decimals_stay_decimals(tmp_path: Path) -> None:
    frame = read_table(write(tmp_path / "a.csv", "a,b,c\n1,1.0,1.5\n,,\n3,3.0,2.5\n"))
    # The blank row goes, and with it the gaps.
    assert frame.dtypes.astype(str).tolist() == ["int64", "float64", "float64"]
    frame = read_table(write(tmp_path / "a.csv", "a,b,c\n1,1.0,1.5\n,,9.5\n3,3.0,2.5\n"))
    assert frame.dtypes.astype(str).tolist() == ["Int64", "float64", "float64"]


def test_blank_columns_of_a_spreadsheet_go(tmp_path: Path) -> None:
    frame = read_table(write(tmp_path / "a.csv", "a;b;;\n1,5;2;;\n2,5;3;;\n;;;\n"))
    assert list(frame.columns) == ["a", "b"]
    assert len(frame) == 2


@pytest.mark.parametrize("suffix", [".parquet", ".feather"])
def test_columnar_files(tmp_path: Path, suffix: str) -> None:
    frame = FRAME.assign(k=pd.array([1, None, 3], dtype="Int64"), quando=pd.to_datetime(["2024-01-01"] * 3))
    path = tmp_path / f"a{suffix}"
    frame.to_parquet(path) if suffix == ".parquet" else frame.to_feather(path)
    read = read_table(path)
    assert read["k"].dtype == "Int64"
    assert read["preço médio"].tolist() == FRAME["preço médio"].tolist()
    assert read["quando"].dtype.kind == "M"


def test_arrow_stream(tmp_path: Path) -> None:
    import pyarrow as pa

    table = pa.table({"n": pa.array([1, None], pa.int32()), "s": ["é", "b"]})
    with pa.ipc.new_stream(str(tmp_path / "a.arrow"), table.schema) as stream:
        stream.write_table(table)
    read = read_table(tmp_path / "a.arrow")
    assert read["n"].dtype == "Int64"
    assert read["s"].tolist() == ["é", "b"]


RECORDS: list[dict[str, Any]] = [{"n": 1, "x": 1.5, "s": "é", "b": True}, {"n": None, "x": 2, "s": None, "b": False}]


@pytest.mark.parametrize(
    "document",
    [
        RECORDS,
        {"records": RECORDS},
        {"columns": list(RECORDS[0]), "data": [list(record.values()) for record in RECORDS]},
        {name: [record[name] for record in RECORDS] for name in RECORDS[0]},
    ],
)
def test_json_forms_read_the_same(tmp_path: Path, document: object) -> None:
    frame = read_table(write(tmp_path / "a.json", json.dumps(document)))
    assert frame["n"].dtype == "Int64"
    assert frame["x"].tolist() == [1.5, 2.0]
    assert frame["s"].isna().tolist() == [False, True]
    assert frame["b"].dtype == np.bool_


def test_json_lines(tmp_path: Path) -> None:
    frame = read_table(write(tmp_path / "a.jsonl", "\n".join(json.dumps(record) for record in RECORDS) + "\n\n"))
    assert frame["s"].tolist()[0] == "é"
    assert len(frame) == 2


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("a.csv", "", "empty"),
        ("a.csv", "a,b\n", "at least one row"),
        ("a.xlsx", "x", "Save it as one of these"),
        ("a.json", '[{"a": 1}, 3]', "list of records"),
        ("a.json", "[{", "not JSON"),
        ("a.jsonl", '{"a": 1}\n{"a"\n', "row 2"),
        ("a.parquet", "nonsense", "Parquet"),
        ("a.arrow", "nonsense", "Arrow"),
    ],
)
def test_what_cannot_be_read_is_said(tmp_path: Path, name: str, text: str, says: str) -> None:
    with pytest.raises(DataError, match=says):
        read_table(write(tmp_path / name, text))


def test_absent_file_and_folder(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="does not exist"):
        read_table(tmp_path / "nada.csv")
    (tmp_path / "pasta.csv").mkdir()
    with pytest.raises(DataError, match="is a folder"):
        read_table(tmp_path / "pasta.csv")


def test_a_column_that_comes_twice_is_refused(tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text("pH;x;pH\n1;2;3\n")
    with pytest.raises(DataError, match=r"each column of 'rows.csv' once, got 'pH' more than once"):
        read_table(tmp_path / "rows.csv")
    table = pa.table([[1], [2]], names=["a", "a"])
    with pa.ipc.new_file(tmp_path / "rows.arrow", table.schema) as file:
        file.write_table(table)
    with pytest.raises(DataError, match=r"got 'a' more than once"):
        read_table(tmp_path / "rows.arrow")
