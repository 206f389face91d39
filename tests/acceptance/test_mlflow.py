"""A bundle is also an MLflow model directory: the real MLflow opens it."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_diabetes, load_iris
from sklearn.linear_model import LinearRegression, LogisticRegression

import garcom
from garcom.model.bundle import read_bundle


def load_with_mlflow(path: Path) -> Any:
    # MLflow warns about itself (type hints, pydantic), which is not what is tested here.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import mlflow.pyfunc

        return mlflow.pyfunc.load_model(str(path))


def test_a_classifier_opens_with_its_signature_and_example(tmp_path: Path) -> None:
    X, y = load_iris(return_X_y=True, as_frame=True)
    model = LogisticRegression(max_iter=500).fit(X, y)
    labels = {0: "setosa", 1: "versicolor", 2: "virgínica"}
    packed = garcom.pack(model, X, y, name="iris", labels=labels, out=tmp_path, time_limit_s=0)
    opened = load_with_mlflow(packed.path)

    assert opened.metadata.get_input_schema().input_names() == list(X.columns)
    answers = opened.predict(X)
    names = np.array(["setosa", "versicolor", "virgínica"])
    assert answers["label"].tolist() == names[model.predict(X)].tolist()
    assert np.allclose(answers[names.tolist()].to_numpy(), model.predict_proba(X), atol=1e-9)
    assert opened.metadata.get_output_schema().input_names() == list(answers.columns)
    example = opened.input_example
    assert opened.predict(example)["label"].tolist() == ["setosa"]
    # MLflow must leave the directory as it is.
    assert read_bundle(packed.path).digest == packed.digest


def test_a_column_of_the_wrong_type_is_refused_by_mlflow(tmp_path: Path) -> None:
    from mlflow.exceptions import MlflowException

    X, y = load_diabetes(return_X_y=True, as_frame=True)
    packed = garcom.pack(LinearRegression().fit(X, y), X, y, name="diabetes", out=tmp_path, time_limit_s=0)
    opened = load_with_mlflow(packed.path)
    assert np.allclose(opened.predict(X).to_numpy()[:, 0], LinearRegression().fit(X, y).predict(X))
    with pytest.raises(MlflowException):
        opened.predict(pd.DataFrame({name: ["x"] for name in X.columns}))
