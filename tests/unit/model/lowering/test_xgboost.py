from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from garcom.model.lowering import NotLowerable
from tests.unit.model.lowering import data
from tests.unit.model.lowering.compare import assert_same, lowered

xgb = pytest.importorskip("xgboost")

#: XGBoost's exponential may differ from numpy's in the last bit of float32.
SINGLE = 5e-7


def coded(rows: data.Data) -> data.Data:
    """XGBoost wants classes 0 … k-1."""
    names = np.unique(rows.y)
    return data.Data(rows.X, np.searchsorted(names, rows.y), rows.X_test, np.searchsorted(names, rows.y_test))


@pytest.mark.parametrize("source", [data.binary, data.several, lambda: data.with_holes(data.binary())])
@pytest.mark.parametrize("kind", ["XGBClassifier", "XGBRFClassifier"])
def test_classifiers(source: Any, kind: str) -> None:
    rows = coded(source())
    model = getattr(xgb, kind)(n_estimators=12, max_depth=4, n_jobs=1, random_state=0).fit(rows.X, rows.y)
    assert_same(model, rows.X_test, tolerance=SINGLE)


@pytest.mark.parametrize(
    "objective",
    ["reg:squarederror", "reg:absoluteerror", "reg:pseudohubererror", "count:poisson", "reg:gamma", "reg:tweedie"],
)
def test_regressors(objective: str) -> None:
    rows = data.with_holes(data.positive())
    model = xgb.XGBRegressor(n_estimators=12, objective=objective, n_jobs=1).fit(rows.X, rows.y + 1)
    exact = objective in ("reg:squarederror", "reg:absoluteerror", "reg:pseudohubererror")
    assert_same(model, rows.X_test, "regression", tolerance=0 if exact else SINGLE)


def test_dart() -> None:
    rows = data.regression()
    model = xgb.XGBRegressor(n_estimators=12, booster="dart", rate_drop=0.4, n_jobs=1, random_state=0)
    model.fit(rows.X, rows.y)
    assert_same(model, rows.X_test, "regression", tolerance=SINGLE)


def test_several_targets() -> None:
    rows = data.targets()
    model = xgb.XGBRegressor(n_estimators=5, n_jobs=1).fit(rows.X, rows.y)
    assert_same(model, rows.X_test, "regression", n_targets=2, tolerance=0)


def test_early_stopping() -> None:
    rows = coded(data.binary())
    model = xgb.XGBClassifier(n_estimators=200, learning_rate=0.5, early_stopping_rounds=2, n_jobs=1)
    model.fit(rows.X, rows.y, eval_set=[(rows.X_test, rows.y_test)], verbose=False)
    assert model.best_iteration + 1 < model.get_booster().num_boosted_rounds()
    assert_same(model, rows.X_test, tolerance=SINGLE)


def test_own_missing_value() -> None:
    rows = coded(data.with_holes(data.binary()))
    model = xgb.XGBClassifier(n_estimators=10, missing=-1.0, n_jobs=1).fit(rows.X.fillna(-1.0), rows.y)
    assert_same(model, rows.X_test.fillna(-1.0), tolerance=SINGLE)


@pytest.mark.parametrize("max_cat_to_onehot", [1, 100])
def test_categories(max_cat_to_onehot: int) -> None:
    rows = coded(data.categorical(data.mixed()))
    model = xgb.XGBClassifier(
        n_estimators=15, enable_categorical=True, max_cat_to_onehot=max_cat_to_onehot, n_jobs=1
    ).fit(rows.X, rows.y)
    assert_same(model, rows.X_test, tolerance=SINGLE)


def test_categories_that_are_integers_or_unnamed_in_the_signature() -> None:
    rows = coded(data.mixed())
    names = ["idade", "plano", "visitas"]
    X, X_test = rows.X[names].copy(), rows.X_test[names].copy()
    for part in (X, X_test):
        part["plano"] = pd.Categorical(
            part["plano"].map({"básico": "basic", "ouro": "gold"}), categories=["basic", "gold"]
        )
        part["visitas"] = pd.Categorical(part["visitas"].clip(upper=6).astype(int), categories=range(7))
    model = xgb.XGBClassifier(n_estimators=10, enable_categorical=True, n_jobs=1).fit(X, rows.y)
    assert_same(model, X_test, tolerance=SINGLE)


def test_booster() -> None:
    rows = coded(data.binary())
    booster = xgb.train({"objective": "binary:logistic", "nthread": 1}, xgb.DMatrix(rows.X, rows.y), num_boost_round=8)
    pair = lowered(booster, rows.X_test, "regression")
    found = pair.run(rows.X_test).values
    assert found is not None
    np.testing.assert_allclose(found[:, 0], booster.predict(xgb.DMatrix(rows.X_test)), rtol=SINGLE)


def test_vector_leaves_are_refused() -> None:
    rows = data.targets()
    model = xgb.XGBRegressor(n_estimators=2, multi_strategy="multi_output_tree", n_jobs=1).fit(rows.X, rows.y)
    with pytest.raises(NotLowerable, match="multi_output_tree"):
        lowered(model, rows.X_test, "regression", 2)


def test_rows_on_the_thresholds() -> None:
    rows = coded(data.iris())
    model = xgb.XGBClassifier(n_estimators=5, n_jobs=1).fit(rows.X, rows.y)
    grid = np.unique(rows.X.to_numpy().astype(np.float32)).astype(np.float64)
    made = pd.DataFrame({name: np.random.default_rng(0).choice(grid, 300) for name in rows.X.columns})
    assert_same(model, made, tolerance=SINGLE)
