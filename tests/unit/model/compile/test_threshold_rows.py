from __future__ import annotations

import numpy as np
import pytest
from sklearn.ensemble import RandomForestRegressor
from sklearn.tree import DecisionTreeClassifier

from garcom.model.compile.asking import Asked
from garcom.model.compile.comparison import spread
from garcom.model.compile.threshold_rows import _between, threshold_rows
from garcom.model.signature import Field, FieldType, Signature
from garcom.records import Batch, FloatArray, Outputs
from tests.unit.model.compile.originals import (
    BINARY,
    LABELS,
    VALUE,
    Estimator,
    Function,
    batch,
    numbers,
    of_probability,
)


def place(original: Function | Estimator, base: Batch, n_pairs: int = 200) -> Batch:
    answers = original.run(base)
    return threshold_rows(
        Asked(original),
        original.signature,
        base,
        answers,
        spread(answers.values),
        n_pairs=n_pairs,
        rng=np.random.default_rng(0),
    )


def test_both_neighbours_of_a_step_are_found() -> None:
    step = 0.1 + 0.2
    original = Function(numbers(2, BINARY), lambda x: of_probability(np.where(x[:, 1] <= step, 0.2, 0.9)))
    rows = place(original, batch(np.random.default_rng(1).normal(size=(50, 2))))
    values = set(rows.numbers[:, 1])
    above = np.nextafter(step, np.inf)
    assert {step, above, np.nextafter(step, -np.inf), np.nextafter(above, np.inf)} == values


def test_the_thresholds_of_a_tree_are_found() -> None:
    rng = np.random.default_rng(2)
    table = rng.normal(size=(300, 3)) * [1.0, 1e-6, 1e6]
    tree = DecisionTreeClassifier(max_depth=4, random_state=0).fit(table, table[:, 0] + table[:, 2] / 1e6 > 0.3)
    output = BINARY.__class__(task="classification", classes=(False, True), probabilities=True)
    rows = place(Estimator(tree, numbers(3, output)), batch(table), n_pairs=500)
    inner = tree.tree_.feature >= 0
    found = 0
    for feature, threshold in zip(tree.tree_.feature[inner], tree.tree_.threshold[inner], strict=True):
        # The tree rounds to float32 first, so the jump lies between two neighbours of that type.
        below = (
            np.float32(threshold)
            if np.float32(threshold) <= threshold
            else np.nextafter(np.float32(threshold), np.float32(-np.inf))
        )
        above = np.nextafter(below, np.float32(np.inf))
        near = rows.numbers[:, feature]
        found += bool(np.any((near > below) & (near < above)))
    assert found >= 0.9 * inner.sum()


def test_a_smooth_model_has_rows_only_where_its_label_changes() -> None:
    original = Function(numbers(1, BINARY), lambda x: of_probability(1 / (1 + np.exp(-x[:, 0])), 0.37))
    rows = place(original, batch(np.linspace(-4, 4, 40)[:, None]))
    found = original.run(rows).probabilities
    assert found is not None
    assert len(found) > 0
    assert np.abs(found[:, 1] - 0.37).max() < 1e-4
    assert set(original.run(rows).labels) == {0, 1}  # type: ignore[arg-type]
    flat = Function(numbers(1, VALUE), lambda x: Outputs(None, None, np.sin(x)))
    assert place(flat, batch(np.linspace(-4, 4, 40)[:, None])).n_rows == 0


def test_without_probabilities_rows_keep_off_the_boundary() -> None:
    original = Function(numbers(1, LABELS), lambda x: Outputs((x[:, 0] > 1 / 3).astype(np.int64), None, None))
    rows = place(original, batch(np.linspace(-4, 4, 40)[:, None])).numbers[:, 0]
    distance = np.abs(rows - 1 / 3)
    assert len(rows) > 0
    assert distance.min() > 0
    assert distance.max() < 1e-7


def test_whole_numbers_stay_whole() -> None:
    fields = (Field(name="age", type=FieldType.INTEGER), Field(name="member", type=FieldType.BOOLEAN))
    signature = Signature(fields=fields, output=BINARY, example={"age": 1, "member": True})
    original = Function(signature, lambda x: of_probability(np.where((x[:, 0] > 17.5) & (x[:, 1] > 0), 0.9, 0.1)))
    rng = np.random.default_rng(3)
    base = batch(np.column_stack([rng.integers(-50, 90, 60), rng.integers(0, 2, 60)]))
    rows = place(original, base).numbers
    assert np.array_equal(rows, np.rint(rows))
    assert {17.0, 18.0} <= set(rows[:, 0])
    assert set(rows[:, 1]) == {0.0, 1.0}


def test_jumps_on_a_slope_are_found() -> None:
    original = Function(numbers(1, VALUE), lambda x: Outputs(None, None, x + np.where(x > 0.7, 0.5, 0.0)))
    rows = place(original, batch(np.linspace(-3, 3, 50)[:, None])).numbers[:, 0]
    assert {0.7, np.nextafter(0.7, 1)} <= set(rows)


def test_a_forest_of_values() -> None:
    rng = np.random.default_rng(4)
    table = rng.normal(size=(200, 2))
    model = RandomForestRegressor(5, max_depth=3, random_state=0).fit(table, table[:, 0] ** 2)
    original = Estimator(model, numbers(2, VALUE))
    rows = place(original, batch(table), 50)
    # Inner and outer rows of both sides: one float32 step apart the answers differ.
    answers = original.run(rows).values
    assert answers is not None
    quarter = len(answers) // 4
    assert (answers[:quarter] != answers[2 * quarter : 3 * quarter]).all()


def test_refused_and_constant_rows_give_none() -> None:
    def refusing(x: FloatArray) -> Outputs:
        if np.isfinite(x).all():
            return Outputs(None, None, np.zeros((len(x), 1)))
        raise ValueError("not finite")

    assert place(Function(numbers(1, VALUE), refusing), batch(np.zeros((5, 1)))).n_rows == 0
    assert place(Function(numbers(1, VALUE), refusing), batch(np.arange(5.0)[:, None])).n_rows == 0


@pytest.mark.parametrize(("low", "high"), [(-1.0, 1.0), (0.0, 5e-324), (-0.0, 1e308), (3.0, -2.0), (-1e308, 1e308)])
def test_halving_reaches_neighbours(low: float, high: float) -> None:
    first, second = np.array([low]), np.array([high])
    for _ in range(65):
        middle = _between(first, second)
        if middle[0] in (first[0], second[0]):
            break
        assert min(first[0], second[0]) < middle[0] < max(first[0], second[0])
        second = middle
    assert np.nextafter(first[0], second[0]) == second[0]
