from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import QuantileTransformer, StandardScaler
from sklearn.svm import SVC

from garcom.errors import BundleError, EngineError
from garcom.model.engines.arrays import Program, Step, load
from garcom.model.lowering import lower
from garcom.model.signature import Field, FieldType, Output, Signature
from garcom.records import Batch
from tests.unit.model.lowering.compare import SPEC

REGRESSION = Signature(
    fields=(Field(name="a", type=FieldType.FLOAT), Field(name="b", type=FieldType.FLOAT)),
    output=Output(task="regression", names=("y",)),
    example={"a": 1.0, "b": 2.0},
)
TWICE = Program(
    (
        Step("linear", (0,), arrays={"coef": np.array([[2.0, 0.5]]), "intercept": np.array([1.0])}),
        Step("multiply", (2,), arrays={"constant": np.array(3.0)}),
    ),
    {"values": 3},
)


def rows(*values: list[float]) -> Batch:
    numbers = np.array(values, dtype=np.float64)
    return Batch(numbers, np.empty((len(numbers), 0), dtype=object))


def test_a_program_runs_as_it_was_saved(tmp_path: Path) -> None:
    TWICE.save(tmp_path)
    engine = load(tmp_path, SPEC, REGRESSION)
    found = engine.run(rows([1.0, 2.0], [0.0, -4.0]))
    assert found.labels is None
    assert found.probabilities is None
    assert found.values is not None
    assert found.values.tolist() == [[12.0], [-3.0]]
    engine.close()
    engine.close()


def test_the_same_program_is_the_same_bytes(tmp_path: Path) -> None:
    for name in ("one", "two"):
        TWICE.save(tmp_path / name)
    for path in sorted((tmp_path / "one").iterdir()):
        assert path.read_bytes() == (tmp_path / "two" / path.name).read_bytes()


def test_a_batch_is_not_written_to(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    X = random.normal(size=(80, 2))
    model = make_pipeline(StandardScaler(), LogisticRegression()).fit(X, X[:, 0] > 0)
    signature = _classification(model)
    lower(model, signature).save(tmp_path)
    batch = Batch(X.copy(), np.empty((80, 0), dtype=object))
    batch.numbers.flags.writeable = False
    load(tmp_path, SPEC, signature).run(batch)


def test_the_first_row_that_gives_no_number_is_named(tmp_path: Path) -> None:
    TWICE.save(tmp_path)
    with pytest.raises(EngineError, match="NaN") as caught:
        load(tmp_path, SPEC, REGRESSION).run(rows([1.0, 1.0], [np.inf, 2.0], [1.0, np.nan], [np.nan, 0.0]))
    assert caught.value.row == 2


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("program.json", b"{"),
        ("program.json", b'{"format": 99, "steps": [], "results": {}}'),
        ("program.json", b'{"format": 1, "steps": [{"op": "linear", "inputs": [5]}], "results": {"values": 2}}'),
        ("program.json", b'{"format": 1, "steps": [{"op": "fly", "inputs": [0]}], "results": {"values": 2}}'),
        ("program.json", b'{"format": 1, "steps": [{"op": "linear", "inputs": [0]}], "results": {"values": 2}}'),
        ("program.json", b'{"format": 1, "steps": [{"op": "exp", "inputs": []}], "results": {"values": 2}}'),
        ("program.json", b'{"format": 1, "steps": [{"op": "exp", "inputs": [0]}], "results": {"labels": 2}}'),
        (
            "program.json",
            b'{"format": 1, "steps": [{"op": "trees", "inputs": [0], "graph": "../secret"}], "results": {"values": 2}}',
        ),
        ("arrays.npz", b"not a zip"),
    ],
)
def test_damaged_programs_are_refused(tmp_path: Path, name: str, content: bytes) -> None:
    TWICE.save(tmp_path)
    (tmp_path / name).write_bytes(content)
    with pytest.raises(BundleError):
        load(tmp_path, SPEC, REGRESSION)


def test_a_damaged_tree_ensemble_is_refused(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    X = random.normal(size=(80, 2))
    model = RandomForestClassifier(3, random_state=0).fit(X, X[:, 0] > 0)
    signature = _classification(model)
    lower(model, signature).save(tmp_path)
    (path,) = tmp_path.glob("trees-*.onnx")
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(BundleError, match=r"ONNX|trees"):
        load(tmp_path, SPEC, signature)


def test_pickled_arrays_are_refused(tmp_path: Path) -> None:
    TWICE.save(tmp_path)
    evil = np.empty(1, dtype=object)
    evil[0] = {"never": "unpickled"}
    np.savez(tmp_path / "arrays.npz", allow_pickle=True, **{"0.coef": evil, "0.intercept": evil, "1.constant": evil})
    with pytest.raises(BundleError, match="allow_pickle"):
        load(tmp_path, SPEC, REGRESSION)


def test_a_program_for_another_task_is_refused(tmp_path: Path) -> None:
    TWICE.save(tmp_path)
    other = Signature(fields=REGRESSION.fields, output=Output(task="clustering", classes=(0, 1)), example={})
    with pytest.raises(BundleError, match="clustering"):
        load(tmp_path, SPEC, other)


_HEAVY = ("sklearn", "pandas", "scipy", "scipy.stats", "onnx", "onnxruntime", "joblib", "xgboost", "lightgbm")


@pytest.mark.parametrize(
    ("model", "allowed"),
    [
        (make_pipeline(StandardScaler(), LogisticRegression()), [""]),
        (RandomForestClassifier(3), ["onnxruntime"]),
        (make_pipeline(QuantileTransformer(n_quantiles=9, output_distribution="normal"), SVC()), ["scipy"]),
    ],
    ids=["linear", "forest", "normal quantiles"],
)
def test_a_worker_imports_nothing_heavy(tmp_path: Path, model: Any, allowed: list[str]) -> None:
    random = np.random.default_rng(0)
    X = random.normal(size=(80, 2))
    signature = _classification(model.fit(X, X[:, 0] > 0))
    lower(model, signature).save(tmp_path)
    code = f"""
import sys
from pathlib import Path
import msgspec, numpy as np
from garcom.model.engines.arrays import load
from garcom.model.engines.base import EngineSpec
from garcom.model.signature import Signature
from garcom.records import Batch
signature = msgspec.json.decode({msgspec.json.encode(signature)!r}, type=Signature)
engine = load(Path({str(tmp_path)!r}), EngineSpec(name="a", kind="arrays"), signature)
engine.run(Batch(np.zeros((1, 2)), np.empty((1, 0), dtype=object)))
print(",".join(name for name in {_HEAVY!r} if name in sys.modules))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip().split(",") == allowed


def _classification(model: Any) -> Signature:
    return Signature(
        fields=REGRESSION.fields,
        output=Output(
            task="classification",
            classes=tuple(model.classes_.tolist()),
            probabilities=hasattr(model, "predict_proba"),
        ),
        example={},
    )
