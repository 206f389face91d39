from __future__ import annotations

from typing import Any

import pytest
from sklearn.ensemble import (
    GradientBoostingClassifier,
    GradientBoostingRegressor,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
)
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from tests.unit.model.lowering import data
from tests.unit.model.lowering.compare import assert_same


@pytest.mark.parametrize("source", [data.binary, data.several])
@pytest.mark.parametrize("init", [None, "zero"])
def test_gradient_boosting_classifier(source: Any, init: Any) -> None:
    rows = source()
    model = GradientBoostingClassifier(n_estimators=15, init=init, random_state=0).fit(rows.X, rows.y)
    assert_same(model, rows.X_test, tolerance=1e-14)


def test_gradient_boosting_exponential_loss() -> None:
    rows = data.binary()
    model = GradientBoostingClassifier(n_estimators=15, loss="exponential", random_state=0).fit(rows.X, rows.y)
    assert_same(model, rows.X_test, tolerance=1e-14)


def test_gradient_boosting_classifier_from_a_model() -> None:
    rows = data.binary()
    init = make_pipeline(StandardScaler(), LogisticRegression())
    model = GradientBoostingClassifier(n_estimators=15, init=init, random_state=0).fit(rows.X, rows.y)
    # The initial model reads float32 rows and computes in float32.
    assert_same(model, rows.X_test, tolerance=1e-5)


@pytest.mark.parametrize("loss", ["squared_error", "absolute_error", "huber", "quantile"])
def test_gradient_boosting_regressor(loss: str) -> None:
    rows = data.regression()
    model = GradientBoostingRegressor(n_estimators=15, loss=loss, random_state=0).fit(rows.X, rows.y)
    assert_same(model, rows.X_test, "regression", tolerance=1e-14)


def test_gradient_boosting_regressor_from_a_model() -> None:
    rows = data.regression()
    model = GradientBoostingRegressor(n_estimators=5, init=LinearRegression(), random_state=0).fit(rows.X, rows.y)
    assert_same(model, rows.X_test, "regression", tolerance=1e-5)


@pytest.mark.parametrize("source", [data.binary, data.several, lambda: data.with_holes(data.binary())])
def test_hist_classifier(source: Any) -> None:
    rows = source()
    model = HistGradientBoostingClassifier(max_iter=20, random_state=0).fit(rows.X, rows.y)
    assert_same(model, rows.X_test, tolerance=1e-14)


def test_scaler_and_hist_classifier() -> None:
    rows = data.with_holes(data.binary())
    model = make_pipeline(StandardScaler(), HistGradientBoostingClassifier(max_iter=20, random_state=0))
    assert_same(model.fit(rows.X, rows.y), rows.X_test, tolerance=1e-14)


@pytest.mark.parametrize("loss", ["squared_error", "poisson", "gamma", "absolute_error"])
def test_hist_regressor(loss: str) -> None:
    rows = data.with_holes(data.positive())
    model = HistGradientBoostingRegressor(max_iter=20, loss=loss, random_state=0).fit(rows.X, rows.y + 1)
    assert_same(model, rows.X_test, "regression", tolerance=1e-14)


def test_hist_with_categories_from_the_dtype() -> None:
    rows = data.categorical(data.mixed())
    model = HistGradientBoostingClassifier(max_iter=20, min_samples_leaf=3, random_state=0).fit(rows.X, rows.y)
    assert model.is_categorical_.sum() == 2
    assert_same(model, rows.X_test, tolerance=1e-14)


def test_hist_with_categories_unseen_in_training() -> None:
    rows = data.categorical(data.mixed())
    seen = rows.X["cidade"] != "Macapá"
    model = HistGradientBoostingClassifier(max_iter=20, min_samples_leaf=3, random_state=0)
    model.fit(rows.X[seen], rows.y[seen])
    assert (rows.X_test["cidade"] == "Macapá").any()
    assert_same(model, rows.X_test, tolerance=1e-14)


def test_hist_with_numbers_as_categories() -> None:
    rows = data.mixed()
    numbers = rows.X.drop(columns=["cidade", "plano"])
    model = HistGradientBoostingClassifier(max_iter=20, categorical_features=["visitas"], random_state=0)
    assert_same(model.fit(numbers, rows.y), rows.X_test[numbers.columns], tolerance=1e-14)
