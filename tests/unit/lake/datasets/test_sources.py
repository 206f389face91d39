from __future__ import annotations

import hashlib
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from garcom.errors import DataError, InputError
from garcom.lake.datasets.sources import from_file


def test_a_file_and_its_digest(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("pH;cor;n\n3,2;tinto;1\n;branco;\n")
    frame, lineage = from_file(path)
    assert_frame_equal(frame, pl.DataFrame({"pH": [3.2, None], "cor": ["tinto", "branco"], "n": [1, None]}))
    assert lineage.pop("garcom")
    assert lineage == {"source": "file", "file": "rows.csv", "sha256": hashlib.sha256(path.read_bytes()).hexdigest()}


@pytest.mark.parametrize("ending", ["csv", "jsonl", "parquet", "arrow"])
def test_damaged_and_empty_files_are_refused(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"rows.{ending}"
    with pytest.raises(DataError, match="does not exist"):
        from_file(path)
    path.touch()
    with pytest.raises(DataError, match="is empty"):
        from_file(path)
    damaged = {"csv": 'a,b\n1,2,3\n"', "jsonl": '{"a": 1}\n{"a":', "parquet": "PAR1", "arrow": "ARROW1\0\0 and no more"}
    path.write_text(damaged[ending])
    with pytest.raises(DataError, match=path.name):
        from_file(path)


def test_columns_of_several_kinds_are_told(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text('{"a": 1, "b": 2}\n{"a": "x", "b": 3}\n{"a": null, "b": 4}\n')
    with pytest.raises(InputError, match=r"a: expected values of one kind, got values of 2 kinds \(int, str\)"):
        from_file(path)
