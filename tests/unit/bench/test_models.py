"""The models and their files, on the real data where they are at hand."""

from __future__ import annotations

import csv
import pickle
from pathlib import Path

import numpy as np
import pytest
from bench import models
from bench.models import LABELS, N_RECORDS, WINE_QUALITY, build, dataset


def test_files_and_expected_answers_agree(tmp_path: Path) -> None:
    for case in build(dataset(), tmp_path):
        model = pickle.loads(case.pickle.read_bytes())
        assert model.predict(np.array(case.rows)).tolist() == case.expected
        assert len(case.rows) == N_RECORDS
        assert set(case.expected) == set(range(len(LABELS)))
        with case.table.open(newline="", encoding="utf-8") as lines:
            header, *rows = csv.reader(lines)
        assert header == [*case.fields, "quality"]
        assert model.score([list(map(float, row[:-1])) for row in rows], [int(row[-1]) for row in rows]) > 0.8


@pytest.mark.skipif(not WINE_QUALITY.exists(), reason="the wine-quality data of ../shared/data are not here")
def test_wine_quality() -> None:
    data = dataset()
    assert data.X.shape == (6497, 12)
    assert data.fields[-1] == "color"
    assert set(data.X[:, -1].tolist()) == {0.0, 1.0}
    assert data.y.sum() == 5220


def test_without_the_real_data_the_title_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(models, "WINE_QUALITY", tmp_path / "missing.csv")
    data = dataset()
    assert "is missing" in data.title
    assert data.X.shape == (178, 13)
    assert set(data.y.tolist()) == {0, 1}
