"""Models that need a few numbers only: dummies and cluster centres."""

from __future__ import annotations

from typing import Any

import numpy as np

from garcom.model.lowering.answers import classes_of
from garcom.model.lowering.builder import Builder, NotLowerable, Prediction, Table
from garcom.model.lowering.registry import estimator, transformer


def _rows(b: Builder, table: Table) -> int:
    """Any value that has the batch's rows: dummies look at nothing else."""
    column = table[0]
    return column.value if column.kind != "sparse" else b.matrix(table)


@estimator("sklearn.DummyClassifier")
def dummy_classifier(b: Builder, model: Any, table: Table) -> Prediction:
    """The same for every row."""
    classes = classes_of(model)
    if model.strategy in ("stratified", "uniform"):
        raise NotLowerable(f"DummyClassifier with strategy={model.strategy!r} answers at random.")
    if model.strategy == "constant":
        label = classes.index(np.asarray(model.constant).ravel().tolist()[0])
    else:
        label = int(np.argmax(model.class_prior_))
    prior = np.asarray(model.class_prior_, dtype=np.float64)
    shares = prior if model.strategy == "prior" else (np.arange(len(classes)) == label).astype(np.float64)
    probabilities = b.emit("constant", _rows(b, table), row=shares)
    labels = b.emit("constant_label", _rows(b, table), options={"label": label})
    return Prediction(classes, labels, probabilities)


@estimator("sklearn.DummyRegressor")
def dummy_regressor(b: Builder, model: Any, table: Table) -> Prediction:
    """The same for every row."""
    row = np.asarray(model.constant_, dtype=np.float64).ravel()
    return Prediction(values=b.emit("constant", _rows(b, table), row=row), n_targets=len(row))


@estimator("sklearn.KMeans", "sklearn.MiniBatchKMeans", "sklearn.BisectingKMeans")
def k_means(b: Builder, model: Any, table: Table) -> Prediction:
    """The nearest centre."""
    if type(model).__name__ == "BisectingKMeans":
        raise NotLowerable("BisectingKMeans walks a tree of centres, which cannot be carried as arrays.")
    centers = np.asarray(model.cluster_centers_, dtype=np.float64)
    distances = b.emit("center_distances", b.numbers(table, model), centers=centers)
    return Prediction(classes=tuple(range(len(centers))), labels=b.emit("argmin", distances))


@transformer("sklearn.KMeans", "sklearn.MiniBatchKMeans")
def k_means_distances(b: Builder, model: Any, table: Table) -> Table:
    """The distance to each centre."""
    centers = np.asarray(model.cluster_centers_, dtype=np.float64)
    return b.table(b.emit("distances", b.numbers(table, model), centers=centers), len(centers))
