"""Linear models: one matrix product, then a link."""

from __future__ import annotations

from typing import Any

import numpy as np

from garcom.model.lowering.answers import classes_of, from_decision
from garcom.model.lowering.builder import Builder, NotLowerable, Prediction, Table
from garcom.model.lowering.registry import estimator, lower_estimator


def _rows(coef: Any) -> Any:
    """Coefficients as ``[n_outputs, n_features]``, in the memory order the original multiplies with."""
    return coef if np.ndim(coef) == 2 else np.asarray(coef).reshape(1, -1)


def decision(b: Builder, model: Any, table: Table) -> int:
    """``decision_function`` of a linear classifier, ``[n, 1]`` for two classes."""
    return b.linear(table, _rows(model.coef_), model.intercept_, model)


@estimator("sklearn.LogisticRegression", "sklearn.LogisticRegressionCV")
def logistic_regression(b: Builder, model: Any, table: Table) -> Prediction:
    """Two classes: the logistic function. More: softmax, or one against the rest where it was trained so."""
    classes, scores = classes_of(model), decision(b, model, table)
    # Before scikit-learn 1.8, multi_class="multinomial" means softmax of [-d, d] for two classes as well.
    multi_class = getattr(model, "multi_class", "auto")
    if len(classes) == 2:
        link = "softmax_binary_logit" if multi_class == "multinomial" else "binary_probabilities"
        return from_decision(b, classes, scores, b.emit(link, scores))
    if multi_class == "ovr" or model.solver == "liblinear":
        return from_decision(b, classes, scores, b.emit("share", b.emit("expit", scores)))
    return from_decision(b, classes, scores, b.emit("softmax", scores))


@estimator("sklearn.SGDClassifier")
def sgd_classifier(b: Builder, model: Any, table: Table) -> Prediction:
    """Probabilities where the loss gives them: log_loss and modified_huber."""
    classes, scores = classes_of(model), decision(b, model, table)
    probabilities = None
    if model.loss == "log_loss":
        if len(classes) == 2:
            probabilities = b.emit("binary_probabilities", scores)
        else:
            probabilities = b.emit("share", b.emit("expit", scores))
    elif model.loss == "modified_huber":
        clipped = b.emit("clip", scores, options={"low": -1.0, "high": 1.0})
        half = b.emit("divide", b.emit("shift", clipped, constant=1.0), constant=2.0)
        probabilities = b.emit("pair" if len(classes) == 2 else "share", half)
    return from_decision(b, classes, scores, probabilities)


@estimator(
    "sklearn.Perceptron",
    "sklearn.PassiveAggressiveClassifier",
    "sklearn.LinearSVC",
    "sklearn.RidgeClassifier",
    "sklearn.RidgeClassifierCV",
)
def linear_classifier(b: Builder, model: Any, table: Table) -> Prediction:
    """Labels only."""
    if np.ndim(model.classes_) != 1 or len(_rows(model.coef_)) != _n_scores(model):
        raise NotLowerable(f"{type(model).__name__} classifies several targets at once.")
    return from_decision(b, classes_of(model), decision(b, model, table), None)


def _n_scores(model: Any) -> int:
    return 1 if len(model.classes_) == 2 else len(model.classes_)


_REGRESSORS = (
    "LinearRegression Ridge RidgeCV Lasso LassoCV LassoLars LassoLarsCV LassoLarsIC Lars LarsCV ElasticNet "
    "ElasticNetCV MultiTaskLasso MultiTaskLassoCV MultiTaskElasticNet MultiTaskElasticNetCV BayesianRidge "
    "ARDRegression HuberRegressor TheilSenRegressor OrthogonalMatchingPursuit OrthogonalMatchingPursuitCV "
    "QuantileRegressor SGDRegressor PassiveAggressiveRegressor LinearSVR"
)


@estimator(*(f"sklearn.{name}" for name in _REGRESSORS.split()))
def linear_regressor(b: Builder, model: Any, table: Table) -> Prediction:
    """One value per target."""
    coef = _rows(model.coef_)
    return Prediction(values=b.linear(table, coef, model.intercept_, model), n_targets=len(coef))


@estimator("sklearn.RANSACRegressor")
def ransac(b: Builder, model: Any, table: Table) -> Prediction:
    """The model fitted to the inliers."""
    return lower_estimator(b, model.estimator_, table)


@estimator("sklearn.PoissonRegressor", "sklearn.GammaRegressor", "sklearn.TweedieRegressor")
def generalized_linear(b: Builder, model: Any, table: Table) -> Prediction:
    """The inverse of the link the model was fitted with: identity or logarithm."""
    link = type(model._base_loss.link).__name__
    eta = b.linear(table, _rows(model.coef_), model.intercept_, model)
    if link not in ("LogLink", "IdentityLink"):
        raise NotLowerable(f"{type(model).__name__} has the unknown link {link}.")
    return Prediction(values=b.emit("exp", eta) if link == "LogLink" else eta)
