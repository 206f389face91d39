"""The published data set, in full: rows with doubles, ties and long sums that small data do not have."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PowerTransformer, QuantileTransformer, StandardScaler
from sklearn.svm import SVC

from tests.unit.model.lowering.compare import assert_same

WINE = Path(__file__).parents[5] / "shared" / "data" / "winequality.csv"
pytestmark = pytest.mark.skipif(not WINE.exists(), reason="the wine quality data are not beside the repository")

MODELS = [
    make_pipeline(StandardScaler(), LogisticRegression()),
    make_pipeline(PowerTransformer(), LogisticRegression()),
    make_pipeline(QuantileTransformer(output_distribution="normal"), LogisticRegression()),
    make_pipeline(StandardScaler(), HistGradientBoostingClassifier(max_iter=40)),
    RandomForestClassifier(40, random_state=0),
    KNeighborsClassifier(),
    make_pipeline(StandardScaler(), KNeighborsClassifier(7, weights="distance")),
    make_pipeline(StandardScaler(), SVC()),
]


@pytest.mark.parametrize("model", MODELS, ids=lambda model: repr(model)[:90])
def test_no_label_flips(model: Any) -> None:
    frame = pd.read_csv(WINE)
    frame["color"] = (frame["color"] == "white").astype(int)
    y = (frame.pop("quality") < 7).to_numpy(dtype=int)
    train = np.random.default_rng(0).random(len(frame)) < 0.5
    held = frame[~train].reset_index(drop=True)
    assert_same(model.fit(frame[train].reset_index(drop=True), y[train]), held, tolerance=1e-13)
