from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.ensemble import (
    AdaBoostClassifier,
    AdaBoostRegressor,
    ExtraTreesClassifier,
    ExtraTreesRegressor,
    GradientBoostingClassifier,
    IsolationForest,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor, ExtraTreeClassifier, ExtraTreeRegressor

from garcom.errors import EngineError
from garcom.model.lowering import NotLowerable
from garcom.model.lowering.ensembles import threshold_through_float32
from tests.unit.model.lowering import data
from tests.unit.model.lowering.compare import assert_same, lowered

CLASSIFIERS = [
    DecisionTreeClassifier(random_state=0),
    DecisionTreeClassifier(max_leaf_nodes=5, random_state=0),
    ExtraTreeClassifier(random_state=0),
    RandomForestClassifier(15, random_state=0),
    RandomForestClassifier(15, min_samples_leaf=4, random_state=0),
    ExtraTreesClassifier(15, max_depth=5, random_state=0),
    AdaBoostClassifier(n_estimators=12, random_state=0),
    AdaBoostClassifier(DecisionTreeClassifier(max_depth=3), n_estimators=5, random_state=0),
]
REGRESSORS = [
    DecisionTreeRegressor(max_depth=6, random_state=0),
    ExtraTreeRegressor(random_state=0),
    RandomForestRegressor(15, random_state=0),
    ExtraTreesRegressor(15, random_state=0),
]


@pytest.mark.parametrize("model", CLASSIFIERS, ids=repr)
@pytest.mark.parametrize("source", [data.binary, data.several, data.iris])
def test_classifiers_are_exact(model: Any, source: Any) -> None:
    rows = source()
    assert_same(model.fit(rows.X, rows.y), rows.X_test, tolerance=1e-14)


@pytest.mark.parametrize("model", REGRESSORS, ids=repr)
@pytest.mark.parametrize("n_targets", [1, 2])
def test_regressors_are_exact(model: Any, n_targets: int) -> None:
    rows = data.regression() if n_targets == 1 else data.targets()
    assert_same(model.fit(rows.X, rows.y), rows.X_test, "regression", n_targets=n_targets, tolerance=1e-14)


@pytest.mark.parametrize("loss", ["linear", "exponential"])
def test_adaboost_regressor(loss: str) -> None:
    rows = data.regression()
    model = AdaBoostRegressor(n_estimators=10, loss=loss, random_state=0).fit(rows.X, rows.y)
    assert_same(model, rows.X_test, "regression", tolerance=0)


@pytest.mark.parametrize(
    "model", [RandomForestClassifier(15, random_state=0), ExtraTreesClassifier(15, random_state=0)]
)
def test_forest_with_missing_values(model: Any) -> None:
    rows = data.with_holes(data.binary())
    assert_same(model.fit(rows.X, rows.y), rows.X_test, tolerance=1e-14)


def test_forest_regressor_with_missing_values() -> None:
    rows = data.with_holes(data.regression())
    assert_same(
        RandomForestRegressor(10, random_state=0).fit(rows.X, rows.y), rows.X_test, "regression", tolerance=1e-14
    )


@pytest.mark.parametrize("max_features", [1.0, 0.5])
def test_isolation_forest(max_features: float) -> None:
    rows = data.binary()
    model = IsolationForest(n_estimators=20, contamination=0.1, max_features=max_features, random_state=0).fit(rows.X)
    assert_same(model, rows.X_test, "outlier", tolerance=1e-14)


def test_tree_that_is_one_leaf() -> None:
    rows = data.regression()
    model = RandomForestRegressor(3, max_leaf_nodes=2, min_samples_leaf=len(rows.X), random_state=0).fit(rows.X, rows.y)
    assert {tree.tree_.node_count for tree in model.estimators_} == {1}
    assert_same(model, rows.X_test, "regression")


def test_rows_on_the_thresholds() -> None:
    rows = data.binary()
    model = RandomForestClassifier(10, random_state=0).fit(rows.X, rows.y)
    trees = [tree.tree_ for tree in model.estimators_]
    made = rows.X_test.iloc[np.zeros(60, dtype=int)].reset_index(drop=True)
    random = np.random.default_rng(0)
    for row in range(60):
        tree = trees[row % len(trees)]
        node = random.choice(np.flatnonzero(tree.feature >= 0))
        threshold = tree.threshold[node]
        near = [threshold, np.nextafter(threshold, np.inf), np.nextafter(threshold, -np.inf), np.float32(threshold)]
        made.iloc[row, tree.feature[node]] = near[row % 4]
    assert_same(model, made, tolerance=1e-14)


def test_several_classification_targets_are_refused() -> None:
    rows = data.binary()
    model = RandomForestClassifier(2).fit(rows.X, np.stack([rows.y, rows.y], axis=1))
    one = RandomForestClassifier(2).fit(rows.X, rows.y)
    model.classes_ = [one.classes_, one.classes_]
    with pytest.raises(NotLowerable, match="several targets"):
        lowered(model, rows.X_test, "regression")


def test_missing_value_where_the_original_takes_none() -> None:
    holes, full = data.with_holes(data.binary()), data.binary()
    model = GradientBoostingClassifier(n_estimators=3, random_state=0).fit(full.X, full.y)
    pair = lowered(model, holes.X_test, "classification")
    with pytest.raises(ValueError, match="NaN"):
        model.predict(holes.X_test)
    with pytest.raises(EngineError, match="missing") as caught:
        pair.run(holes.X_test)
    assert caught.value.row == int(np.flatnonzero(holes.X_test.isna().any(axis=1))[0])


@given(
    st.floats(width=32, allow_nan=False, allow_infinity=False, min_value=-(2.0**100), max_value=2.0**100),
    st.integers(-3, 3),
    st.sampled_from([0.0, 0.25, 0.5, 0.75, 1.0]),
    st.integers(-2, 2),
)
def test_threshold_decides_as_float32_does(near: float, steps: int, part: float, nudge: int) -> None:
    grid = np.float32(near)
    following = np.nextafter(grid, np.float32(np.inf))
    threshold = float(grid) + part * (float(following) - float(grid))
    x = float(grid) + steps * 0.5 * (float(following) - float(grid))
    for _ in range(abs(nudge)):
        x = float(np.nextafter(x, np.inf if nudge > 0 else -np.inf))
    with np.errstate(over="ignore", under="ignore"):
        expected = float(np.float32(x)) <= threshold
    assert (x <= threshold_through_float32(np.array([threshold]))[0]) == expected
