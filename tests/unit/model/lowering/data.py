"""Small data sets with what real ones have: strings, missing values, ties, several classes and targets."""

from __future__ import annotations

from functools import cache
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris, load_wine


class Data(NamedTuple):
    """Rows to train on and rows kept back."""

    X: pd.DataFrame
    y: Any
    X_test: pd.DataFrame
    y_test: Any


def _split(X: pd.DataFrame, y: Any, seed: int = 0) -> Data:
    order = np.random.default_rng(seed).permutation(len(X))
    cut = len(X) * 2 // 3
    train, test = order[:cut], order[cut:]
    y = np.asarray(y)
    return Data(X.iloc[train].reset_index(drop=True), y[train], X.iloc[test].reset_index(drop=True), y[test])


@cache
def binary() -> Data:
    """Two classes, 10 numbers."""
    X, y = load_breast_cancer(return_X_y=True, as_frame=True)
    return _split(X.iloc[:, :10], np.where(y == 1, "good", "bad"))


@cache
def several() -> Data:
    """Three classes, 13 numbers."""
    X, y = load_wine(return_X_y=True, as_frame=True)
    return _split(X, y)


@cache
def iris() -> Data:
    """Three classes, 4 numbers with many ties."""
    X, y = load_iris(return_X_y=True, as_frame=True)
    return _split(X, y)


@cache
def regression() -> Data:
    """One target."""
    X, y = load_diabetes(return_X_y=True, as_frame=True)
    return _split(X, y)


@cache
def targets() -> Data:
    """Two targets."""
    X, y = load_diabetes(return_X_y=True, as_frame=True)
    return _split(X, np.stack([y, np.sqrt(y) + 3 * X["bmi"]], axis=1))


@cache
def positive() -> Data:
    """One target, counts."""
    X, y = load_diabetes(return_X_y=True, as_frame=True)
    return _split(X, np.round(y / 10))


def with_holes(data: Data, share: float = 0.1, seed: int = 1) -> Data:
    """The same rows with missing numbers, in both parts."""
    random = np.random.default_rng(seed)
    X, X_test = (part.mask(random.random(part.shape) < share) for part in (data.X, data.X_test))
    return Data(X, data.y, X_test, data.y_test)


CITIES = ["São Paulo", "Brasília", "Florianópolis", "Belém", "Macapá"]


@cache
def mixed(holes: bool = True) -> Data:
    """Strings with accents, numbers, missing values of both; two classes."""
    random = np.random.default_rng(3)
    n = 600
    X = pd.DataFrame(
        {
            "idade": random.integers(18, 90, n).astype(float),
            "cidade": random.choice(CITIES, n, p=[0.5, 0.3, 0.1, 0.07, 0.03]),
            "renda anual": np.round(random.lognormal(10, 1, n), 2),
            "plano": random.choice(["básico", "ouro"], n),
            "visitas": random.poisson(2, n).astype(float),
        }
    )
    logit = (
        (X["idade"] - 50) / 20 + (X["cidade"] == "Belém") * 2 + (X["plano"] == "ouro") - np.log(X["renda anual"]) / 10
    )
    y = np.where(random.random(n) < 1 / (1 + np.exp(-logit)), "sim", "não")
    if holes:
        for name in ("idade", "renda anual", "cidade"):
            X[name] = X[name].mask(random.random(n) < 0.1)
    return _split(X, y)


def categorical(data: Data) -> Data:
    """The strings as pandas categories, the same in both parts."""
    parts = []
    names = [name for name in data.X.columns if not pd.api.types.is_numeric_dtype(data.X[name].dtype)]
    for part in (data.X, data.X_test):
        changed = part.copy()
        for name in names:
            known = sorted(data.X[name].dropna().unique())
            changed[name] = pd.Categorical(part[name], categories=known)
        parts.append(changed)
    return Data(parts[0], data.y, parts[1], data.y_test)
