from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from garcom.errors import BundleError, EngineError, UnsupportedModel
from garcom.model.compile.graphs import wire
from garcom.model.engines.base import EngineSpec
from garcom.model.engines.onnx import OnnxEngine, load
from garcom.model.signature import Field, FieldType, Output, Signature
from garcom.records import Batch

FLOAT, TEXT, INT = TensorProto.FLOAT, TensorProto.STRING, TensorProto.INT64
THREE = Output(task="classification", classes=("a", "b", "ç"), probabilities=True)


def signature(output: Output, *types: FieldType) -> Signature:
    fields = tuple(Field(name=f"x{at}", type=kind) for at, kind in enumerate(types))
    return Signature(fields=fields, output=output, example={})


def write(folder: Path, nodes: list[Any], inputs: list[Any], outputs: list[Any], constants: list[Any] = []) -> None:  # noqa: B006
    graph = helper.make_graph(nodes, "g", inputs, outputs, constants)
    opsets = [helper.make_opsetid("", 18), helper.make_opsetid("ai.onnx.ml", 3)]
    onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=9), folder / "model.onnx")


def engine(folder: Path, made: Signature) -> OnnxEngine:
    options = msgspec.to_builtins(wire(folder / "model.onnx", made))
    return load(folder, EngineSpec(name="onnx", kind="onnx", options=options), made)


def value(name: str, kind: int, *shape: int | None) -> Any:
    return helper.make_tensor_value_info(name, kind, shape)


def test_without_a_label_the_largest_probability_tells(tmp_path: Path) -> None:
    write(
        tmp_path,
        [helper.make_node("Softmax", ["X"], ["p"], axis=1)],
        [value("X", FLOAT, None, 3)],
        [value("p", FLOAT, None, 3)],
    )
    answers = engine(tmp_path, signature(THREE, *[FieldType.FLOAT] * 3)).run(
        Batch(np.array([[0.0, 3.0, 1.0], [2.0, 1e300, -1.0]]), np.empty((2, 0), object))
    )
    assert answers.labels is not None
    assert answers.labels.tolist()[0] == 1
    assert answers.probabilities is not None
    assert answers.probabilities[0].sum() == pytest.approx(1)


def test_one_sigmoid_column_is_the_second_class(tmp_path: Path) -> None:
    write(
        tmp_path,
        [helper.make_node("Sigmoid", ["X"], ["p"])],
        [value("X", FLOAT, None, 1)],
        [value("p", FLOAT, None, 1)],
    )
    output = Output(task="classification", classes=(0, 1), probabilities=True)
    answers = engine(tmp_path, signature(output, FieldType.FLOAT)).run(
        Batch(np.array([[0.0], [-4.0], [4.0]]), np.empty((3, 0), object))
    )
    assert answers.probabilities is not None
    assert answers.probabilities[:, 1] == pytest.approx([0.5, 0.0179862, 0.9820138], abs=1e-6)
    assert answers.labels is not None
    assert answers.labels.tolist() == [0, 0, 1]


def test_zipmaps_texts_and_flat_inputs(tmp_path: Path) -> None:
    table = helper.make_tensor("table", FLOAT, (2, 2), [0.9, 0.1, 0.2, 0.8])
    nodes = [
        helper.make_node(
            "LabelEncoder",
            ["cidade"],
            ["row"],
            domain="ai.onnx.ml",
            keys_strings=["Évora"],
            values_int64s=[1],
            default_int64=0,
        ),
        helper.make_node("Gather", ["table", "row"], ["p"], axis=0),
        helper.make_node("ZipMap", ["p"], ["maps"], domain="ai.onnx.ml", classlabels_strings=["não", "sim"]),
        helper.make_node(
            "LabelEncoder", ["row"], ["label"], domain="ai.onnx.ml", keys_int64s=[0, 1], values_strings=["não", "sim"]
        ),
    ]
    maps = onnx.ValueInfoProto(name="maps")
    maps.type.sequence_type.elem_type.map_type.key_type = TEXT
    maps.type.sequence_type.elem_type.map_type.value_type.tensor_type.elem_type = FLOAT
    write(tmp_path, nodes, [value("cidade", TEXT, None)], [value("label", TEXT, None), maps], [table])
    output = Output(task="classification", classes=("não", "sim"), probabilities=True)
    answers = engine(tmp_path, signature(output, FieldType.STRING)).run(
        Batch(np.empty((3, 0)), np.array([["Évora"], ["Porto"], [None]], object))
    )
    assert answers.labels is not None
    assert answers.labels.tolist() == [1, 0, 0]
    assert answers.probabilities is not None
    assert answers.probabilities[:, 1] == pytest.approx([0.8, 0.1, 0.1])


def test_what_does_not_fit_is_refused(tmp_path: Path) -> None:
    write(tmp_path, [helper.make_node("Neg", ["X"], ["y"])], [value("X", FLOAT, None, 2)], [value("y", FLOAT, None, 2)])
    regression = signature(Output(task="regression", names=("a", "b")), FieldType.FLOAT, FieldType.FLOAT)
    assert engine(tmp_path, regression).run(Batch(np.ones((1, 2)), np.empty((1, 0), object))).values is not None
    with pytest.raises(UnsupportedModel, match="expected outputs for clustering"):
        wire(tmp_path / "model.onnx", signature(Output(task="clustering", classes=(0, 1)), FieldType.FLOAT))
    options = msgspec.to_builtins(wire(tmp_path / "model.onnx", regression))
    options["feeds"][0]["name"] = "Z"
    with pytest.raises(BundleError, match=r"inputs \['Z'\]"):
        load(tmp_path, EngineSpec(name="onnx", kind="onnx", options=options), regression)
    with pytest.raises(BundleError, match="options"):
        load(tmp_path, EngineSpec(name="onnx", kind="onnx", options={"feeds": 3}), regression)
    wrong = signature(Output(task="regression", names=("a",)), FieldType.FLOAT)
    with pytest.raises(EngineError, match="failed on 4 rows"):
        engine(tmp_path, wrong).run(Batch(np.ones((4, 1)), np.empty((4, 0), object)))
    (tmp_path / "model.onnx").write_bytes(b"no graph")
    with pytest.raises(BundleError, match=r"ONNX Runtime \S+ cannot load model\.onnx: \w"):
        engine(tmp_path, regression)
