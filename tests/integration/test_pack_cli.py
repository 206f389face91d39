from __future__ import annotations

import json
import pickle
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression

from garcom.cli import main
from garcom.model.bundle import read_bundle


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pack")
    rows = pd.DataFrame(np.random.default_rng(0).normal(size=(120, 2)), columns=["teor alcoólico", "pH"])
    rows["quality"] = (rows["pH"] > 0).astype(int)
    rows.to_csv(folder / "wine.csv", index=False)
    model = LogisticRegression().fit(rows[["teor alcoólico", "pH"]], rows["quality"])
    (folder / "model.pkl").write_bytes(pickle.dumps(model))
    return folder


class Said(NamedTuple):
    status: int
    stdout: str
    stderr: str


Run = Callable[..., Said]


@pytest.fixture
def garcom(place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """The command in this process, whose imports it then need not repeat, in the folder ``place``."""

    def run(*arguments: str) -> Said:
        monkeypatch.setattr(sys, "argv", ["garcom", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        return Said(int(ended.value.code or 0), *capsys.readouterr())

    monkeypatch.chdir(place)
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setenv("NO_COLOR", "1")
    return run


def test_a_model_becomes_a_bundle_that_show_reads(place: Path, garcom: Run) -> None:
    arguments = ["--name", "wine", "--data", "wine.csv", "--target", "quality", "--labels", "0=bom,1=ruim"]
    done = garcom("pack", "model.pkl", *arguments)
    assert done.status == 0, done.stderr
    assert "Equal to the original on 120 real rows" in done.stdout
    assert done.stderr.splitlines()[:3] == ["… reading the model", "… reading the data", "… asking the original model"]
    assert done.stderr.splitlines()[-1] == "… writing the bundle"
    (path,) = place.glob("wine-*.bundle")
    assert f"Packed {path.name}" in done.stdout
    assert read_bundle(path).signature.output.labels == ("bom", "ruim")
    shown = garcom("show", f"./{path.name}")
    assert shown.status == 0, shown.stderr
    assert "teor alcoólico" in shown.stdout


def test_json_for_scripts_and_one_file(place: Path, garcom: Run) -> None:
    done = garcom("pack", "model.pkl", "--out", "elsewhere", "--zip", "--time-limit", "0", "--json")
    assert done.status == 0, done.stderr
    assert done.stderr == ""
    record = json.loads(done.stdout)
    assert record["name"] == "model"
    assert record["proof"]["real_rows"] == 0
    assert (place / record["path"]).suffix == ".zip"
    assert read_bundle(place / record["path"]).digest == record["digest"]


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (["wine.csv"], 1, "error:"),
        (["model.pkl", "--name", "Vinho Verde"], 1, "'vinho-verde' would do"),
        (["model.pkl", "--data", "wine.csv", "--target", "qualty"], 1, "Did you mean 'quality'?"),
        (["model.pkl", "--labels", "0-bom"], 2, "CLASS=LABEL"),
        (["nothing.pkl"], 1, "does not exist"),
        (["."], 1, "Did you mean 'model.pkl'?"),
        (["日本.pkl"], 1, "Give it one with --name"),
    ],
)
def test_wrong_use_is_explained(place: Path, garcom: Run, arguments: list[str], status: int, message: str) -> None:
    before = sorted(place.iterdir())
    done = garcom("pack", *arguments)
    assert done.status == status
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert sorted(place.iterdir()) == before
