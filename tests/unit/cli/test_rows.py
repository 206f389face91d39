from __future__ import annotations

import io
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest

from garcom.cli.rows import read_rows
from garcom.errors import InputError
from garcom.model.signature import Field, FieldType, Output, Signature

SIGNATURE = Signature(
    fields=(
        Field(name="pH", type=FieldType.FLOAT),
        Field(name="safra", type=FieldType.INTEGER, nullable=True),
        Field(name="orgânico", type=FieldType.BOOLEAN),
        Field(name="lote", type=FieldType.STRING, nullable=True),
        Field(name="nível", type=FieldType.CATEGORY, categories=(1, 2)),
    ),
    output=Output(task="regression", names=("y",)),
    example={},
)


def read(path: Path, form: str | None = None) -> Any:
    return read_rows(str(path), form, lambda: SIGNATURE)


@pytest.fixture
def write(tmp_path: Path) -> Any:
    def make(name: str, text: str | bytes) -> Path:
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return make


def test_cells_are_typed_by_the_signature_and_not_by_their_looks(write: Any) -> None:
    path = write("rows.csv", "lote,pH,safra,orgânico,nível\n007,3,1999,1,2\n,3.5,,FALSE,9\n")
    assert read(path) == [
        {"lote": "007", "pH": 3.0, "safra": 1999, "orgânico": True, "nível": 2},
        {"lote": None, "pH": 3.5, "safra": None, "orgânico": False, "nível": 9},
    ]


def test_cells_that_do_not_fit_are_left_to_the_server(write: Any) -> None:
    path = write("rows.csv", "pH,safra,cor\nseco,19.5,tinto\n,2,\n")
    assert read(path) == [{"pH": "seco", "safra": "19.5", "cor": "tinto"}, {"pH": None, "safra": 2, "cor": ""}]


@pytest.mark.parametrize("delimiter", [";", "\t", "|"])
def test_other_delimiters_and_the_decimal_comma(write: Any, delimiter: str) -> None:
    text = f"\ufeffpH{delimiter}lote\r\n3,25{delimiter}a,b\r\n\r\n-1{delimiter}c\r\n"
    assert read(write("rows.csv", text)) == [{"pH": 3.25, "lote": "a,b"}, {"pH": -1.0, "lote": "c"}]


def test_quoted_cells_may_hold_lines_and_delimiters(write: Any) -> None:
    assert read(write("rows.csv", '"lote","pH"\n"a\nb, c",3\n')) == [{"lote": "a\nb, c", "pH": 3.0}]


def test_one_column(write: Any) -> None:
    assert read(write("rows.csv", "pH\n3.1\n3.2\n")) == [{"pH": 3.1}, {"pH": 3.2}]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", r"rows\.csv, and it is empty"),
        ("pH,pH\n1,2\n", "'pH' more than once"),
        ("pH,lote\n1\n", r"Expected 2 cells in .*rows\.csv, line 2, as in the header, got 1"),
        ('pH\n"3\n', "line 2 breaks it"),
        (b"pH\n\xe9\n", "Expected UTF-8 in .* at byte 3"),
    ],
)
def test_csv_that_cannot_be_read(write: Any, text: str | bytes, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read(write("rows.csv", text))


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ('{"pH": 3}', {"pH": 3}),
        ('[{"pH": 3}]', [{"pH": 3}]),
        ('{"records": [{"pH": 3}]}', [{"pH": 3}]),
        ('{"columns": ["pH", "lote"], "data": [[3, "a"]]}', [{"pH": 3, "lote": "a"}]),
        ('{"index": [0], "columns": ["pH"], "data": [[3]]}', [{"pH": 3}]),
        ('{"data": 1, "columns": 2}', {"data": 1, "columns": 2}),  # a record of fields with these names
    ],
)
def test_json_in_every_form(write: Any, text: str, rows: Any) -> None:
    assert read(write("rows.json", text)) == rows


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", r"Expected JSON in .*rows\.json"),
        ('{"pH": 1, "pH": 2}', "Expected each field once in .*'pH' more than once"),
        ('"pH"', "Expected a record or a list of records"),
        ('{"columns": ["pH"], "data": [[1, 2]]}', r"Expected 1 values in .*data\[0\]"),
        ("[" * 100_000, "Expected JSON"),
    ],
)
def test_json_that_cannot_be_read(write: Any, text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read(write("rows.json", text))


def test_json_lines_name_the_line_that_breaks(write: Any) -> None:
    assert read(write("rows.jsonl", '{"pH": 1}\n\n{"pH": 2}\n')) == [{"pH": 1}, {"pH": 2}]
    with pytest.raises(InputError, match=r"rows\.jsonl, line 2"):
        read(write("rows.jsonl", '{"pH": 1}\n{"pH": \n'))


def test_arrow_and_parquet_without_the_index_of_pandas(tmp_path: Path) -> None:
    frame = pd.DataFrame({"pH": [3.0, 3.5, 4.0]})[1:]
    frame.to_parquet(tmp_path / "rows.parquet")
    table = pa.Table.from_pandas(frame)
    with pa.OSFile(str(tmp_path / "rows.arrow"), "wb") as file, pa.ipc.new_stream(file, table.schema) as stream:
        stream.write_table(table)
    for name in ("rows.parquet", "rows.arrow"):
        assert read(tmp_path / name).to_pydict() == {"pH": [3.5, 4.0]}


@pytest.mark.parametrize("name", ["rows.parquet", "rows.arrow"])
def test_columns_that_cannot_be_read(write: Any, name: str) -> None:
    with pytest.raises(InputError, match="but it cannot be read"):
        read(write(name, b"nonsense"))


@pytest.mark.parametrize(
    ("data", "kind"), [(b' {"pH": 1}', dict), (b"\n[]", list), (b"pH\n1\n", list), (b"PAR1", None), (b"ARROW1", None)]
)
def test_standard_input_is_told_by_how_it_begins(
    data: bytes, kind: type | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))
    if kind is None:
        with pytest.raises(InputError, match=r"Expected (Parquet|Arrow) in standard input"):
            read(Path("-"))
    else:
        assert isinstance(read(Path("-")), kind)


def test_a_given_form_wins_over_the_ending(write: Any) -> None:
    assert read(write("rows.txt", '{"pH": 1}'), "json") == {"pH": 1}


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"Expected a file of rows at .*, and nothing is there"):
        read(tmp_path / "rows.csv")
    with pytest.raises(InputError, match="a folder is there"):
        read(tmp_path)
