from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

import garcom
from garcom.errors import DataError, InputError, SignatureError
from garcom.model.bundle import read_bundle
from garcom.model.proof import NOT_ON_REAL_ROWS
from garcom.records import Batch

RANDOM = np.random.default_rng(0)
X = pd.DataFrame(RANDOM.normal(size=(200, 3)), columns=["renda média", "idade", "açúcar"])
y = pd.Series((X["idade"] > 0.2).astype(int), name="inadimplente")


@pytest.fixture(scope="module")
def packed(tmp_path_factory: pytest.TempPathFactory) -> garcom.PackedBundle:
    model = make_pipeline(StandardScaler(), LogisticRegression()).fit(X, y)
    steps: list[tuple[str, float]] = []
    made = garcom.pack(
        model,
        X,
        y,
        name="crédito".replace("é", "e"),
        labels={0: "bom", 1: "ruim"},
        out=tmp_path_factory.mktemp("out"),
        progress=lambda step, done: steps.append((step, done)),
    )
    assert [done for _, done in steps] == sorted(done for _, done in steps)
    assert steps[-1][1] == 1.0
    return made


def test_the_bundle_carries_everything(packed: garcom.PackedBundle) -> None:
    assert packed.path.name == f"credito-{packed.digest[:12]}.bundle"
    bundle = read_bundle(packed.path)
    assert set(bundle.manifest.files) >= {
        "signature.json",
        "proof.json",
        "profile.msgpack",
        "reference.json",
        "metrics.json",
        "lineage.json",
        "example.json",
        "MODEL_CARD.md",
        "MLmodel",
        "input_example.json",
    }
    assert bundle.signature.names == tuple(X.columns)
    assert bundle.signature.output.labels == ("bom", "ruim")
    assert bundle.proof.real_rows == 200
    assert bundle.proof.placed_rows > 0
    assert bundle.metrics["accuracy"] > 0.9
    assert bundle.lineage["data_rows"] == 200
    reference = json.loads(bundle.read("reference.json"))
    assert reference["rows"] == 200
    assert sum(reference["labels"].values()) == 200
    card = bundle.read("MODEL_CARD.md").decode()
    assert "# credito" in card
    assert "| renda média | float |" in card
    assert "Equal to the original on 200 real rows" in card


def test_no_python_code_is_in_a_bundle_of_data(packed: garcom.PackedBundle) -> None:
    suffixes = {Path(name).suffix for name in packed.bundle.manifest.files}
    assert suffixes <= {".json", ".msgpack", ".md", ".npz", ".onnx", ""}


def test_it_opens_without_the_training_libraries(packed: garcom.PackedBundle) -> None:
    code = (
        "import sys, numpy as np\n"
        "from garcom.model.bundle import read_bundle\n"
        "from garcom.records import Batch\n"
        f"engine = read_bundle({str(packed.path)!r}).open_engine()\n"
        "print(engine.run(Batch(np.array([[0.0, 3.0, 0.0]]), np.empty((1, 0), object))).labels[0])\n"
        "print(sorted({'sklearn', 'pandas', 'skl2onnx', 'scipy', 'onnx', 'rich'} & set(sys.modules)))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split("\n")[:2] == ["1", "[]"]


def test_a_place_that_cannot_be_written_to_is_told_before_anything_else(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("")
    with pytest.raises(InputError, match=r"a folder to write the bundle into, but '.*taken' is a file"):
        garcom.pack("no such model", name="wine", out=tmp_path / "taken" / "deep")


def test_without_rows_it_says_so_everywhere(tmp_path: Path) -> None:
    model = DecisionTreeClassifier(max_depth=3, random_state=0).fit(X, y)
    packed = garcom.pack(model, name="tree", out=tmp_path, time_limit_s=0)
    assert not packed.proof.on_real_rows
    assert NOT_ON_REAL_ROWS in packed.proof.sentence()
    assert NOT_ON_REAL_ROWS.capitalize() in packed.bundle.read("MODEL_CARD.md").decode()
    # The tree's own thresholds are tried all the same.
    assert packed.proof.placed_rows > 600
    rows = Batch(X.to_numpy(), np.empty((200, 0), object))
    labels = packed.bundle.open_engine().run(rows).labels
    assert labels is not None
    assert np.array_equal(labels, model.predict(X))


def test_one_file_of_a_matrix_with_its_target(tmp_path: Path) -> None:
    model = LinearRegression().fit(X.to_numpy(), X.to_numpy() @ [1.0, 2.0, 3.0])
    target = X.to_numpy() @ [1.0, 2.0, 3.0]
    packed = garcom.pack(model, X.to_numpy(), target, name="sum", out=tmp_path, as_zip=True, time_limit_s=0)
    assert packed.path.name == f"sum-{packed.digest[:12]}.zip"
    assert packed.bundle.metrics["r2"] == pytest.approx(1.0)
    assert [path.name for path in tmp_path.iterdir()] == [packed.path.name]


def test_rows_with_gaps_that_the_model_refuses_are_left_out_and_told(tmp_path: Path) -> None:
    model = make_pipeline(StandardScaler(), LogisticRegression()).fit(X, y)
    pierced = X.copy()
    pierced.loc[[3, 5], "idade"] = np.nan
    packed = garcom.pack(model, pierced, y, name="gaps", out=tmp_path, time_limit_s=0)
    assert packed.proof.real_rows == 198
    assert packed.bundle.metrics["rows"] == 198
    assert packed.notes[0].startswith("2 of 200 rows were left out: they lack 'idade'")


def test_several_targets_by_name(tmp_path: Path) -> None:
    truth = pd.DataFrame({"preço": X["idade"] * 2, "prazo": X["açúcar"] + 1})
    model = DecisionTreeRegressor(max_depth=3, random_state=0).fit(X, truth)
    table = pd.concat([X, truth], axis=1)
    packed = garcom.pack(model, table, name="two", target=["preço", "prazo"], out=tmp_path, time_limit_s=0)
    assert packed.signature.output.names == ("preço", "prazo")
    assert packed.signature.names == tuple(X.columns)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"name": "Crédito"}, InputError, "'credito' would do"),
        ({"target": "renda"}, DataError, "Did you mean 'renda média'"),
        ({"labels": {0: "bom"}}, SignatureError, "1"),
        ({"y": y[:10]}, DataError, r"one target per row \(200\), got 10"),
        ({"y": y + 5}, DataError, r"classes that the model predicts \(0, 1\), got 5, 6"),
        ({"X": None, "y": y}, DataError, "a target alone"),
        ({"X": X.rename(columns={"idade": "idad"})}, DataError, "idade"),
        ({"X": X[:0], "y": y[:0]}, DataError, "none"),
    ],
)
def test_wrong_use_is_explained(tmp_path: Path, options: dict[str, Any], error: type[Exception], message: str) -> None:
    model = LogisticRegression().fit(X, y)
    arguments: dict[str, Any] = {"X": X, "name": "credit", "out": tmp_path, "time_limit_s": 0, **options}
    with pytest.raises(error, match=message):
        garcom.pack(model, arguments.pop("X"), arguments.pop("y", None), **arguments)
    assert list(tmp_path.iterdir()) == []


def test_importing_garcom_imports_nothing_heavy() -> None:
    code = "import garcom, sys; print(sorted({'numpy', 'pandas', 'sklearn', 'rich', 'httpx'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
    with pytest.raises(AttributeError, match="no attribute 'pakc'"):
        _ = garcom.pakc
