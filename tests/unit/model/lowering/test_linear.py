from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis, QuadraticDiscriminantAnalysis
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.linear_model import (
    ARDRegression,
    BayesianRidge,
    ElasticNet,
    GammaRegressor,
    HuberRegressor,
    Lasso,
    LinearRegression,
    LogisticRegression,
    LogisticRegressionCV,
    MultiTaskLasso,
    Perceptron,
    PoissonRegressor,
    QuantileRegressor,
    RANSACRegressor,
    Ridge,
    RidgeClassifier,
    SGDClassifier,
    SGDRegressor,
    TweedieRegressor,
)
from sklearn.naive_bayes import BernoulliNB, ComplementNB, GaussianNB, MultinomialNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler
from sklearn.svm import LinearSVC, LinearSVR

from garcom.errors import EngineError
from garcom.model.lowering import NotLowerable
from tests.unit.model.lowering import data
from tests.unit.model.lowering.compare import assert_same, lowered

CLASSIFIERS = [
    LogisticRegression(),
    LogisticRegression(solver="newton-cholesky"),
    LogisticRegressionCV(Cs=2, cv=2, l1_ratios=(0.0,), use_legacy_attributes=False, scoring="accuracy"),
    SGDClassifier(random_state=0),
    SGDClassifier(loss="log_loss", random_state=0),
    SGDClassifier(loss="modified_huber", random_state=0),
    Perceptron(random_state=0),
    LinearSVC(),
    RidgeClassifier(),
    LinearDiscriminantAnalysis(),
    QuadraticDiscriminantAnalysis(reg_param=0.1),
    GaussianNB(),
    BernoulliNB(binarize=0.2),
    DummyClassifier(),
    DummyClassifier(strategy="most_frequent"),
]
REGRESSORS = [
    LinearRegression(),
    LinearRegression(fit_intercept=False),
    Ridge(),
    Lasso(),
    ElasticNet(),
    BayesianRidge(),
    ARDRegression(),
    HuberRegressor(max_iter=1000),
    QuantileRegressor(),
    SGDRegressor(random_state=0),
    LinearSVR(),
    RANSACRegressor(random_state=0),
    PoissonRegressor(max_iter=1000),
    GammaRegressor(max_iter=1000),
    TweedieRegressor(power=1.5, max_iter=1000),
    TweedieRegressor(power=0, max_iter=1000),
    DummyRegressor(strategy="median"),
]


@pytest.mark.parametrize("source", [data.binary, data.several])
@pytest.mark.parametrize("model", CLASSIFIERS, ids=repr)
def test_classifiers(model: Any, source: Any) -> None:
    rows = source()
    assert_same(make_pipeline(StandardScaler(), model).fit(rows.X, rows.y), rows.X_test)


@pytest.mark.parametrize("model", [MultinomialNB(), ComplementNB(), LogisticRegression(solver="liblinear")], ids=repr)
def test_classifiers_of_positive_numbers(model: Any) -> None:
    rows = data.binary()
    assert_same(make_pipeline(MinMaxScaler(clip=True), model).fit(rows.X, rows.y), rows.X_test)


@pytest.mark.parametrize("model", REGRESSORS, ids=repr)
def test_regressors(model: Any) -> None:
    rows = data.positive()
    assert_same(make_pipeline(StandardScaler(), model).fit(rows.X, rows.y + 1), rows.X_test, "regression")


@pytest.mark.parametrize("model", [LinearRegression(), Ridge(), MultiTaskLasso(), DummyRegressor()], ids=repr)
def test_two_targets(model: Any) -> None:
    rows = data.targets()
    assert_same(model.fit(rows.X, rows.y), rows.X_test, "regression", n_targets=2)


def test_scaler_and_logistic_regression_are_bit_for_bit() -> None:
    rows = data.binary()
    assert_same(make_pipeline(StandardScaler(), LogisticRegression()).fit(rows.X, rows.y), rows.X_test, tolerance=1e-15)


def test_discriminant_axes_as_features() -> None:
    rows = data.several()
    model = make_pipeline(StandardScaler(), LinearDiscriminantAnalysis(), LogisticRegression())
    assert_same(model.fit(rows.X, rows.y), rows.X_test)


def test_extreme_scores_overflow_to_certainty() -> None:
    rows = data.binary()
    model = LogisticRegression(max_iter=5000).fit(rows.X / 1000, rows.y)
    far = rows.X_test * 1e6
    assert_same(model, far)


def test_random_dummy_is_refused() -> None:
    rows = data.binary()
    with pytest.raises(NotLowerable, match="random"):
        lowered(DummyClassifier(strategy="uniform").fit(rows.X, rows.y), rows.X_test, "classification")


def test_answer_that_is_not_a_number() -> None:
    rows = data.binary()
    pair = lowered(LogisticRegression(max_iter=5000).fit(rows.X, rows.y), rows.X_test, "classification")
    spoilt = rows.X_test.copy()
    spoilt.iloc[2, 0] = np.nan
    with pytest.raises(EngineError, match="NaN") as caught:
        pair.run(spoilt)
    assert caught.value.row == 2
