from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

import garcom
from garcom.errors import BundleError
from garcom.model.reference_profile import PROFILE, ReferenceProfile, read_reference_profile
from garcom.stats.domain_classifier import domain_classifier


def rows(n: int = 400) -> pd.DataFrame:
    random = np.random.default_rng(0)
    return pd.DataFrame({"x": random.normal(size=n), "noise": random.normal(size=n), "on": random.random(n) < 0.5})


def packed(tmp_path: Path, model: object, X: pd.DataFrame, **options: object) -> ReferenceProfile:
    bundle = garcom.pack(model, X, name="m", out=tmp_path, time_limit_s=0, **options)  # type: ignore[arg-type]
    found = read_reference_profile(bundle.path)
    assert found is not None
    return found


def test_a_classifier_has_its_rows_answers_segments_and_importance(tmp_path: Path) -> None:
    X = rows()
    model = LogisticRegression(C=1e6).fit(X, np.where(X["x"] > 0, "good", "bad"))
    found = packed(tmp_path, model, X)
    assert found.layout.names == ("x", "noise", "on", "prediction", "probability_bad", "probability_good")
    assert found.layout.segments == ("on",)
    profile = found.profile
    assert profile.n_rows == 400
    assert profile.mean(0) == pytest.approx(X["x"].mean())
    answered = pd.Series(model.predict(X)).value_counts()
    assert profile.cells_of(3).tolist() == [answered["bad"], answered["good"], 0]
    assert found.importance["x"] == 1.0
    assert found.importance["noise"] < 0.2
    assert found.rows.shape == (400, 3)
    on = X[X["on"]]
    assert list(found.segments) == ["on=false", "on=true"]
    assert found.profile_of("on=true").n_rows == len(on)
    assert found.profile_of("on=true").mean(0) == pytest.approx(on["x"].mean())
    assert np.sort(found.rows_of("on=true")[:, 0]) == pytest.approx(np.sort(on["x"]), abs=1e-6)
    assert found.profile_of("on=perhaps").n_rows == 0
    assert found.rows_of("on=perhaps").shape == (0, 3)
    assert found.has_segments_of("on")
    assert not found.has_segments_of("x")


def test_a_regression_with_categories(tmp_path: Path) -> None:
    X = pd.DataFrame({"region": pd.Categorical(["SP", "RJ", "MG", "SP"] * 50)})
    y = X["region"].map({"SP": 1.0, "RJ": 2.0, "MG": 3.0}).astype(float)
    found = packed(tmp_path, make_pipeline(OneHotEncoder(), LinearRegression()).fit(X, y), X)
    assert found.layout.names == ("region", "prediction")
    assert found.layout.segments == ("region",)
    assert found.profile.cells_of(0).tolist() == [50, 50, 100, 0]
    assert found.importance == {"region": 1.0}
    assert found.rows.size == 0  # one column hangs together with nothing


def test_rows_of_the_reference_are_not_told_from_its_sample(tmp_path: Path) -> None:
    random = np.random.default_rng(1)
    X = pd.DataFrame({"x": random.normal(size=900), "region": random.choice(["north", "south"], 900)})
    bundle = garcom.pack(None, X, answers=random.normal(size=900), name="m", out=tmp_path)
    found = read_reference_profile(bundle.path)
    assert found is not None
    assert found.layout.together is not None
    now = found.layout.together.matrix(pl.from_pandas(X.sample(500, random_state=2)))
    assert abs(domain_classifier(found.rows, now).auc - 0.5) < 0.1


def test_personal_fields_are_in_no_part_of_it(tmp_path: Path) -> None:
    X = rows()
    corrections = tmp_path / "signature.toml"
    corrections.write_text('[fields.x]\npii = "drop"\n')
    found = packed(tmp_path, LogisticRegression().fit(X, X["x"] > 0), X, signature=corrections)
    assert "x" not in found.layout.names
    assert found.layout.together is not None
    assert "x" not in found.layout.together.names


def test_without_rows_there_is_none_and_a_damaged_one_is_told(tmp_path: Path) -> None:
    assert read_reference_profile(tmp_path) is None
    (tmp_path / PROFILE).write_bytes(b"\x00")
    with pytest.raises(BundleError, match="Pack the model anew"):
        read_reference_profile(tmp_path)
