"""Model directories as MLflow 2 and 3 write them, made here by hand because MLflow is not needed to read them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cloudpickle
import numpy as np
import pytest
import sklearn
import yaml

from garcom.errors import LibraryMismatch, UnreadableModel, UnsupportedModel
from garcom.model.frames import to_batch
from garcom.model.inference import infer_signature
from garcom.model.signature import FieldType
from garcom.model.sources import bind, read_model
from tests.unit.model.examples import answers, mixed_pipeline, people

INPUTS = [
    {"type": "double", "name": "renda média", "required": True},
    {"type": "string", "name": "região", "required": False},
    {"type": "long", "name": "filhos", "required": True},
    {"type": "double", "name": "idade", "required": False},
]


def write(folder: Path, flavours: dict[str, Any], inputs: Any = None) -> Path:
    folder.mkdir(exist_ok=True)
    document: dict[str, Any] = {
        "artifact_path": "model",
        "flavors": {**flavours, "python_function": {"loader_module": "mlflow.sklearn", "python_version": "3.11"}},
        "mlflow_version": "3.1.0",
    }
    if inputs is not None:
        document["signature"] = {"inputs": json.dumps(inputs), "outputs": '[{"type": "string"}]', "params": None}
    (folder / "MLmodel").write_text(yaml.safe_dump(document, allow_unicode=True), encoding="utf-8")
    return folder


def sklearn_flavour(**options: Any) -> dict[str, Any]:
    defaults = {
        "pickled_model": "model.pkl",
        "serialization_format": "cloudpickle",
        "sklearn_version": sklearn.__version__,
    }
    return {"sklearn": {**defaults, **options}}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    frame = people()
    folder = write(tmp_path / "model", sklearn_flavour(), INPUTS)
    (folder / "model.pkl").write_bytes(cloudpickle.dumps(mixed_pipeline().fit(frame, answers(frame))))
    return folder


def test_a_scikit_learn_model_with_its_signature(folder: Path) -> None:
    loaded = read_model(folder)
    fields = {field.name: field for field in infer_signature(loaded, None).fields}
    assert list(fields) == ["renda média", "região", "filhos", "idade"]
    # The model's encoder knows more than the signature's "string".
    assert fields["região"].type is FieldType.CATEGORY
    assert fields["região"].categories == ("norte", "sul", "são paulo")
    assert fields["idade"].nullable
    assert not fields["idade"].required
    frame = people()
    signature = infer_signature(loaded, frame)
    outputs = bind(loaded, signature).run(to_batch(frame, signature))
    np.testing.assert_array_equal(outputs.probabilities, loaded.model.predict_proba(frame))


def test_the_types_of_a_schema_stand_whatever_the_data_look_like(tmp_path: Path) -> None:
    from sklearn.linear_model import LinearRegression

    X = people(gaps=False)[["filhos", "idade"]]
    folder = write(
        tmp_path / "m", sklearn_flavour(), [{"type": "double", "name": "filhos"}, {"type": "long", "name": "idade"}]
    )
    (folder / "model.pkl").write_bytes(cloudpickle.dumps(LinearRegression().fit(X, X["idade"])))
    fields = infer_signature(read_model(folder), X).fields
    assert [field.type for field in fields] == [FieldType.FLOAT, FieldType.INTEGER]


def test_unnamed_and_tensor_signatures_leave_the_model_to_speak(folder: Path) -> None:
    tensor = [{"type": "tensor", "tensor-spec": {"dtype": "float64", "shape": [-1, 4]}}]
    write(folder, sklearn_flavour(), tensor)
    assert [field.name for field in read_model(folder).fields or ()] == ["renda média", "região", "filhos", "idade"]


def test_another_version_of_scikit_learn(folder: Path) -> None:
    write(folder, sklearn_flavour(sklearn_version="0.24.2"), INPUTS)
    with pytest.raises(LibraryMismatch, match=rf"0\.24\.2.*{sklearn.__version__}"):
        read_model(folder)


def test_boosters_and_onnx(tmp_path: Path) -> None:
    import lightgbm
    import xgboost
    from skl2onnx import to_onnx
    from sklearn.linear_model import LinearRegression

    X = people(gaps=False)[["filhos", "idade"]].to_numpy(dtype=np.float32)
    y = X[:, 1] * 2
    boosted = xgboost.XGBRegressor(n_estimators=2, n_jobs=1).fit(X, y)
    folder = write(tmp_path / "x", {"xgboost": {"data": "model.ubj", "model_class": "xgboost.sklearn.XGBRegressor"}})
    boosted.save_model(folder / "model.ubj")
    assert type(read_model(folder).model).__name__ == "XGBRegressor"
    light = lightgbm.LGBMRegressor(n_estimators=2, verbose=-1, n_jobs=1).fit(X, y)
    folder = write(tmp_path / "l", {"lightgbm": {"data": "model.lgb", "lgb_version": lightgbm.__version__}})
    light.booster_.save_model(folder / "model.lgb")
    assert read_model(folder).files == {"lightgbm": str(folder / "model.lgb")}
    folder = write(tmp_path / "p", {"lightgbm": {"data": "model.pkl", "model_class": "lightgbm.sklearn.LGBMRegressor"}})
    (folder / "model.pkl").write_bytes(cloudpickle.dumps(light))
    assert type(read_model(folder).model).__name__ == "LGBMRegressor"
    folder = write(tmp_path / "o", {"onnx": {"data": "model.onnx", "onnx_version": "1.0"}})
    (folder / "model.onnx").write_bytes(to_onnx(LinearRegression().fit(X, y), X[:1]).SerializeToString())
    assert read_model(folder).framework == "onnx"


def test_own_code_of_the_model_is_importable(tmp_path: Path) -> None:
    import sys

    folder = write(tmp_path / "m", sklearn_flavour(code="code"))
    (folder / "code").mkdir()
    (folder / "code" / "meu_modelo_mlflow.py").write_text(
        "class Modelo:\n    def predict(self, X):\n        return X\n"
    )
    (folder / "model.pkl").write_bytes(b"cmeu_modelo_mlflow\nModelo\n)\x81.")
    try:
        assert read_model(folder).output.task == "regression"
    finally:
        sys.modules.pop("meu_modelo_mlflow", None)


@pytest.mark.parametrize(
    ("text", "error", "says"),
    [
        ("flavors: {pytorch: {}, python_function: {}}", UnsupportedModel, "pytorch"),
        ("flavors: {sklearn: {pickled_model: ../outside.pkl}}", UnreadableModel, "not in it"),
        ("flavors: {sklearn: {pickled_model: absent.pkl}}", UnreadableModel, "absent.pkl"),
        ("a: [", UnreadableModel, "not YAML"),
        ("- 1", UnreadableModel, "Expected a mapping"),
        ("{}", UnsupportedModel, "flavours"),
    ],
)
def test_directories_that_cannot_be_read(tmp_path: Path, text: str, error: type[Exception], says: str) -> None:
    (tmp_path / "m").mkdir()
    (tmp_path / "outside.pkl").write_bytes(b"x")
    (tmp_path / "m" / "MLmodel").write_text(text)
    with pytest.raises(error, match=says):
        read_model(tmp_path / "m")


def test_types_that_no_table_has(folder: Path) -> None:
    write(folder, sklearn_flavour(), [{**INPUTS[0], "type": "binary"}, *INPUTS[1:]])
    with pytest.raises(UnsupportedModel, match="'binary'"):
        read_model(folder)
