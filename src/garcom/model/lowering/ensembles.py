"""Trees as flat arrays, and ensembles of them as one ONNX ``TreeEnsemble`` node (ai.onnx.ml 5)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from garcom.model.engines.arrays.program import Array
from garcom.model.lowering.builder import Builder
from garcom.records import FloatArray, IntArray


@dataclass(frozen=True)
class Tree:
    """One decision tree; node 0 is the root.

    ``feature`` is -1 for a leaf. A row goes ``left`` where its feature is ``<= threshold``, or is NaN and
    ``missing_left`` holds. ``values`` is ``[n_nodes, n_outputs]``; only the leaves' rows count.
    """

    feature: IntArray
    threshold: FloatArray
    left: IntArray
    right: IntArray
    missing_left: npt.NDArray[np.bool_]
    values: FloatArray

    @property
    def leaves(self) -> npt.NDArray[np.bool_]:
        """Which nodes are leaves."""
        return self.feature < 0

    def on_features(self, features: Array) -> Tree:
        """The tree reading feature ``features[i]`` where it read feature ``i``."""
        moved = np.where(self.leaves, -1, np.asarray(features)[np.maximum(self.feature, 0)])
        return replace(self, feature=moved)


def constant_tree(value: float) -> Tree:
    """A tree that is one leaf."""
    zero = np.zeros(1, dtype=np.int64)
    return Tree(zero - 1, np.zeros(1), zero, zero, np.zeros(1, dtype=bool), np.array([[value]]))


def threshold_through_float32(threshold: FloatArray) -> FloatArray:
    """Thresholds ``t'`` with ``x <= t'`` in float64 exactly where ``float32(x) <= t``.

    Rounding is monotone, so the numbers that round to at most ``t`` end halfway between the last float32
    that is at most ``t`` and the next one; the halfway point itself rounds to the even one of the two.

    >>> threshold_through_float32(np.array([1.0])).tolist() == [1.0 + 2.0**-24]
    True
    """
    with np.errstate(over="ignore"):
        low = threshold.astype(np.float32)
        low = np.where(low > threshold, np.nextafter(low, np.float32(-np.inf)), low).astype(np.float32)
        high = np.nextafter(low, np.float32(np.inf))
        finite = np.isfinite(low) & np.isfinite(high)
        middle = (low.astype(np.float64) + high.astype(np.float64)) / 2
    even = low.view(np.int32) & 1 == 0
    found = np.where(even, middle, np.nextafter(middle, -np.inf))
    return np.where(finite, found, np.where(np.isneginf(low), -np.inf, np.inf))


def emit_sums(
    b: Builder,
    x: int,
    trees: Sequence[Tree],
    *,
    targets: Sequence[int] | None = None,
    n_targets: int = 1,
    strict: bool = False,
    single: bool = False,
) -> int:
    """The sum of the trees' values, tree ``t`` added to column ``targets[t]``; ``[n, n_targets]``.

    ``strict`` sends a row left where its feature is less than the threshold, not equal. ``single`` compares
    and adds in float32.
    """
    weights = [tree.values[tree.leaves, 0] for tree in trees]
    chosen = targets or [0] * len(trees)
    owners = [np.full(len(weight), target) for weight, target in zip(weights, chosen, strict=True)]
    graph = _graph(trees, weights, owners, n_targets, strict=strict, single=single)
    return b.emit("trees", x, graph=graph, options={"single": True} if single else {})


def emit_votes(b: Builder, x: int, trees: Sequence[Tree], n_targets: int) -> int:
    """The sum of the trees' rows of values, where every leaf's row has one number that is not 0."""
    leaves = [tree.values[tree.leaves] for tree in trees]
    owners = [np.abs(rows).argmax(axis=1) for rows in leaves]
    weights = [rows[np.arange(len(rows)), owner] for rows, owner in zip(leaves, owners, strict=True)]
    return b.emit("trees", x, graph=_graph(trees, weights, owners, n_targets))


def emit_leaves(b: Builder, x: int, trees: Sequence[Tree]) -> tuple[int, FloatArray]:
    """The leaf that each tree reaches, ``[n, n_trees]``, and the values of all leaves by that number."""
    counts = np.cumsum([0] + [int(tree.leaves.sum()) for tree in trees])
    weights = [np.arange(start, stop, dtype=np.float64) for start, stop in pairwise(counts)]
    owners = [np.full(len(weight), number) for number, weight in enumerate(weights)]
    value = b.emit("trees", x, graph=_graph(trees, weights, owners, len(trees)))
    return value, np.concatenate([tree.values[tree.leaves] for tree in trees])


def emit_total(b: Builder, x: int, trees: Sequence[Tree]) -> int:
    """The sum of the trees' rows of values, added tree after tree, ``[n, n_outputs]``."""
    if trees[0].values.shape[1] == 1:
        return emit_sums(b, x, trees)
    leaves, table = emit_leaves(b, x, trees)
    return b.emit("gather_leaves", leaves, table=table)


def _graph(
    trees: Sequence[Tree],
    weights: Sequence[FloatArray],
    owners: Sequence[Array],
    n_targets: int,
    *,
    strict: bool = False,
    single: bool = False,
) -> bytes:
    """The ONNX model; ``weights`` and ``owners`` are per tree, in the order of its leaves."""
    from onnx import AttributeProto, TensorProto, helper, numpy_helper

    nodes = _Nodes()
    for tree, weight, owner in zip(trees, weights, owners, strict=True):
        nodes.add(tree, weight, owner)
    number = np.float32 if single else np.float64
    tensor_type = TensorProto.FLOAT if single else TensorProto.DOUBLE
    modes = np.full(len(nodes.join("feature")), 1 if strict else 0, dtype=np.uint8)

    node = helper.make_node("TreeEnsemble", ["X"], ["Y"], domain="ai.onnx.ml", n_targets=n_targets)
    node.attribute.append(helper.make_attribute("aggregate_function", 1))
    node.attribute.append(helper.make_attribute("post_transform", 0))
    node.attribute.append(helper.make_attribute("nodes_modes", numpy_helper.from_array(modes)))
    for name, source in (("nodes_splits", "threshold"), ("leaf_weights", "weight")):
        tensor = numpy_helper.from_array(nodes.join(source).astype(number))
        node.attribute.append(helper.make_attribute(name, tensor))
    for name, source in _INTEGERS.items():
        # Written by hand: helper.make_attribute looks at the type of each of some million integers.
        node.attribute.append(AttributeProto(name=name, type=AttributeProto.INTS, ints=nodes.join(source).tolist()))
    graph = helper.make_graph(
        [node],
        "trees",
        [helper.make_tensor_value_info("X", tensor_type, [None, None])],
        [helper.make_tensor_value_info("Y", tensor_type, [None, n_targets])],
    )
    opsets = [helper.make_opsetid("", 21), helper.make_opsetid("ai.onnx.ml", 5)]
    written: bytes = helper.make_model(graph, opset_imports=opsets, ir_version=10).SerializeToString(deterministic=True)
    return written


_INTEGERS = {
    "tree_roots": "root",
    "nodes_featureids": "feature",
    "nodes_truenodeids": "left",
    "nodes_trueleafs": "left_is_leaf",
    "nodes_falsenodeids": "right",
    "nodes_falseleafs": "right_is_leaf",
    "nodes_missing_value_tracks_true": "missing_left",
    "leaf_targetids": "owner",
}


class _Nodes:
    """Collects the trees in the operator's numbering: inner nodes and leaves apart, each across all trees."""

    def __init__(self) -> None:
        self._parts: dict[str, list[Any]] = {name: [] for name in (*_INTEGERS.values(), "threshold", "weight")}
        self._n_inner = self._n_leaves = 0

    def add(self, tree: Tree, weight: FloatArray, owner: Array) -> None:
        leaves = tree.leaves
        if leaves[0]:
            # The operator has no tree without a node: one that goes to equal leaves either way.
            tree, weight, owner = _stump(), np.repeat(weight, 2), np.repeat(owner, 2)
            leaves = tree.leaves
        inner = ~leaves
        number = np.where(leaves, np.cumsum(leaves) - 1 + self._n_leaves, np.cumsum(inner) - 1 + self._n_inner)
        left, right = tree.left[inner], tree.right[inner]
        found = {
            "root": number[:1],
            "feature": tree.feature[inner],
            "threshold": tree.threshold[inner],
            "left": number[left],
            "left_is_leaf": leaves[left].astype(np.int64),
            "right": number[right],
            "right_is_leaf": leaves[right].astype(np.int64),
            "missing_left": tree.missing_left[inner].astype(np.int64),
            "owner": owner,
            "weight": weight,
        }
        for name, part in found.items():
            self._parts[name].append(part)
        self._n_inner += int(inner.sum())
        self._n_leaves += int(leaves.sum())

    def join(self, name: str) -> Array:
        return np.concatenate(self._parts[name])


def _stump() -> Tree:
    return Tree(
        feature=np.array([0, -1, -1]),
        threshold=np.zeros(3),
        left=np.array([1, 0, 0]),
        right=np.array([2, 0, 0]),
        missing_left=np.zeros(3, dtype=bool),
        values=np.zeros((3, 1)),
    )


def scaled(trees: Iterable[Tree], factor: float) -> list[Tree]:
    """The trees with their values multiplied."""
    return [replace(tree, values=factor * tree.values) for tree in trees]
