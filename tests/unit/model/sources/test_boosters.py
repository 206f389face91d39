from __future__ import annotations

from pathlib import Path
from typing import Any

import lightgbm
import numpy as np
import pandas as pd
import pytest
import xgboost

from garcom.errors import UnreadableModel, UnsupportedModel
from garcom.model.frames import to_batch
from garcom.model.inference import infer_signature
from garcom.model.signature import FieldType
from garcom.model.sources import bind, read_model
from garcom.model.sources.base import Loaded
from garcom.records import Outputs
from tests.unit.model.examples import people

FRAME = people().assign(região=lambda frame: frame["região"].astype("category"))
CLASSES = (np.arange(len(FRAME)) + FRAME["filhos"]) % 3
NUMBER = FRAME["renda média"] / 1000


def train_xgboost(objective: str, label: Any, frame: pd.DataFrame = FRAME, **options: Any) -> xgboost.Booster:
    data = xgboost.DMatrix(frame, label, enable_categorical=True)
    return xgboost.train({"objective": objective, "nthread": 1, "max_depth": 3, **options}, data, num_boost_round=4)


def train_lightgbm(objective: str, label: Any, frame: pd.DataFrame = FRAME, **options: Any) -> lightgbm.Booster:
    parameters = {"objective": objective, "num_threads": 1, "verbose": -1, "min_data_in_leaf": 5, **options}
    return lightgbm.train(parameters, lightgbm.Dataset(frame, label), num_boost_round=4)


def run(loaded: Loaded, frame: pd.DataFrame = FRAME) -> Outputs:
    signature = infer_signature(loaded, frame)
    return bind(loaded, signature).run(to_batch(frame, signature))


@pytest.mark.parametrize("suffix", ["json", "ubj", "model"])
@pytest.mark.parametrize(
    ("objective", "label", "options"),
    [
        ("binary:logistic", CLASSES > 0, {}),
        ("binary:hinge", CLASSES > 0, {}),
        ("binary:logitraw", CLASSES > 0, {}),
        ("multi:softprob", CLASSES, {"num_class": 3}),
        ("multi:softmax", CLASSES, {"num_class": 3}),
        ("reg:squarederror", NUMBER, {}),
        ("count:poisson", CLASSES, {}),
        ("binary:logistic", CLASSES > 0, {"booster": "dart"}),
    ],
)
def test_xgboost_files(tmp_path: Path, suffix: str, objective: str, label: Any, options: Any) -> None:
    booster = train_xgboost(objective, label, **options)
    path = tmp_path / f"m.{suffix}"
    booster.save_model(path.with_suffix(".ubj") if suffix == "model" else path)
    if suffix == "model":
        path.with_suffix(".ubj").rename(path)
    loaded = read_model(path)
    assert loaded.framework == "xgboost"
    assert loaded.files == {"xgboost": str(path)}
    outputs = run(loaded)
    raw = booster.predict(xgboost.DMatrix(FRAME, enable_categorical=True))
    if objective in ("reg:squarederror", "count:poisson"):
        assert outputs.values is not None
        np.testing.assert_array_equal(outputs.values[:, 0], raw)
    elif objective == "binary:logistic":
        assert outputs.probabilities is not None
        np.testing.assert_array_equal(outputs.probabilities[:, 1], raw)
        np.testing.assert_array_equal(outputs.labels, raw > 0.5)
    elif objective == "multi:softprob":
        np.testing.assert_array_equal(outputs.probabilities, raw)
        np.testing.assert_array_equal(outputs.labels, raw.argmax(axis=1))
    else:
        assert outputs.probabilities is None
        np.testing.assert_array_equal(outputs.labels, raw > 0 if objective == "binary:logitraw" else raw)


def test_xgboost_fields_know_their_types_and_whole_categories() -> None:
    loaded = read_model(train_xgboost("binary:logistic", CLASSES > 0))
    fields = {field.name: field for field in infer_signature(loaded, FRAME).fields}
    # XGBoost keeps only 9 bytes of "são paulo", which has 10; the data have the whole name.
    assert fields["região"].categories == ("norte", "sul", "são paulo")
    assert fields["filhos"].type is FieldType.INTEGER
    assert fields["idade"].nullable
    assert not fields["renda média"].nullable


def test_an_xgboost_file_of_the_wrapper_stops_at_the_best_iteration(tmp_path: Path) -> None:
    X, y = FRAME[["idade", "filhos"]], (np.arange(len(FRAME)) % 2)
    model = xgboost.XGBClassifier(n_estimators=30, early_stopping_rounds=1, n_jobs=1)
    model.fit(X[:100], y[:100], eval_set=[(X[100:], y[100:])], verbose=False)
    assert model.best_iteration < model.get_booster().num_boosted_rounds() - 1
    model.save_model(tmp_path / "m.json")
    outputs = run(read_model(tmp_path / "m.json"), X)
    np.testing.assert_array_equal(outputs.probabilities, model.predict_proba(X))


def test_several_yes_or_no_targets_are_not_supported() -> None:
    labels = np.column_stack([CLASSES > 0, CLASSES > 1]).astype(int)
    with pytest.raises(UnsupportedModel, match="2 yes/no questions"):
        read_model(train_xgboost("binary:logistic", labels))


def test_xgboost_with_several_regression_targets() -> None:
    booster = train_xgboost("reg:squarederror", np.column_stack([NUMBER, -NUMBER]))
    outputs = run(read_model(booster))
    np.testing.assert_array_equal(outputs.values, booster.predict(xgboost.DMatrix(FRAME, enable_categorical=True)))


@pytest.mark.parametrize(
    ("objective", "label", "options"),
    [
        ("binary", CLASSES > 0, {}),
        ("multiclass", CLASSES, {"num_class": 3}),
        ("multiclassova", CLASSES, {"num_class": 3}),
        ("regression", NUMBER, {}),
    ],
)
def test_lightgbm_files(tmp_path: Path, objective: str, label: Any, options: Any) -> None:
    booster = train_lightgbm(objective, label, **options)
    booster.save_model(tmp_path / "m.txt")
    loaded = read_model(tmp_path / "m.txt")
    assert loaded.files == {"lightgbm": str(tmp_path / "m.txt")}
    outputs = run(loaded)
    raw = booster.predict(FRAME)
    if objective == "regression":
        assert outputs.values is not None
        np.testing.assert_array_equal(outputs.values[:, 0], raw)
    elif objective == "binary":
        assert outputs.probabilities is not None
        np.testing.assert_array_equal(outputs.probabilities[:, 1], raw)
    else:
        np.testing.assert_array_equal(outputs.probabilities, raw)


def test_lightgbm_fields_take_the_names_of_the_data() -> None:
    loaded = read_model(train_lightgbm("binary", CLASSES > 0))
    assert next(field.name for field in loaded.fields or ()) == "renda_média"
    signature = infer_signature(loaded, FRAME)
    assert signature.names == tuple(FRAME.columns)
    assert signature.fields[1].categories == ("norte", "sul", "são paulo")


def test_lightgbm_trained_on_a_matrix_has_no_names() -> None:
    booster = train_lightgbm("regression", NUMBER, FRAME[["idade", "filhos"]].to_numpy())  # type: ignore[arg-type]
    loaded = read_model(booster)
    assert loaded.fields is None
    assert infer_signature(loaded, None).names == ("x0", "x1")


def test_lightgbm_categories_of_whole_numbers() -> None:
    frame = FRAME.assign(filhos=FRAME["filhos"].astype("category"))
    booster = train_lightgbm("binary", CLASSES > 0, frame, min_data_per_group=1)
    signature = infer_signature(read_model(booster), frame)
    assert signature.fields[2].categories == (0, 1, 2, 3, 4)
    from_csv = frame.assign(filhos=frame["filhos"].astype(int), região=frame["região"].astype(object))
    outputs = bind(read_model(booster), signature).run(to_batch(from_csv, signature))
    assert outputs.probabilities is not None
    np.testing.assert_array_equal(outputs.probabilities[:, 1], booster.predict(frame))


def test_lightgbm_with_two_unused_columns_cannot_tell_them_apart() -> None:
    frame = FRAME.assign(a=1.0, b=pd.Categorical(["x"] * len(FRAME)))
    with pytest.raises(UnsupportedModel, match="one value only"):
        read_model(train_lightgbm("binary", CLASSES > 0, frame))


def test_a_cut_off_lightgbm_file(tmp_path: Path) -> None:
    text = train_lightgbm("binary", CLASSES > 0).model_to_string()
    (tmp_path / "m.txt").write_text(text[: len(text) // 2])
    with pytest.raises(UnreadableModel, match="cut off"):
        read_model(tmp_path / "m.txt")


def test_a_cut_off_xgboost_file(tmp_path: Path) -> None:
    booster = train_xgboost("binary:logistic", CLASSES > 0)
    for name in ("m.json", "m.ubj"):
        booster.save_model(tmp_path / name)
        data = (tmp_path / name).read_bytes()
        (tmp_path / name).write_bytes(data[: len(data) // 2])
        with pytest.raises(UnreadableModel, match="cut off, damaged"):
            read_model(tmp_path / name)
