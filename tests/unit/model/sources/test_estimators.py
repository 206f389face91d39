from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.cluster import DBSCAN, AgglomerativeClustering, Birch, MeanShift
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression, RidgeClassifier
from sklearn.multioutput import MultiOutputClassifier, RegressorChain
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import LocalOutlierFactor
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC, OneClassSVM

from garcom.errors import UnreadableModel, UnsupportedModel
from garcom.model.signature import Class
from garcom.model.sources import read_model

X = np.arange(24.0).reshape(12, 2)
TWO = np.column_stack([np.arange(12) % 2, np.arange(12) // 6])


@pytest.mark.parametrize(
    ("labels", "classes"),
    [
        (np.arange(12) % 2 == 0, (False, True)),
        (np.arange(12) % 3, (0, 1, 2)),
        (np.arange(12) % 2 * 1.0, (0.0, 1.0)),
        (np.where(np.arange(12) % 2, "não", "sim"), ("não", "sim")),
        (np.array(["ruim", "bom"] * 6, dtype=object), ("bom", "ruim")),
        (np.array([3] * 12), (3,)),
    ],
)
def test_classes_are_plain_python(labels: Any, classes: tuple[Class, ...]) -> None:
    model = (DummyClassifier() if len(classes) == 1 else GaussianNB()).fit(X, labels)
    output = read_model(model).output
    assert output.classes == classes
    assert [type(value) for value in output.classes] == [type(value) for value in classes]
    assert output.probabilities


@pytest.mark.parametrize(
    ("model", "probabilities"),
    [(SVC(), False), (RidgeClassifier(), False), (make_pipeline(StandardScaler(), LogisticRegression()), True)],
)
def test_probabilities_only_where_the_model_has_them(model: Any, probabilities: bool) -> None:
    assert read_model(model.fit(X, TWO[:, 0])).output.probabilities is probabilities


def test_outliers_have_two_classes() -> None:
    for model in (OneClassSVM(), LocalOutlierFactor(n_neighbors=3, novelty=True)):
        output = read_model(model.fit(X)).output
        assert (output.task, output.classes) == ("outlier", (-1, 1))


@pytest.mark.parametrize("model", [Birch(n_clusters=2), MeanShift(bandwidth=8)])
def test_clusterings_know_their_clusters(model: Any) -> None:
    output = read_model(model.fit(X)).output
    assert output.task == "clustering"
    assert set(model.predict(X)) <= set(output.classes)


def test_a_chain_of_regressors_has_a_name_per_target() -> None:
    assert read_model(RegressorChain(LinearRegression()).fit(X, TWO)).output.names == ("y0", "y1")


@pytest.mark.parametrize(
    "model",
    [
        RandomForestClassifier(2),
        MultiOutputClassifier(GaussianNB()),
        MLPClassifier((2,), max_iter=3000, solver="lbfgs"),
        RidgeClassifier(),
    ],
)
def test_several_labels_per_row_are_not_supported(model: Any) -> None:
    with pytest.raises(UnsupportedModel, match="one label per row"):
        read_model(model.fit(X, TWO))


@pytest.mark.parametrize(
    ("model", "error", "says"),
    [
        (StandardScaler().fit(X), UnsupportedModel, "Pack the Pipeline"),
        (make_pipeline(StandardScaler()).fit(X), UnsupportedModel, "Pack the Pipeline"),
        (DBSCAN().fit(X), UnsupportedModel, "no predict for new rows"),
        (AgglomerativeClustering().fit(X), UnsupportedModel, "no predict for new rows"),
        (LocalOutlierFactor(3).fit(X), UnsupportedModel, "novelty=True|no predict"),
        (LogisticRegression(), UnreadableModel, "not trained"),
        (LinearRegression(), UnreadableModel, "not trained"),
        (make_pipeline(StandardScaler(), LogisticRegression()), UnreadableModel, "not trained"),
        (X, UnreadableModel, "got ndarray"),
        (None, UnreadableModel, "got NoneType"),
    ],
)
def test_what_cannot_be_served_says_why(model: Any, error: type[Exception], says: str) -> None:
    with pytest.raises(error, match=says):
        read_model(model)
