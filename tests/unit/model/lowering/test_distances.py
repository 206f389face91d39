from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.cluster import KMeans, MiniBatchKMeans
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC, SVR, NuSVC, NuSVR, OneClassSVM

from tests.unit.model.lowering import data
from tests.unit.model.lowering.compare import assert_same

NEIGHBORS = [
    {"weights": weights, **metric}
    for weights in ("uniform", "distance")
    for metric in ({}, {"p": 1}, {"p": 3}, {"algorithm": "brute"}, {"n_neighbors": 1}, {"algorithm": "ball_tree"})
]


@pytest.mark.parametrize("options", NEIGHBORS, ids=str)
@pytest.mark.parametrize("source", [data.binary, data.several])
def test_neighbors_classifier(options: dict[str, Any], source: Any) -> None:
    rows = source()
    model = make_pipeline(StandardScaler(), KNeighborsClassifier(**options)).fit(rows.X, rows.y)
    assert_same(model, rows.X_test, tolerance=1e-10)


@pytest.mark.parametrize("options", NEIGHBORS, ids=str)
def test_neighbors_regressor(options: dict[str, Any]) -> None:
    rows = data.regression()
    model = make_pipeline(StandardScaler(), KNeighborsRegressor(**options)).fit(rows.X, rows.y)
    assert_same(model, rows.X_test, "regression", tolerance=1e-10)


@pytest.mark.parametrize("weights", ["uniform", "distance"])
@pytest.mark.parametrize("k", [1, 2, 5, 16])
def test_equally_distant_neighbors(weights: Any, k: int) -> None:
    """On a grid almost every neighbourhood is a tie: the KD tree's own choice has to be made."""
    random = np.random.default_rng(0)
    X = pd.DataFrame(random.integers(0, 4, (500, 3)).astype(float), columns=["a", "b", "c"])
    y = random.integers(0, 3, 500)
    model = KNeighborsClassifier(k, weights=weights, algorithm="kd_tree", leaf_size=10).fit(X, y)
    assert_same(model, pd.DataFrame(random.integers(0, 4, (200, 3)).astype(float), columns=X.columns))


def test_two_targets_of_neighbors() -> None:
    rows = data.targets()
    model = KNeighborsRegressor(3).fit(rows.X, rows.y)
    assert_same(model, rows.X_test, "regression", n_targets=2)


@pytest.mark.parametrize("kernel", ["linear", "rbf", "poly", "sigmoid"])
@pytest.mark.parametrize("source", [data.binary, data.several])
@pytest.mark.parametrize("options", [{}, {"break_ties": True}, {"decision_function_shape": "ovo"}], ids=str)
def test_support_vector_classifier(kernel: Any, source: Any, options: dict[str, Any]) -> None:
    rows = source()
    assert_same(make_pipeline(StandardScaler(), SVC(kernel=kernel, **options)).fit(rows.X, rows.y), rows.X_test)


@pytest.mark.filterwarnings("ignore::FutureWarning")
@pytest.mark.parametrize("source", [data.binary, data.several, data.iris])
@pytest.mark.parametrize("kind", [SVC, NuSVC])
def test_support_vector_probabilities(source: Any, kind: Any) -> None:
    rows = source()
    model = make_pipeline(StandardScaler(), kind(probability=True, random_state=0)).fit(rows.X, rows.y)
    assert hasattr(model, "predict_proba")
    assert_same(model, rows.X_test, tolerance=1e-9)


@pytest.mark.parametrize("model", [SVR(), SVR(kernel="poly"), NuSVR(), SVR(kernel="linear")], ids=repr)
def test_support_vector_regressor(model: Any) -> None:
    rows = data.regression()
    assert_same(make_pipeline(StandardScaler(), model).fit(rows.X, rows.y), rows.X_test, "regression")


@pytest.mark.parametrize("kernel", ["rbf", "linear"])
def test_one_class(kernel: Any) -> None:
    rows = data.binary()
    assert_same(make_pipeline(StandardScaler(), OneClassSVM(kernel=kernel, nu=0.2)).fit(rows.X), rows.X_test, "outlier")


@pytest.mark.parametrize("kind", [KMeans, MiniBatchKMeans])
def test_clusters(kind: Any) -> None:
    rows = data.several()
    model = kind(n_clusters=4, n_init=1, random_state=0).fit(rows.X)
    assert_same(model, rows.X_test, "clustering")


def test_distances_to_clusters_as_features() -> None:
    rows = data.several()
    model = make_pipeline(StandardScaler(), KMeans(5, n_init=1, random_state=0), LogisticRegression())
    assert_same(model.fit(rows.X, rows.y), rows.X_test, tolerance=1e-9)


@pytest.mark.parametrize("activation", ["relu", "tanh", "logistic", "identity"])
@pytest.mark.parametrize("source", [data.binary, data.several])
def test_perceptron_classifier(activation: Any, source: Any) -> None:
    rows = source()
    network = MLPClassifier((8, 5), activation=activation, solver="lbfgs", max_iter=2000, random_state=0, tol=0.1)
    assert_same(make_pipeline(StandardScaler(), network).fit(rows.X, rows.y), rows.X_test)


@pytest.mark.parametrize("n_targets", [1, 2])
def test_perceptron_regressor(n_targets: int) -> None:
    rows = data.regression() if n_targets == 1 else data.targets()
    network = MLPRegressor(hidden_layer_sizes=(6,), solver="lbfgs", max_iter=5000, random_state=0, tol=1.0)
    assert_same(
        make_pipeline(StandardScaler(), network).fit(rows.X, rows.y), rows.X_test, "regression", n_targets=n_targets
    )
