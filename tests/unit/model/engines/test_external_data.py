"""Graphs that would read other files: found wherever a tensor can be, and never opened."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import ModelProto, TensorProto, helper, numpy_helper

from garcom.errors import BundleError, UnreadableModel
from garcom.model.engines.arrays.ops.trees import trees
from garcom.model.engines.arrays.program import Step
from garcom.model.engines.external_data import refuse_external_data
from garcom.model.engines.onnx import open_session
from garcom.model.sources.onnx import read_onnx

FLOAT = TensorProto.FLOAT


def external(name: str = "w", location: str = "/etc/passwd") -> TensorProto:
    tensor = TensorProto(name=name, data_type=FLOAT, dims=[1], data_location=TensorProto.EXTERNAL)
    tensor.external_data.add(key="location", value=location)
    return tensor


def graph(**parts: Any) -> onnx.GraphProto:
    x, y = (helper.make_tensor_value_info(name, FLOAT, [None, 1]) for name in "xy")
    return helper.make_graph(parts.pop("nodes", [helper.make_node("Identity", ["x"], ["y"])]), "g", [x], [y], **parts)


def model(made: onnx.GraphProto | None = None, **parts: Any) -> ModelProto:
    opsets = [helper.make_opsetid("", 18)]
    return helper.make_model(made or graph(), opset_imports=opsets, ir_version=9, **parts)


def attribute(**fields: Any) -> onnx.AttributeProto:
    made = onnx.AttributeProto(name="a")
    for name, value in fields.items():
        getattr(made, name).extend(value) if isinstance(value, list) else getattr(made, name).CopyFrom(value)
    return made


def node(**fields: Any) -> onnx.NodeProto:
    made = helper.make_node("Constant", [], ["c"])
    made.attribute.append(attribute(**fields))
    return made


def sparse(part: str) -> onnx.SparseTensorProto:
    made = onnx.SparseTensorProto(dims=[3])
    getattr(made, part).CopyFrom(external())
    return made


def function(**parts: Any) -> onnx.FunctionProto:
    made = helper.make_function("d", "f", [], ["c"], parts.pop("nodes", []), [helper.make_opsetid("", 18)])
    made.attribute_proto.extend(parts.pop("defaults", []))
    return made


def training(part: str) -> ModelProto:
    made = model()
    getattr(made.training_info.add(), part).CopyFrom(graph(initializer=[external()]))
    return made


def among_floats() -> ModelProto:
    """A tree ensemble's long attributes before the tensor."""
    made = attribute(floats=[0.5, 1e9, -1.0] * 1000, ints=[1, 2**40, -5, 61, 64] * 1000, t=external())
    return model(graph(nodes=[onnx.NodeProto(op_type="Constant", output=["y"], attribute=[made])]))


def deep() -> ModelProto:
    inner = graph(initializer=[external()])
    for _ in range(20):
        inner = graph(nodes=[node(g=inner)])
    return model(inner)


PLACES: dict[str, Callable[[], ModelProto]] = {
    "initializer": lambda: model(graph(initializer=[external()])),
    "initializer among others": lambda: model(
        graph(initializer=[numpy_helper.from_array(np.zeros(1000, np.float32), "z"), external()])
    ),
    "sparse values": lambda: model(graph(sparse_initializer=[sparse("values")])),
    "sparse indices": lambda: model(graph(sparse_initializer=[sparse("indices")])),
    "attribute": lambda: model(graph(nodes=[node(t=external())])),
    "attribute's list": lambda: model(graph(nodes=[node(tensors=[external()])])),
    "attribute's sparse tensor": lambda: model(graph(nodes=[node(sparse_tensor=sparse("values"))])),
    "attribute's sparse tensors": lambda: model(graph(nodes=[node(sparse_tensors=[sparse("indices")])])),
    "subgraph": lambda: model(graph(nodes=[node(g=graph(initializer=[external()]))])),
    "list of subgraphs": lambda: model(graph(nodes=[node(graphs=[graph(), graph(nodes=[node(t=external())])])])),
    "function": lambda: model(functions=[function(nodes=[node(t=external())])]),
    "function's default": lambda: model(functions=[function(defaults=[attribute(t=external())])]),
    "training, at its start": lambda: training("initialization"),
    "training": lambda: training("algorithm"),
    "among floats": among_floats,
    "deep": deep,
    "memory": lambda: model(graph(initializer=[external(location="*/_ORT_MEM_ADDR_/*")])),
    "parent folder": lambda: model(graph(initializer=[external(location="../../x")])),
}


@pytest.mark.parametrize("place", PLACES)
def test_a_tensor_outside_is_found_wherever_it_is(place: str) -> None:
    with pytest.raises(BundleError, match=r"model\.onnx keeps tensors in other files"):
        refuse_external_data(PLACES[place]().SerializeToString(), "model.onnx")


def test_a_location_alone_is_not_enough_to_be_hidden() -> None:
    """Without the entry that says so, and with a length written in more bytes than it needs."""
    hidden = model(graph(initializer=[external()])).SerializeToString()
    for data in (
        hidden.replace(b"\x70\x01", b"\x70\x00"),  # data_location DEFAULT, the entries left
        hidden.replace(b"\x70\x01", b"\x70\x02"),  # a value that is none
    ):
        assert data != hidden
        with pytest.raises(BundleError, match="keeps tensors in other files"):
            refuse_external_data(data, "model.onnx")


def test_other_graphs_are_taken_even_if_they_speak_of_locations(tmp_path: Path) -> None:
    made = graph()
    made.doc_string = "location " * 10
    floats = attribute(floats=[0.5] * 1000, ints=[3] * 1000, strings=[b"location", b"x"])
    made.node.append(onnx.NodeProto(op_type="Constant", output=["c"], attribute=[floats]))
    refuse_external_data(model(made).SerializeToString(), "model.onnx")
    (tmp_path / "model.onnx").write_bytes(model().SerializeToString())
    assert open_session(tmp_path / "model.onnx").get_inputs()[0].name == "x"


@pytest.mark.parametrize("cut", [3, 20, 40])
def test_a_damaged_graph_is_no_way_around(cut: int) -> None:
    data = model(graph(initializer=[external()])).SerializeToString()
    with pytest.raises(BundleError, match="is not an ONNX graph, or is damaged"):
        refuse_external_data(data[:-cut] + b"location", "model.onnx")


def test_the_format_of_onnx_runtime_is_refused() -> None:
    with pytest.raises(BundleError, match="is in ONNX Runtime's own format"):
        refuse_external_data(b"\x1c\0\0\0ORTM" + b"\0" * 100, "model.onnx")


def test_nothing_that_opens_a_graph_opens_such_a_one(tmp_path: Path) -> None:
    (tmp_path / "secret.bin").write_bytes(b"\0\0\x80?")
    data = model(graph(initializer=[external(location="secret.bin")])).SerializeToString()
    path = tmp_path / "model.onnx"
    path.write_bytes(data)
    with pytest.raises(BundleError, match="keeps tensors in other files"):
        open_session(path)
    with pytest.raises(BundleError, match="keeps tensors in other files"):
        trees(Step("trees", (0,), {}, {}, data))
    with pytest.raises(UnreadableModel, match="keeps tensors in other files"):
        read_onnx(path)
