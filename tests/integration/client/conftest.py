"""One server for the tests of the client and of ``garcom predict``, with real models."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

import garcom
from garcom.registry import Registry
from tests import served


def wines(n_rows: int = 200) -> pd.DataFrame:
    """Made-up wines: a number, one that may be missing, a text of few values."""
    rng = np.random.default_rng(3)
    frame = pd.DataFrame({"pH": rng.uniform(2.8, 3.9, n_rows).round(2), "doçura": rng.uniform(0, 60, n_rows).round(1)})
    frame["cor"] = np.where(rng.random(n_rows) < 0.5, "tinto", "branco")
    frame.loc[::10, "doçura"] = np.nan
    return frame


def _classifier(rows: pd.DataFrame, c: float) -> object:
    prepare = ColumnTransformer(
        [
            ("cor", OneHotEncoder(handle_unknown="ignore"), ["cor"]),
            ("doçura", SimpleImputer(), ["doçura"]),
            ("pH", "passthrough", ["pH"]),
        ]
    )
    return make_pipeline(prepare, LogisticRegression(C=c)).fit(rows, (rows["pH"] > 3.4).astype(int))


@pytest.fixture(scope="package")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server with ``vinho`` (two versions, the first answers, the default) and ``medidas`` (two targets)."""
    folder = tmp_path_factory.mktemp("served")
    registry = Registry.open(folder / "home")
    rows = wines()
    for c in (1.0, 0.01):
        labels = {0: "bom", 1: "ruim"}
        packed = garcom.pack(
            _classifier(rows, c),
            rows,
            rows["pH"] > 3.4,
            name="vinho",
            labels=labels,
            out=folder / "bundles",
            time_limit_s=0,
        )
        registry.register(packed.path)
    X = rows[["pH"]]
    targets = pd.DataFrame({"dobro": 2 * X["pH"], "triplo": 3 * X["pH"]})
    model = LinearRegression().fit(X, targets)
    registry.register(garcom.pack(model, X, targets, name="medidas", out=folder / "bundles", time_limit_s=0).path)
    with served.garcom("serve", "--home", folder / "home", "--port", "0") as found:
        yield found


@pytest.fixture
def rows_file(tmp_path: Path) -> Path:
    """The first rows as CSV."""
    path = tmp_path / "rows.csv"
    wines(30).to_csv(path, index=False)
    return path
