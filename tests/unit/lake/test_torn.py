"""What a power cut may leave of the log is no reason not to open the table."""

from __future__ import annotations

from pathlib import Path

import pytest

from garcom.errors import LakeUnavailable
from garcom.lake.tables import Lake
from garcom.lake.torn import clear_torn
from tests.unit.lake.rows import predictions

FIRST, LAST = "00000000000000000000.json", "00000000000000000003.json"


def _append(home: Path) -> None:
    Lake.open(home).predictions.append(predictions(10))


def _n_rows(home: Path) -> int:
    return Lake.open(home).predictions.scan().collect().height


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """The log of a table with three appends and a checkpoint."""
    for _ in range(3):
        _append(tmp_path)
    Lake.open(tmp_path).predictions.checkpoint()
    return tmp_path / "lake" / "predictions" / "_delta_log"


def test_a_table_whose_making_was_cut_off_is_made_again(tmp_path: Path) -> None:
    log = tmp_path / "lake" / "predictions" / "_delta_log"
    log.mkdir(parents=True)
    (log / FIRST).write_bytes(b"")
    assert _n_rows(tmp_path) == 0
    _append(tmp_path)
    assert _n_rows(tmp_path) == 10


@pytest.mark.parametrize("blank", [b"", b"\0" * 100])
@pytest.mark.parametrize("torn", ["*.checkpoint.parquet", "_last_checkpoint"])
def test_a_checkpoint_that_was_cut_off_is_left_out(tmp_path: Path, log: Path, torn: str, blank: bytes) -> None:
    (path,) = log.glob(torn)
    path.write_bytes(blank)
    assert _n_rows(tmp_path) == 30
    _append(tmp_path)
    assert _n_rows(tmp_path) == 40


def test_a_commit_that_was_cut_off_changes_nothing(tmp_path: Path, log: Path) -> None:
    _append(tmp_path)
    _append(tmp_path)
    (log / "00000000000000000005.json").write_bytes(b"")
    assert _n_rows(tmp_path) == 40
    _append(tmp_path)
    assert _n_rows(tmp_path) == 50


def test_what_has_content_is_never_removed(tmp_path: Path, log: Path) -> None:
    assert clear_torn(log) == []
    (log / LAST).write_bytes(b"{spoilt")
    for path in log.glob("*checkpoint*"):
        path.unlink()
    with pytest.raises(LakeUnavailable):
        _n_rows(tmp_path)
    assert (log / LAST).read_bytes() == b"{spoilt"
