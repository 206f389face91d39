from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression

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


def garcom(place: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "from garcom.cli import main; main()", *arguments]
    environment = {**os.environ, "COLUMNS": "100", "NO_COLOR": "1"}
    return subprocess.run(command, cwd=place, capture_output=True, text=True, check=False, env=environment)


def test_a_model_becomes_a_bundle_that_show_reads(place: Path) -> None:
    arguments = ["--name", "wine", "--data", "wine.csv", "--target", "quality", "--labels", "0=bom,1=ruim"]
    done = garcom(place, "pack", "model.pkl", *arguments)
    assert done.returncode == 0, done.stderr
    assert "Equal to the original on 120 real rows" in done.stdout
    (path,) = place.glob("wine-*.bundle")
    assert f"Packed {path.name}" in done.stdout
    assert read_bundle(path).signature.output.labels == ("bom", "ruim")
    shown = garcom(place, "show", f"./{path.name}")
    assert shown.returncode == 0, shown.stderr
    assert "teor alcoólico" in shown.stdout


def test_json_for_scripts_and_one_file(place: Path) -> None:
    done = garcom(place, "pack", "model.pkl", "--out", "elsewhere", "--zip", "--json")
    assert done.returncode == 0, done.stderr
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
    ],
)
def test_wrong_use_is_explained(place: Path, arguments: list[str], status: int, message: str) -> None:
    before = sorted(place.iterdir())
    done = garcom(place, "pack", *arguments)
    assert done.returncode == status
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert sorted(place.iterdir()) == before
