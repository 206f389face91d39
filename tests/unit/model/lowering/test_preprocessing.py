from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import ColumnTransformer, make_column_selector
from sklearn.decomposition import PCA, IncrementalPCA, TruncatedSVD
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier, RandomForestRegressor
from sklearn.feature_selection import SelectFromModel, SelectKBest, VarianceThreshold
from sklearn.impute import MissingIndicator, SimpleImputer
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.pipeline import FeatureUnion, make_pipeline, make_union
from sklearn.preprocessing import (
    Binarizer,
    FunctionTransformer,
    KBinsDiscretizer,
    MaxAbsScaler,
    MinMaxScaler,
    Normalizer,
    OneHotEncoder,
    OrdinalEncoder,
    PolynomialFeatures,
    PowerTransformer,
    QuantileTransformer,
    RobustScaler,
    SplineTransformer,
    StandardScaler,
    TargetEncoder,
)

from garcom.errors import EngineError, RowsRefused
from garcom.model.lowering import NotLowerable
from tests.unit.model.lowering import data
from tests.unit.model.lowering.compare import assert_same, lowered

TRANSFORMERS = [
    StandardScaler(with_mean=False),
    StandardScaler(with_std=False),
    MinMaxScaler((-1, 2)),
    MinMaxScaler(clip=True),
    MaxAbsScaler(),
    RobustScaler(),
    RobustScaler(with_centering=False),
    Normalizer(),
    Normalizer("l1"),
    Normalizer("max"),
    Binarizer(threshold=0.1),
    KBinsDiscretizer(4, encode="ordinal", strategy="uniform"),
    KBinsDiscretizer(4, encode="onehot-dense", strategy="uniform"),
    PolynomialFeatures(2),
    PolynomialFeatures(3, interaction_only=True, include_bias=False),
    PolynomialFeatures((2, 3)),
    SplineTransformer(),
    SplineTransformer(6, degree=2, include_bias=False, knots="quantile"),
    SplineTransformer(4, degree=1, extrapolation="continue"),
    PowerTransformer(),
    PowerTransformer(standardize=False),
    QuantileTransformer(n_quantiles=50),
    QuantileTransformer(n_quantiles=50, output_distribution="normal"),
    FunctionTransformer(),
    FunctionTransformer(np.tanh),
    PCA(4),
    PCA(4, whiten=True),
    IncrementalPCA(3),
    TruncatedSVD(4, random_state=0),
    VarianceThreshold(),
    SelectKBest(k=4),
    SelectFromModel(RandomForestRegressor(5, random_state=0)),
    make_union(StandardScaler(), PCA(2)),
    FeatureUnion([("a", StandardScaler()), ("b", "passthrough"), ("c", "drop")], transformer_weights={"a": 3.0}),
]


@pytest.mark.parametrize("transformer", TRANSFORMERS, ids=repr)
def test_transformers_of_numbers(transformer: Any) -> None:
    rows = data.regression()
    model = make_pipeline(transformer, Ridge())
    assert_same(model.fit(rows.X * 10, rows.y), rows.X_test * 10, "regression", tolerance=1e-10)


def test_box_cox() -> None:
    rows = data.several()
    model = make_pipeline(PowerTransformer("box-cox"), LogisticRegression()).fit(rows.X, rows.y)
    pair = assert_same(model, rows.X_test)
    spoilt = rows.X_test.copy()
    spoilt.iloc[1, 0] = -1.0
    with pytest.raises(EngineError):
        pair.run(spoilt)


@pytest.mark.parametrize("output", ["uniform", "normal"])
@pytest.mark.parametrize("power", [True, False])
def test_missing_values_pass_through(output: str, power: bool) -> None:
    rows = data.with_holes(data.binary())
    first: Any = PowerTransformer() if power else QuantileTransformer(n_quantiles=30, output_distribution=output)
    model = make_pipeline(first, HistGradientBoostingClassifier(max_iter=5)).fit(rows.X, rows.y)
    assert_same(model, rows.X_test)


@pytest.mark.parametrize("strategy", ["mean", "median", "most_frequent", "constant"])
@pytest.mark.parametrize("add_indicator", [True, False])
def test_imputers_of_numbers(strategy: str, add_indicator: bool) -> None:
    rows = data.with_holes(data.regression())
    model = make_pipeline(SimpleImputer(strategy=strategy, add_indicator=add_indicator), LinearRegression())
    assert_same(model.fit(rows.X, rows.y), rows.X_test, "regression", tolerance=1e-10)


def test_imputer_of_another_marker() -> None:
    rows = data.with_holes(data.regression())
    model = make_pipeline(SimpleImputer(missing_values=-7.0), LinearRegression())
    assert_same(model.fit(rows.X.fillna(-7.0), rows.y), rows.X_test.fillna(-7.0), "regression", tolerance=1e-10)


def test_missing_indicator() -> None:
    rows = data.with_holes(data.binary())
    model = make_pipeline(make_union(SimpleImputer(), MissingIndicator()), RandomForestClassifier(5, random_state=0))
    assert_same(model.fit(rows.X, rows.y), rows.X_test)


NUMBERS, TEXTS = ["idade", "renda anual", "visitas"], ["cidade", "plano"]
ENCODERS = [
    OneHotEncoder(),
    OneHotEncoder(handle_unknown="ignore"),
    OneHotEncoder(handle_unknown="ignore", sparse_output=False, min_frequency=60),
    OneHotEncoder(handle_unknown="infrequent_if_exist", max_categories=3),
    OneHotEncoder(drop="first"),
    OneHotEncoder(drop="if_binary"),
    OneHotEncoder(drop=["Belém", "ouro"]),
    OneHotEncoder(drop="first", min_frequency=60, handle_unknown="infrequent_if_exist"),
    OrdinalEncoder(),
    OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1, encoded_missing_value=-2),
    OrdinalEncoder(min_frequency=60),
    TargetEncoder(),
]


@pytest.mark.parametrize("encoder", ENCODERS, ids=repr)
def test_encoders_of_texts(encoder: Any) -> None:
    rows = data.mixed()
    X, X_test = (part.fillna({"cidade": "São Paulo"}) for part in (rows.X, rows.X_test))
    model = make_pipeline(
        ColumnTransformer(
            [("n", make_pipeline(SimpleImputer(strategy="median"), StandardScaler()), NUMBERS), ("t", encoder, TEXTS)]
        ),
        LogisticRegression(max_iter=1000),
    )
    assert_same(model.fit(X, rows.y), X_test)


@pytest.mark.parametrize("encoder", [e for e in ENCODERS if "use_enc" in repr(e) or "drop" not in repr(e)], ids=repr)
def test_encoders_of_missing_texts(encoder: Any) -> None:
    rows = data.mixed()
    model = make_pipeline(
        ColumnTransformer([("t", encoder, TEXTS)], remainder="passthrough"),
        HistGradientBoostingClassifier(max_iter=5),
    )
    assert_same(model.fit(rows.X, rows.y), rows.X_test)


@pytest.mark.parametrize(
    "encoder",
    [
        OneHotEncoder(handle_unknown="ignore"),
        OneHotEncoder(handle_unknown="infrequent_if_exist", min_frequency=60),
        OneHotEncoder(handle_unknown="infrequent_if_exist", min_frequency=60, drop="first"),
        OneHotEncoder(handle_unknown="ignore", drop="first"),
        OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1, min_frequency=60),
        TargetEncoder(),
    ],
    ids=repr,
)
def test_categories_unseen_in_training(encoder: Any) -> None:
    rows = data.mixed()
    X = rows.X[TEXTS].fillna("São Paulo")
    X_test = rows.X_test[TEXTS].fillna("Macondo")
    model = make_pipeline(encoder, LogisticRegression()).fit(X, rows.y)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        assert_same(model, X_test)


def test_unknown_category_is_refused_where_the_original_refuses() -> None:
    rows = data.mixed()
    X = rows.X[TEXTS].fillna("São Paulo")
    pair = lowered(make_pipeline(OneHotEncoder(), LogisticRegression()).fit(X, rows.y), X, "classification")
    spoilt = X.copy()
    spoilt.loc[3, "cidade"] = "Macondo"
    with pytest.raises(RowsRefused, match="cidade") as caught:
        pair.run(spoilt)
    assert caught.value.row == 3


@pytest.mark.parametrize("encoder", [OneHotEncoder(handle_unknown="ignore"), TargetEncoder()], ids=repr)
def test_encoders_of_numbers_and_classes(encoder: Any) -> None:
    rows = data.mixed()
    y = np.where(rows.X["visitas"] > 3, "muitas", rows.y)
    X, X_test = (part[["visitas", "plano", "idade"]] for part in (rows.X, rows.X_test))
    transformer = ColumnTransformer([("e", encoder, ["idade", "plano"])], remainder="passthrough")
    assert_same(make_pipeline(transformer, RandomForestClassifier(5, random_state=0)).fit(X, y), X_test)


@pytest.mark.parametrize("strategy", ["most_frequent", "constant"])
def test_imputer_of_texts(strategy: str) -> None:
    rows = data.mixed()
    texts = make_pipeline(
        SimpleImputer(strategy=strategy, missing_values=np.nan, add_indicator=False),
        OneHotEncoder(handle_unknown="ignore"),
    )
    model = make_pipeline(
        ColumnTransformer([("t", texts, TEXTS), ("n", SimpleImputer(), NUMBERS)]),
        RandomForestClassifier(10, random_state=0),
    )
    X, X_test = (part.astype(dict.fromkeys(TEXTS, object)) for part in (rows.X, rows.X_test))
    assert_same(model.fit(X, rows.y), X_test)


@pytest.mark.parametrize(
    "columns",
    [
        ["idade", "visitas"],
        [0, 4],
        slice(2, 5, 2),
        make_column_selector(dtype_include=float),
        lambda X: ["idade"],
        [True, False, True, False, False],
    ],
)
@pytest.mark.parametrize("remainder", ["drop", StandardScaler()])
def test_ways_to_choose_columns(columns: Any, remainder: Any) -> None:
    rows = data.mixed(holes=False)
    transformer = ColumnTransformer(
        [("a", MinMaxScaler(), columns), ("t", OneHotEncoder(), TEXTS), ("d", "drop", ["visitas"])], remainder=remainder
    )
    model = make_pipeline(transformer, LogisticRegression(max_iter=2000))
    assert_same(model.fit(rows.X, rows.y), rows.X_test)


def test_fields_in_another_order_and_more_of_them() -> None:
    rows = data.binary()
    model = make_pipeline(StandardScaler(), LogisticRegression()).fit(rows.X, rows.y)
    other = rows.X_test[list(rows.X_test.columns[::-1])].assign(more=1.0)
    assert_same(model, other, rows=rows.X_test)


def test_booleans_and_categories_of_integers() -> None:
    rows = data.mixed(holes=False)

    def made(part: pd.DataFrame) -> pd.DataFrame:
        visits = part["visitas"].clip(upper=5).astype(int)
        return pd.DataFrame({"velho": part["idade"] > 50, "visitas": pd.Categorical(visits, categories=range(6))})

    model = make_pipeline(OneHotEncoder(handle_unknown="ignore"), LogisticRegression()).fit(made(rows.X), rows.y)
    assert_same(model, made(rows.X_test))
    forest = RandomForestClassifier(5, random_state=0).fit(made(rows.X), rows.y)
    assert_same(forest, made(rows.X_test))


def test_known_functions_and_a_persons_own() -> None:
    rows = data.binary()
    known = make_pipeline(FunctionTransformer(np.log1p), StandardScaler(), LogisticRegression())
    assert_same(known.fit(rows.X, rows.y), rows.X_test)
    own = make_pipeline(FunctionTransformer(lambda X: X * 2), LogisticRegression(max_iter=5000))
    with pytest.raises(NotLowerable, match="FunctionTransformer"):
        lowered(own.fit(rows.X, rows.y), rows.X_test, "classification")


def test_text_where_a_number_is_needed() -> None:
    rows = data.binary()
    model = RandomForestClassifier(2).fit(rows.X, rows.y)
    with pytest.raises(NotLowerable, match="texts"):
        lowered(model, rows.X_test.astype({rows.X.columns[0]: str}), "classification")


def test_unknown_transformer_is_named() -> None:
    class Own(StandardScaler):  # type: ignore[misc]
        pass

    rows = data.binary()
    model = make_pipeline(Own(), LogisticRegression()).fit(rows.X, rows.y)
    with pytest.raises(NotLowerable, match="Own"):
        lowered(model, rows.X_test, "classification")
