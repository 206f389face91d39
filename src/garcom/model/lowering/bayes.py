"""Naive Bayes and discriminant analysis: joint log-likelihoods, then their softmax."""

from __future__ import annotations

from typing import Any

import numpy as np

from garcom.model.lowering.answers import classes_of, from_decision
from garcom.model.lowering.builder import Builder, Prediction, Table
from garcom.model.lowering.linear import decision
from garcom.model.lowering.registry import estimator, transformer


def _joint(b: Builder, model: Any, joint: int) -> Prediction:
    """Labels by the largest joint log-likelihood; probabilities are what is left after the rows' own likelihood."""
    return Prediction(classes_of(model), b.emit("argmax", joint), b.emit("exp_normalized", joint))


@estimator("sklearn.GaussianNB")
def gaussian(b: Builder, model: Any, table: Table) -> Prediction:
    """Independent normal features per class."""
    constant = [
        np.log(model.class_prior_[i]) + -0.5 * np.sum(np.log(2.0 * np.pi * model.var_[i, :]))
        for i in range(len(model.classes_))
    ]
    joint = b.emit("gaussian_joint", b.numbers(table, model), theta=model.theta_, var=model.var_, constant=constant)
    return _joint(b, model, joint)


@estimator("sklearn.MultinomialNB")
def multinomial(b: Builder, model: Any, table: Table) -> Prediction:
    """Counts, such as words."""
    return _joint(b, model, b.linear(table, model.feature_log_prob_, model.class_log_prior_, model))


@estimator("sklearn.ComplementNB")
def complement(b: Builder, model: Any, table: Table) -> Prediction:
    """Counts, each class described by the others; the prior counts only where there is one class."""
    prior = model.class_log_prior_ if len(model.classes_) == 1 else 0.0
    return _joint(b, model, b.linear(table, model.feature_log_prob_, prior, model))


@estimator("sklearn.BernoulliNB")
def bernoulli(b: Builder, model: Any, table: Table) -> Prediction:
    """Features that are there or not."""
    if model.binarize is not None:
        value = b.emit("binarize", b.numbers(table, model), threshold=float(model.binarize))
        table = b.table(value, sum(column.width for column in table))
    absent = np.log(1 - np.exp(model.feature_log_prob_))
    linear = b.emit("linear", b.numbers(table, model), coef=model.feature_log_prob_ - absent)
    joint = b.emit("shift", linear, constant=model.class_log_prior_ + absent.sum(axis=1))
    return _joint(b, model, joint)


@estimator("sklearn.LinearDiscriminantAnalysis")
def linear_discriminant(b: Builder, model: Any, table: Table) -> Prediction:
    """A linear classifier with a softmax."""
    classes, scores = classes_of(model), decision(b, model, table)
    link = "binary_probabilities" if len(classes) == 2 else "softmax"
    return from_decision(b, classes, scores, b.emit(link, scores))


@transformer("sklearn.LinearDiscriminantAnalysis")
def linear_discriminant_transform(b: Builder, model: Any, table: Table) -> Table:
    """The rows on the discriminant axes."""
    x = b.numbers(table, model)
    n = model._max_components
    if model.solver == "svd":
        value = b.emit("product", b.emit("subtract", x, constant=model.xbar_), matrix=model.scalings_)
    else:
        value = b.emit("product", x, matrix=model.scalings_)
    return b.table(value, model.scalings_.shape[1])[:n]


@estimator("sklearn.QuadraticDiscriminantAnalysis")
def quadratic_discriminant(b: Builder, model: Any, table: Table) -> Prediction:
    """Squared distances on each class's own axes."""
    x, scores = b.numbers(table, model), []
    for rotation, scaling, mean in zip(model.rotations_, model.scalings_, model.means_, strict=True):
        axes = b.emit("product", b.emit("subtract", x, constant=mean), matrix=rotation * (scaling**-0.5))
        scores.append(b.emit("row_sum", b.emit("function", axes, options={"name": "square"})))
    spread = np.array([np.sum(np.log(scaling)) for scaling in model.scalings_])
    distance = b.emit("shift", b.emit("join", *scores), constant=spread)
    joint = b.emit("shift", b.emit("multiply", distance, constant=-0.5), constant=np.log(model.priors_))
    return Prediction(classes_of(model), b.emit("argmax", joint), b.emit("softmax", joint))
