from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import TransformedTargetRegressor
from sklearn.ensemble import (
    BaggingClassifier,
    BaggingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
    StackingClassifier,
    StackingRegressor,
    VotingClassifier,
    VotingRegressor,
)
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge, RidgeClassifier
from sklearn.model_selection import (
    FixedThresholdClassifier,
    GridSearchCV,
    RandomizedSearchCV,
    TunedThresholdClassifierCV,
)
from sklearn.multiclass import OneVsRestClassifier
from sklearn.multioutput import MultiOutputRegressor, RegressorChain
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from garcom.model.lowering import NotLowerable
from tests.unit.model.lowering import data
from tests.unit.model.lowering.compare import assert_same, lowered


def logistic() -> Any:
    return make_pipeline(StandardScaler(), LogisticRegression())


def forest() -> Any:
    return RandomForestClassifier(5, max_depth=4, random_state=0)


PARTS = [("a", logistic()), ("b", forest()), ("c", DecisionTreeClassifier(max_depth=2))]

CLASSIFIERS = [
    VotingClassifier(PARTS, voting="soft"),
    VotingClassifier(PARTS, voting="soft", weights=[1, 2, 0.5]),
    VotingClassifier(PARTS, voting="hard"),
    VotingClassifier(PARTS, voting="hard", weights=[2, 1, 1]),
    StackingClassifier(PARTS[:2], cv=3),
    StackingClassifier(PARTS[:2], cv=3, passthrough=True, final_estimator=forest()),
    StackingClassifier([*PARTS[:2], ("r", RidgeClassifier())], cv=3),
    BaggingClassifier(n_estimators=6, random_state=0),
    BaggingClassifier(logistic(), n_estimators=4, max_features=0.5, random_state=0),
    BaggingClassifier(RidgeClassifier(), n_estimators=5, random_state=0),
    CalibratedClassifierCV(forest(), cv=2),
    CalibratedClassifierCV(logistic(), cv=2, method="isotonic"),
    CalibratedClassifierCV(RidgeClassifier(), cv=2, ensemble=False),
    OneVsRestClassifier(logistic()),
    OneVsRestClassifier(RidgeClassifier()),
    OneVsRestClassifier(forest()),
    GridSearchCV(logistic(), {"logisticregression__C": [0.1, 1]}, cv=2),
    RandomizedSearchCV(forest(), {"max_depth": [2, 3]}, n_iter=2, cv=2, random_state=0),
]


@pytest.mark.parametrize("source", [data.binary, data.several])
@pytest.mark.parametrize("model", CLASSIFIERS, ids=lambda model: f"{type(model).__name__}")
def test_classifiers(model: Any, source: Any) -> None:
    rows = source()
    assert_same(model.fit(rows.X, rows.y), rows.X_test)


@pytest.mark.parametrize("positive", ["bad", "good"])
@pytest.mark.parametrize("method", ["auto", "decision_function"])
def test_tuned_threshold(positive: str, method: Any) -> None:
    from sklearn.metrics import f1_score, make_scorer

    rows = data.binary()
    scorer = make_scorer(f1_score, pos_label=positive)
    model = TunedThresholdClassifierCV(logistic(), scoring=scorer, response_method=method, cv=3)
    assert_same(model.fit(rows.X, rows.y), rows.X_test)


@pytest.mark.parametrize("threshold", [0.2, 0.9, "auto"])
@pytest.mark.parametrize("positive", [None, "bad", "good"])
def test_fixed_threshold(threshold: Any, positive: Any) -> None:
    rows = data.binary()
    # Without pos_label, scikit-learn takes class 1 only where the classes are 0 and 1.
    y = rows.y if positive else (rows.y == "good").astype(int)
    model = FixedThresholdClassifier(forest(), threshold=threshold, pos_label=positive)
    pair = assert_same(model.fit(rows.X, y), rows.X_test)
    assert pair.signature.output.probabilities


REGRESSORS = [
    VotingRegressor([("a", LinearRegression()), ("b", DecisionTreeRegressor(max_depth=3))]),
    VotingRegressor([("a", LinearRegression()), ("b", DecisionTreeRegressor(max_depth=3))], weights=[1, 3]),
    StackingRegressor([("a", LinearRegression()), ("b", DecisionTreeRegressor(max_depth=3))], cv=3),
    StackingRegressor([("a", LinearRegression())], final_estimator=Ridge(), cv=3, passthrough=True),
    BaggingRegressor(n_estimators=5, random_state=0),
    BaggingRegressor(Ridge(), n_estimators=5, max_features=0.6, random_state=0),
    TransformedTargetRegressor(Ridge(), func=np.log, inverse_func=np.exp),
    TransformedTargetRegressor(Ridge(), transformer=StandardScaler()),
    TransformedTargetRegressor(Ridge(), transformer=MinMaxScaler()),
    TransformedTargetRegressor(Ridge()),
]


@pytest.mark.parametrize("model", REGRESSORS, ids=lambda model: type(model).__name__)
def test_regressors(model: Any) -> None:
    rows = data.regression()
    assert_same(model.fit(rows.X, rows.y), rows.X_test, "regression")


@pytest.mark.parametrize(
    "model",
    [
        MultiOutputRegressor(Ridge()),
        RegressorChain(Ridge(), order=[1, 0]),
        BaggingRegressor(n_estimators=3, random_state=0),
        TransformedTargetRegressor(RandomForestRegressor(3, random_state=0), transformer=StandardScaler()),
    ],
    ids=lambda model: type(model).__name__,
)
def test_regressors_of_two_targets(model: Any) -> None:
    rows = data.targets()
    assert_same(model.fit(rows.X, rows.y), rows.X_test, "regression", n_targets=2)


def test_function_of_the_persons_own_is_refused() -> None:
    rows = data.regression()
    model = TransformedTargetRegressor(Ridge(), func=lambda y: y / 2, inverse_func=lambda y: 2 * y)
    with pytest.raises(NotLowerable, match="numpy"):
        lowered(model.fit(rows.X, rows.y), rows.X_test, "regression")
