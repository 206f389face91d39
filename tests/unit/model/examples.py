"""Small tables with Portuguese names, texts and gaps, and models trained on them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from garcom.model.tables import read_table

WINE = Path(__file__).parents[4] / "shared" / "data" / "winequality.csv"


def wine(n_rows: int = 400) -> pd.DataFrame:
    """The real wines: 12 numbers and ``quality``; skips the test where the shared data are not."""
    if not WINE.is_file():
        pytest.skip("the real data (../shared/data/winequality.csv) are not here")
    frame = read_table(WINE).sample(n_rows, random_state=0, ignore_index=True)
    return frame.assign(color=(frame["color"] == "white").astype(int))


def people(n_rows: int = 200, gaps: bool = True) -> pd.DataFrame:
    """Numbers, whole numbers and texts, with names that have spaces and accents."""
    random = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "renda média": random.normal(3000, 900, n_rows),
            "região": random.choice(["norte", "são paulo", "sul"], n_rows),
            "filhos": random.integers(0, 5, n_rows),
            "idade": random.integers(18, 80, n_rows).astype(float),
        }
    )
    if gaps:
        frame.loc[::9, "idade"] = np.nan
        frame.loc[::11, "região"] = np.nan
    return frame


def answers(frame: pd.DataFrame) -> Any:
    """``sim`` or ``não`` for each of :func:`people`, following the income and the region."""
    return np.where((frame["renda média"] > 3000) & (frame["região"] != "sul"), "sim", "não")


def mixed_pipeline() -> Pipeline:
    """Unfitted: imputed texts and numbers (``filhos`` is dropped), then a LogisticRegression."""
    texts = make_pipeline(SimpleImputer(strategy="most_frequent"), OneHotEncoder(handle_unknown="ignore"))
    numbers = make_pipeline(SimpleImputer(), StandardScaler())
    columns = ColumnTransformer([("textos", texts, ["região"]), ("números", numbers, ["renda média", "idade"])])
    return make_pipeline(columns, LogisticRegression())
