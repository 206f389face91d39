from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from garcom.model.lowering import NotLowerable
from tests.unit.model.lowering import data
from tests.unit.model.lowering.compare import assert_same, lowered

lgb = pytest.importorskip("lightgbm")

SMALL: dict[str, Any] = {"n_estimators": 12, "min_child_samples": 5, "n_jobs": 1, "verbose": -1, "random_state": 0}


@pytest.mark.parametrize("source", [data.binary, data.several, lambda: data.with_holes(data.several())])
@pytest.mark.parametrize("options", [{}, {"objective": "multiclassova"}], ids=str)
def test_classifiers(source: Any, options: dict[str, Any]) -> None:
    rows = source()
    if options and len(np.unique(rows.y)) == 2:
        pytest.skip("multiclassova is for more than two classes")
    assert_same(lgb.LGBMClassifier(**SMALL, **options).fit(rows.X, rows.y), rows.X_test)


@pytest.mark.parametrize(
    "options",
    [
        {"boosting_type": "dart"},
        {"boosting_type": "rf", "bagging_freq": 1, "bagging_fraction": 0.7},
        {"zero_as_missing": True},
        {"use_missing": False},
    ],
    ids=str,
)
def test_kinds_of_boosting_and_missing_values(options: dict[str, Any]) -> None:
    rows = data.with_holes(data.binary())
    X, X_test = (part.mask(part.rank(pct=True) < 0.1, 0.0) for part in (rows.X, rows.X_test))
    assert_same(lgb.LGBMClassifier(**SMALL, **options).fit(X, rows.y), X_test)


def test_missing_values_only_when_asked() -> None:
    rows, holes = data.binary(), data.with_holes(data.binary())
    assert_same(lgb.LGBMClassifier(**SMALL).fit(rows.X, rows.y), holes.X_test)


def test_scaler_in_front() -> None:
    rows = data.binary()
    assert_same(
        make_pipeline(StandardScaler().set_output(transform="pandas"), lgb.LGBMClassifier(**SMALL)).fit(rows.X, rows.y),
        rows.X_test,
    )


@pytest.mark.parametrize(
    "objective", ["regression", "regression_l1", "huber", "poisson", "tweedie", "gamma", "quantile"]
)
def test_regressors(objective: str) -> None:
    rows = data.with_holes(data.positive())
    model = lgb.LGBMRegressor(**SMALL, objective=objective).fit(rows.X, rows.y + 1)
    assert_same(model, rows.X_test, "regression")


def test_regression_on_square_roots() -> None:
    rows = data.positive()
    assert_same(lgb.LGBMRegressor(**SMALL, reg_sqrt=True).fit(rows.X, rows.y), rows.X_test, "regression")


def test_best_iteration() -> None:
    rows = data.regression()
    booster = lgb.train({"verbose": -1, "num_threads": 1}, lgb.Dataset(rows.X, rows.y), num_boost_round=9)
    booster.best_iteration = 4
    assert_same(booster, rows.X_test, "regression")


def test_categories_of_pandas() -> None:
    rows = data.categorical(data.mixed())
    model = lgb.LGBMClassifier(**SMALL, cat_smooth=1, min_data_per_group=1, max_cat_to_onehot=1).fit(rows.X, rows.y)
    assert any(node.get("decision_type") == "==" for node in _walk(model.booster_.dump_model()["tree_info"]))
    assert_same(model, rows.X_test)


def test_categories_that_are_numbers() -> None:
    rows = data.mixed()
    names = ["idade", "renda anual", "visitas"]
    model = lgb.LGBMClassifier(**SMALL, min_data_per_group=1).fit(
        rows.X[names], rows.y, categorical_feature=["visitas"]
    )
    odd = rows.X_test[names].copy()
    odd.loc[:5, "visitas"] = [0.5, -0.5, -1.0, 99.0, np.nan, 2.7]
    assert_same(model, odd)


def test_booster() -> None:
    rows = data.regression()
    booster = lgb.train({"verbose": -1, "num_threads": 1}, lgb.Dataset(rows.X, rows.y), num_boost_round=8)
    assert_same(booster, rows.X_test, "regression")


def test_linear_trees_are_refused() -> None:
    rows = data.regression()
    model = lgb.LGBMRegressor(**SMALL, linear_tree=True).fit(rows.X, rows.y)
    with pytest.raises(NotLowerable, match="linear_tree"):
        lowered(model, rows.X_test, "regression")


def _walk(tree: Any) -> Any:
    if isinstance(tree, list):
        for part in tree:
            yield from _walk(part)
    elif isinstance(tree, dict):
        yield tree
        for part in tree.values():
            yield from _walk(part)
