from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, PowerTransformer, StandardScaler

from garcom.model.compile.anchors import find_anchors
from garcom.model.compile.made_rows import made_rows
from garcom.model.signature import Field, FieldType, Output, Signature
from garcom.model.sources.base import Loaded

RANDOM = np.random.default_rng(0)
ROWS = RANDOM.normal(size=(300, 2)) * [10.0, 0.01] + [500.0, -1.0]
TRUTH = (ROWS[:, 0] > 505).astype(int)


@pytest.mark.parametrize(
    "model",
    [
        RandomForestClassifier(3, random_state=0),
        make_pipeline(StandardScaler(), RandomForestClassifier(3, random_state=0)),
        make_pipeline(MinMaxScaler(), PowerTransformer(), HistGradientBoostingClassifier(max_iter=3)),
        make_pipeline(StandardScaler(), LogisticRegression()),
        make_pipeline(StandardScaler(), KNeighborsClassifier()),
    ],
)
def test_anchors_lie_in_the_unit_of_the_field(model: Any) -> None:
    found = find_anchors(model.fit(ROWS, TRUTH), 2).numbers
    first = np.array(found[0])
    assert 450 < first.min() <= first.max() < 550
    assert len(first) > 3
    if found.get(1):
        assert abs(np.median(found[1]) + 1) < 0.1


def test_boosters_show_their_thresholds() -> None:
    from lightgbm import LGBMClassifier
    from xgboost import XGBClassifier

    for model in (XGBClassifier(n_estimators=5, n_jobs=1), LGBMClassifier(n_estimators=5, n_jobs=1, verbose=-1)):
        found = find_anchors(model.fit(ROWS, TRUTH), 2).numbers[0]
        assert min(abs(value - 505) for value in found) < 2


def test_columns_are_followed_by_name() -> None:
    frame = pd.DataFrame(ROWS, columns=["peso", "pH"])
    prepared = ColumnTransformer([("b", StandardScaler(), ["pH"]), ("a", MinMaxScaler(), ["peso"])])
    found = find_anchors(make_pipeline(prepared, LogisticRegression()).fit(frame, TRUTH), 2).numbers
    assert abs(np.median(found[1]) + 1) < 0.1
    assert 450 < min(found[0]) <= max(found[0]) < 550


def test_made_rows_fit_the_signature() -> None:
    model = make_pipeline(TfidfVectorizer(), LogisticRegression()).fit(["bom vinho", "vinho ruim"] * 3, [0, 1] * 3)
    fields = (
        Field(name="nota", type=FieldType.STRING),
        Field(name="idade", type=FieldType.INTEGER, minimum=18, maximum=80),
        Field(name="sócio", type=FieldType.BOOLEAN),
        Field(name="uf", type=FieldType.CATEGORY, categories=("SP", "BA")),
        Field(name="quando", type=FieldType.DATETIME),
        Field(name="peso", type=FieldType.FLOAT),
    )
    output = Output(task="classification", classes=(0, 1))
    signature = Signature(fields=fields, output=output, example={"nota": "bom"})
    loaded = Loaded(model=model, framework="scikit-learn", input_kind="frame", output=output)
    rows = made_rows(loaded, signature, np.random.default_rng(0), 50)
    assert (rows.numbers.shape, rows.texts.shape) == ((50, 4), (50, 2))
    assert np.array_equal(rows.numbers[:, :3], np.rint(rows.numbers[:, :3]))
    assert 5 < rows.numbers[:, 0].min() <= rows.numbers[:, 0].max() < 95
    assert set(rows.numbers[:, 1]) == {0.0, 1.0}
    assert set(" ".join(rows.texts[:, 0]).split()) == {"bom", "ruim", "vinho"}
    assert set(rows.texts[:, 1]) == {"SP", "BA"}
