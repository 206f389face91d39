"""The models that are served: trained here, written as a pickle and a CSV as a person would have them."""

from __future__ import annotations

import csv
import json
import pickle
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.datasets import load_wine
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

WINE_QUALITY = Path(__file__).parents[2] / "shared" / "data" / "winequality.csv"
TARGET = "quality"
LABELS = ("bom", "ruim")
#: Different requests in one round, so that no cache can answer and mixed-up answers are seen.
N_RECORDS = 32


@dataclass(frozen=True)
class Dataset:
    """A binary problem: ``X`` float64 ``[n_samples, n_features]``, ``y`` int64 of 0 and 1."""

    title: str
    fields: tuple[str, ...]
    X: npt.NDArray[np.float64]
    y: npt.NDArray[np.int64]


@dataclass(frozen=True)
class Case:
    """One trained model, as files in ``folder`` (model.pkl, data.csv, fields.json), and what it says of some rows.

    ``rows`` are held-out rows as JSON numbers in the fields' order; ``expected`` is the original's label for each.
    """

    name: str
    title: str
    folder: Path
    fields: tuple[str, ...]
    rows: list[list[float]]
    expected: list[int]

    @property
    def pickle(self) -> Path:
        """The trained model."""
        return self.folder / "model.pkl"

    @property
    def table(self) -> Path:
        """The training data with their target."""
        return self.folder / "data.csv"

    def record(self, index: int) -> dict[str, float]:
        """A row as a JSON object."""
        return dict(zip(self.fields, self.rows[index], strict=True))


def dataset() -> Dataset:
    """The wine-quality data, or, where they are not at hand, a data set that scikit-learn ships."""
    if not WINE_QUALITY.exists():
        wine = load_wine()
        title = "scikit-learn's load_wine (178 rows, 13 features), because ../shared/data/winequality.csv is missing"
        return Dataset(title, tuple(wine.feature_names), wine.data, (wine.target != 0).astype(np.int64))
    with WINE_QUALITY.open(newline="", encoding="utf-8") as lines:
        records = list(csv.DictReader(lines))
    fields = tuple(name for name in records[0] if name != TARGET)
    codes = {"white": "1", "red": "0"}
    X = np.array([[float(codes.get(record[name], record[name])) for name in fields] for record in records])
    y = np.array([float(record[TARGET]) < 7 for record in records], dtype=np.int64)
    return Dataset(f"wine quality ({len(X):,} rows, {len(fields)} features, quality < 7)", fields, X, y)


def estimators() -> dict[str, tuple[str, Any]]:
    """The models by short name, each with its title."""
    return {
        "forest": ("RandomForest(100)", RandomForestClassifier(100, random_state=0)),
        "linear": ("StandardScaler + LogisticRegression", make_pipeline(StandardScaler(), LogisticRegression())),
    }


def build(data: Dataset, folder: Path) -> list[Case]:
    """Train every model on the data and write its files below ``folder``."""
    train, test, y_train, y_test = train_test_split(data.X, data.y, random_state=0)
    # Both classes in turn: answers that go to the wrong request are seen only if neighbours differ.
    each = N_RECORDS // 2
    rows = np.stack([test[y_test == 0][:each], test[y_test == 1][:each]], axis=1).reshape(N_RECORDS, -1)
    cases = []
    for name, (title, estimator) in estimators().items():
        estimator.fit(train, y_train)
        case = Case(name, title, folder / name, data.fields, as_json(rows), estimator.predict(rows).tolist())
        case.folder.mkdir(parents=True)
        case.pickle.write_bytes(pickle.dumps(estimator))
        (case.folder / "fields.json").write_text(json.dumps(data.fields))
        _write_table(case.table, data.fields, train, y_train)
        cases.append(case)
    return cases


def as_json(rows: npt.NDArray[np.float64]) -> list[list[float]]:
    """Numbers as a person writes them: whole ones without a decimal point."""
    return [[int(value) if value.is_integer() else value for value in row] for row in rows.tolist()]


def _write_table(path: Path, fields: tuple[str, ...], X: npt.NDArray[np.float64], y: npt.NDArray[np.int64]) -> None:
    with path.open("w", newline="", encoding="utf-8") as lines:
        writer = csv.writer(lines)
        writer.writerow([*fields, TARGET])
        writer.writerows([*row, label] for row, label in zip(as_json(X), y.tolist(), strict=True))
