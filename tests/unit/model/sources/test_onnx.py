from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper
from skl2onnx import to_onnx
from skl2onnx.common.data_types import DoubleTensorType, FloatTensorType, Int64TensorType, StringTensorType
from sklearn.cluster import KMeans
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import IsolationForest, RandomForestClassifier
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from garcom.errors import UnreadableModel, UnsupportedModel
from garcom.model.frames import to_batch
from garcom.model.inference import infer_signature
from garcom.model.signature import FieldType
from garcom.model.sources import bind, read_model
from garcom.records import Batch
from tests.unit.model.examples import answers, people

FRAME = people(gaps=False)
MATRIX = FRAME[["renda média", "idade"]].to_numpy()


def save(model: Any, path: Path, kinds: Any, **options: Any) -> Path:
    path.write_bytes(to_onnx(model, initial_types=kinds, target_opset=17, **options).SerializeToString())
    return path


def run(path: Path, frame: Any) -> Any:
    import pandas as pd

    frame = frame if isinstance(frame, pd.DataFrame) else pd.DataFrame(frame)
    loaded = read_model(path)
    signature = infer_signature(loaded, frame)
    return loaded, signature, bind(loaded, signature).run(to_batch(frame, signature))


@pytest.mark.parametrize("zipmap", [True, False, "columns"])
@pytest.mark.parametrize("texts", [True, False])
def test_classifiers_with_and_without_zipmap(tmp_path: Path, zipmap: Any, texts: bool) -> None:
    target = answers(FRAME) if texts else (np.arange(len(FRAME)) % 3) * 2
    model = RandomForestClassifier(n_estimators=4, random_state=0).fit(MATRIX.astype(np.float32), target)
    path = save(
        model, tmp_path / "m.onnx", [("X", FloatTensorType([None, 2]))], options={id(model): {"zipmap": zipmap}}
    )
    if zipmap == "columns":
        with pytest.raises(UnsupportedModel, match="one output per class"):
            read_model(path)
        return
    loaded, signature, outputs = run(path, MATRIX)
    assert loaded.input_kind == "array"
    assert loaded.files == {"onnx": str(path)}
    assert list(signature.output.classes) == model.classes_.tolist()
    assert [signature.output.classes[at] for at in outputs.labels] == model.predict(MATRIX.astype(np.float32)).tolist()
    np.testing.assert_allclose(outputs.probabilities, model.predict_proba(MATRIX.astype(np.float32)), atol=1e-6)


def test_one_input_per_column(tmp_path: Path) -> None:
    columns = ColumnTransformer(
        [("c", OneHotEncoder(handle_unknown="ignore"), ["região"]), ("n", StandardScaler(), ["renda média", "idade"])]
    )
    model = make_pipeline(columns, LogisticRegression()).fit(FRAME, answers(FRAME))
    kinds = [
        ("renda média", FloatTensorType([None, 1])),
        ("região", StringTensorType([None, 1])),
        ("filhos", Int64TensorType([None, 1])),
        ("idade", FloatTensorType([None, 1])),
    ]
    path = save(model, tmp_path / "m.onnx", kinds, options={id(model): {"zipmap": False}})
    loaded, signature, outputs = run(path, FRAME)
    assert loaded.input_kind == "frame"
    assert {field.name: field.type for field in signature.fields}["região"] is FieldType.STRING
    assert [signature.output.classes[at] for at in outputs.labels] == model.predict(FRAME).tolist()


def test_texts(tmp_path: Path) -> None:
    texts = ["vinho bom", "vinho ruim", "bom demais", "ruim"] * 5
    model = make_pipeline(CountVectorizer(lowercase=False), LogisticRegression()).fit(texts, [1, 0, 1, 0] * 5)
    path = save(model, tmp_path / "m.onnx", [("texto", StringTensorType([None, 1]))])
    loaded = read_model(path)
    signature = infer_signature(loaded, None)
    assert loaded.input_kind == "text"
    batch = Batch(np.empty((2, 0)), np.array([["vinho ruim"], ["bom"]], dtype=object))
    assert bind(loaded, signature).run(batch).labels.tolist() == [0, 1]  # type: ignore[union-attr]


def test_regression_with_two_targets(tmp_path: Path) -> None:
    model = LinearRegression().fit(MATRIX, np.column_stack([MATRIX[:, 0], -MATRIX[:, 1]]))
    path = save(model, tmp_path / "m.onnx", [("X", DoubleTensorType([None, 2]))])
    _, signature, outputs = run(path, MATRIX)
    assert signature.output.names == ("y0", "y1")
    np.testing.assert_allclose(outputs.values, model.predict(MATRIX), rtol=1e-9)


def test_clusters_and_outliers(tmp_path: Path) -> None:
    X = MATRIX.astype(np.float32)
    clusters = KMeans(3, n_init=1, random_state=0).fit(X)
    path = save(clusters, tmp_path / "k.onnx", [("X", FloatTensorType([None, 2]))])
    _, signature, outputs = run(path, MATRIX)
    assert signature.output.task == "clustering"
    assert outputs.labels.tolist() == clusters.predict(X).tolist()
    odd = IsolationForest(n_estimators=5, random_state=0).fit(X)
    path = tmp_path / "i.onnx"
    kinds = [("X", FloatTensorType([None, 2]))]
    path.write_bytes(to_onnx(odd, initial_types=kinds, target_opset={"": 17, "ai.onnx.ml": 3}).SerializeToString())
    _, signature, outputs = run(path, MATRIX)
    assert signature.output.task == "outlier"
    assert [signature.output.classes[at] for at in outputs.labels] == odd.predict(X).tolist()
    np.testing.assert_allclose(outputs.values[:, 0], odd.decision_function(X), atol=1e-5)


def graph(
    nodes: list[Any], outputs: list[Any], inputs: list[Any] | None = None, tables: list[Any] | None = None
) -> bytes:
    inputs = inputs or [helper.make_tensor_value_info("X", TensorProto.FLOAT, [None, 3])]
    made = helper.make_graph(nodes, "g", inputs, outputs, initializer=tables or [])
    model = helper.make_model(made, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())


def test_a_network_that_ends_in_a_softmax_classifies(tmp_path: Path) -> None:
    data = graph(
        [helper.make_node("Softmax", ["X"], ["p"])], [helper.make_tensor_value_info("p", TensorProto.FLOAT, [None, 3])]
    )
    (tmp_path / "m.onnx").write_bytes(data)
    _, signature, outputs = run(tmp_path / "m.onnx", np.array([[0.0, 5.0, 1.0], [9.0, 1.0, 2.0]]))
    assert signature.output.classes == (0, 1, 2)
    assert outputs.labels.tolist() == [1, 0]
    np.testing.assert_allclose(outputs.probabilities.sum(axis=1), 1, rtol=1e-6)


def test_a_network_that_ends_in_a_sigmoid_says_yes_or_no(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("ReduceSum", ["X", "axes"], ["s"], keepdims=1),
        helper.make_node("Sigmoid", ["s"], ["p"]),
    ]
    tables = [helper.make_tensor("axes", TensorProto.INT64, [1], [1])]
    data = graph(nodes, [helper.make_tensor_value_info("p", TensorProto.FLOAT, [None, 1])], tables=tables)
    (tmp_path / "m.onnx").write_bytes(data)
    _, signature, outputs = run(tmp_path / "m.onnx", np.array([[-1.0, -1, -1], [1, 1, 1]]))
    assert signature.output.classes == (0, 1)
    assert outputs.labels.tolist() == [0, 1]


def test_any_other_number_is_a_regression(tmp_path: Path) -> None:
    data = graph(
        [helper.make_node("Abs", ["X"], ["y"])], [helper.make_tensor_value_info("y", TensorProto.FLOAT, [None, 3])]
    )
    (tmp_path / "m.onnx").write_bytes(data)
    _, signature, outputs = run(tmp_path / "m.onnx", np.array([[-1.0, 2, -3]]))
    assert signature.output.task == "regression"
    assert outputs.values.tolist() == [[1, 2, 3]]


@pytest.mark.parametrize(
    ("inputs", "says"),
    [
        ([("X", TensorProto.FLOAT, [None, 3, 8, 8])], "tables of numbers"),
        ([("X", TensorProto.FLOAT, [None, 3]), ("z", TensorProto.FLOAT, [None, 1])], r"\['X'\] have many columns"),
    ],
)
def test_graphs_that_take_no_table(tmp_path: Path, inputs: Any, says: str) -> None:
    infos = [helper.make_tensor_value_info(*one) for one in inputs]
    data = graph(
        [helper.make_node("Identity", ["X"], ["y"])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, inputs[0][2])],
        infos,
    )
    (tmp_path / "m.onnx").write_bytes(data)
    with pytest.raises(UnsupportedModel, match=says):
        read_model(tmp_path / "m.onnx")


def test_a_cut_off_graph(tmp_path: Path) -> None:
    model = LinearRegression().fit(MATRIX, MATRIX[:, 0])
    path = save(model, tmp_path / "m.onnx", [("X", DoubleTensorType([None, 2]))])
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(UnreadableModel, match="Export it again"):
        read_model(path)


def test_the_model_pickles_as_its_bytes(tmp_path: Path) -> None:
    model = LinearRegression().fit(MATRIX, MATRIX[:, 0])
    loaded = read_model(save(model, tmp_path / "m.onnx", [("X", DoubleTensorType([None, 2]))]))
    again = pickle.loads(pickle.dumps(loaded.model))
    assert again.data == loaded.model.data
    assert again.session.get_inputs()[0].name == "X"
