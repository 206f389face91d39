"""Tree ensembles: one ONNX Runtime ``TreeEnsemble`` node each, run with one thread."""

from __future__ import annotations

import numpy as np

from garcom.errors import BundleError
from garcom.model.engines.arrays.ops.registry import Call, operation
from garcom.model.engines.arrays.program import Array, Step
from garcom.model.engines.external_data import refuse_external_data
from garcom.records import FloatArray

#: Gathering leaves makes an array of rows x trees x outputs: larger batches go in pieces of about this many numbers.
_PIECE = 1 << 21


@operation("trees")
def trees(step: Step) -> Call:
    """The sums of the leaves that a row reaches, ``[n, n_targets]``, in float64 or, with ``single``, in float32."""
    refuse_external_data(step.graph, "a tree ensemble")
    # Models without trees start without ONNX Runtime.
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 4
    # Nothing to rewrite in a graph of one node; memory of large batches should not stay.
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    # The boundary to a C++ library, whose errors share no base class.
    try:
        session = onnxruntime.InferenceSession(step.graph, options, providers=["CPUExecutionProvider"])
    except Exception as error:
        raise BundleError(f"ONNX Runtime cannot load a tree ensemble ({error}); pack the model again.") from error
    single = step.options.get("single", False)
    run, wanted = session.run, ["Y"]

    def call(X: FloatArray) -> Array:
        result: Array = run(wanted, {"X": X.astype(np.float32) if single else X})[0]
        return result

    return call


@operation("gather_leaves")
def gather_leaves(step: Step) -> Call:
    """From leaf numbers ``[n, n_trees]`` to the sum over the trees of ``table[leaf]``, ``[n, n_outputs]``."""
    table = step.arrays["table"]

    def call(leaves: FloatArray) -> FloatArray:
        n, n_trees = leaves.shape
        piece = max(1, _PIECE // (n_trees * table.shape[1]))
        if n <= piece:
            return _sum_leaves(table, leaves)
        return np.concatenate([_sum_leaves(table, leaves[start : start + piece]) for start in range(0, n, piece)])

    return call


def _sum_leaves(table: Array, leaves: FloatArray) -> FloatArray:
    # [n_trees, n, n_outputs]: a sum over the first axis adds tree after tree, as the original does. A single
    # column of a single row would be summed pairwise instead, so it is accumulated.
    found = table.take(leaves.T.astype(np.intp), axis=0)
    if found.shape[1] * found.shape[2] == 1:
        result: FloatArray = np.add.accumulate(found, axis=0)[-1]
        return result
    total: FloatArray = np.add.reduce(found, axis=0)
    return total


@operation("leaf_values")
def leaf_values(step: Step) -> Call:
    """From leaf numbers ``[n, n_trees]`` to each tree's own value, ``[n, n_trees]``."""
    table = step.arrays["table"]
    return lambda leaves: table.take(leaves.astype(np.intp))


@operation("weighted_median")
def weighted_median(step: Step) -> Call:
    """The weighted median over the columns, the lower one, as AdaBoost.R2 takes it; one column."""
    weights = step.arrays["weights"]

    def call(predictions: FloatArray) -> FloatArray:
        order = predictions.argsort(axis=1)
        cumulated = weights.take(order).cumsum(axis=1)
        middle = (cumulated >= 0.5 * cumulated[:, -1:]).argmax(axis=1)
        rows = np.arange(len(predictions))
        median: FloatArray = predictions[rows, order[rows, middle]]
        return median[:, np.newaxis]

    return call


@operation("by_votes")
def by_votes(step: Step) -> Call:
    """From votes for class 1, whole numbers, to the row of ``table`` at that number."""
    table = step.arrays["table"]
    table.flags.writeable = False

    def call(votes: FloatArray) -> Array:
        if len(votes) == 1:
            # Right after a tree ensemble numpy's code is cold in the processor: one view, instead of a few calls,
            # takes a third off the time of a single row.
            number = int(votes.item())
            return table[number : number + 1]
        return table.take(votes.ravel().astype(np.intp), axis=0)

    return call


@operation("isolation_score")
def isolation_score(step: Step) -> Call:
    """``-2 ** (-depths / denominator)``; a forest of single rows has the score -0.5."""
    denominator = step.arrays["denominator"]
    if denominator == 0:
        return lambda depths: np.full_like(depths, -0.5)
    return lambda depths: -(2 ** (-(depths / denominator)))
