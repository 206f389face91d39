"""The models that must come out right: each is packed for real, and the bundle's chosen engines answer rows that
neither training nor packing saw exactly as the original does."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pytest
from lightgbm import LGBMClassifier
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.calibration import CalibratedClassifierCV
from sklearn.cluster import KMeans
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import (
    ExtraTreesClassifier,
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    IsolationForest,
    RandomForestClassifier,
    StackingClassifier,
    VotingClassifier,
)
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.model_selection import GridSearchCV, TunedThresholdClassifierCV
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    OneHotEncoder,
    PowerTransformer,
    QuantileTransformer,
    StandardScaler,
)
from sklearn.svm import SVC
from xgboost import XGBClassifier

import garcom
from garcom.model.compile.comparison import compare, spread
from garcom.model.frames import to_batch
from garcom.model.sources import bind, read_model
from tests.acceptance.shortened import shortened

WINE = Path(__file__).parents[3] / "shared" / "data" / "winequality.csv"


class Data(NamedTuple):
    """Rows with their target, and the rows held out of training and packing."""

    X: Any
    y: Any
    held_out: Any


def _split(X: pd.DataFrame, y: pd.Series[Any], n_rows: int) -> Data:
    order = np.random.default_rng(0).permutation(len(X))
    kept, out = order[:n_rows], order[n_rows : n_rows + 4000]
    return Data(X.iloc[kept].reset_index(drop=True), y.iloc[kept].reset_index(drop=True), X.iloc[out])


def _wine_rows() -> pd.DataFrame:
    if not WINE.is_file():
        pytest.skip("the real data, ../shared/data/winequality.csv beside the repository, are not there")
    return pd.read_csv(WINE)


def wine(n_rows: int = 1000) -> Data:
    rows = _wine_rows()
    X = rows.drop(columns=["quality", "color"]).assign(color=(rows["color"] == "white").astype(int))
    return _split(X, (rows["quality"] < 7).astype(int), n_rows)


def wine_with_gaps() -> Data:
    data = wine()

    def pierced(X: pd.DataFrame, seed: int) -> pd.DataFrame:
        names = ["pH", "alcohol", "citric acid"]
        gaps = np.random.default_rng(seed).random((len(X), len(names))) < 0.1
        return X.assign(**{name: X[name].mask(gaps[:, at]) for at, name in enumerate(names)})

    return Data(pierced(data.X, 1), data.y, pierced(data.held_out, 2))


def wine_with_categories() -> Data:
    """Two columns of texts (one with accents and gaps) beside the numbers, some of which are missing."""

    def told(X: pd.DataFrame) -> pd.DataFrame:
        cor = X["color"].map({1: "branco", 0: "tinto"}).astype(object)
        doce = pd.cut(X["residual sugar"], [-1, 2, 8, 99], labels=["seco", "meio-seco", "doce"]).astype(object)
        return X.drop(columns=["color"]).assign(cor=cor, doçura=doce)

    data = wine_with_gaps()
    return Data(told(data.X), data.y, told(data.held_out))


def wine_by_dtype() -> Data:
    """The texts as pandas categories, for models that take these."""
    data = wine_with_categories()
    cor = pd.CategoricalDtype(["branco", "tinto"])
    doce = pd.CategoricalDtype(["doce", "meio-seco", "seco"])

    def typed(X: pd.DataFrame) -> pd.DataFrame:
        return X.assign(cor=X["cor"].astype(cor), doçura=X["doçura"].astype(doce))

    return Data(typed(data.X), data.y, typed(data.held_out))


def wine_qualities() -> Data:
    rows = _wine_rows()
    quality = rows["quality"].clip(5, 7).map({5: "ruim", 6: "médio", 7: "bom"})
    return _split(rows.drop(columns=["quality", "color"]), quality, 1500)


def wine_targets() -> Data:
    rows = _wine_rows()
    names = ["alcohol", "quality"]
    return _split(rows.drop(columns=[*names, "color"]), rows[names], 1500)  # type: ignore[arg-type]


def wine_reviews() -> Data:
    """Short texts in Portuguese, put together from the measures of real wines."""
    rows = _wine_rows()
    sabor = np.where(rows["residual sugar"] > 5, "adocicado, com açúcar à vista", "seco — sem açúcar")
    corpo = np.where(rows["alcohol"] > 11, "Encorpado; ÁLCOOL marcante!", "leve e fácil de beber")
    acidez = np.where(rows["pH"] < 3.2, "acidez vibrante, não enjoa", "acidez macia (até demais)")
    nota = [
        f"{a} {b}. {c}: {quality:.1f}º" for a, b, c, quality in zip(sabor, corpo, acidez, rows["alcohol"], strict=True)
    ]
    data = _split(pd.DataFrame({"avaliação": nota}), (rows["quality"] < 7).astype(int), 1200)
    return Data(data.X["avaliação"], data.y, data.held_out["avaliação"].iloc[:1000])


class Ratio(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """A transformer of one's own, which nobody else can know."""

    def fit(self, X: Any, y: Any = None) -> Ratio:
        self.n_features_in_ = np.shape(X)[1]
        return self

    def transform(self, X: Any) -> Any:
        X = np.asarray(X, np.float64)
        return np.column_stack([X, X[:, 0] / (1 + np.abs(X[:, 1]))])


def densities(X: Any) -> Any:
    return np.clip(np.asarray(X, np.float64), 0, 300) ** 0.25


def mixed(model: Any) -> Any:
    numbers = make_pipeline(SimpleImputer(strategy="median"), StandardScaler())
    texts = OneHotEncoder(handle_unknown="ignore")
    prepared = ColumnTransformer(
        [("n", numbers, ["alcohol", "pH", "density", "citric acid", "sulphates"]), ("t", texts, ["cor", "doçura"])]
    )
    return make_pipeline(prepared, model)


def scaled(model: Any) -> Any:
    return make_pipeline(StandardScaler(), model)


def small_forest() -> Any:
    return RandomForestClassifier(12, max_depth=8, random_state=0)


MODELS: dict[str, tuple[Callable[[], Any], Callable[[], Data]]] = {
    "scaler-histgradientboosting": (
        lambda: scaled(HistGradientBoostingClassifier(max_iter=30, random_state=0)),
        lambda: wine(3000),
    ),
    "scaler-lightgbm": (lambda: scaled(LGBMClassifier(n_estimators=40, n_jobs=1, verbose=-1)), lambda: wine(3000)),
    "columns-lightgbm": (lambda: mixed(LGBMClassifier(n_estimators=25, n_jobs=1, verbose=-1)), wine_with_categories),
    "columns-randomforest": (lambda: mixed(small_forest()), wine_with_categories),
    "columns-logisticregression": (lambda: mixed(LogisticRegression(max_iter=500)), wine_with_categories),
    "histgradientboosting-categories-missing": (
        lambda: HistGradientBoostingClassifier(max_iter=15, categorical_features="from_dtype", random_state=0),
        wine_by_dtype,
    ),
    "randomforest-missing": (small_forest, wine_with_gaps),
    "xgboost-missing": (lambda: XGBClassifier(n_estimators=40, max_depth=5, n_jobs=1), wine_with_gaps),
    "tunedthreshold": (
        lambda: TunedThresholdClassifierCV(scaled(LogisticRegression()), cv=3, scoring="balanced_accuracy"),
        wine,
    ),
    "calibrated": (lambda: CalibratedClassifierCV(small_forest(), method="isotonic", cv=2), wine),
    "stacking": (
        lambda: StackingClassifier(
            [("tree", ExtraTreesClassifier(10, max_depth=6, random_state=0)), ("lr", scaled(LogisticRegression()))],
            cv=2,
        ),
        wine,
    ),
    "voting-soft": (
        lambda: VotingClassifier([("rf", small_forest()), ("lr", scaled(LogisticRegression()))], voting="soft"),
        wine,
    ),
    "knn": (lambda: scaled(KNeighborsClassifier(7)), lambda: wine(400)),
    "svc": (lambda: scaled(SVC()), lambda: wine(600)),
    "mlp": (lambda: scaled(MLPClassifier((16,), max_iter=300, early_stopping=True, random_state=0)), wine),
    "gradientboosting": (lambda: GradientBoostingClassifier(n_estimators=40, random_state=0), wine),
    "extratrees": (lambda: ExtraTreesClassifier(20, max_depth=9, random_state=0), wine),
    "isolationforest": (lambda: IsolationForest(n_estimators=30, random_state=0), wine),
    "kmeans": (lambda: scaled(KMeans(4, n_init=2, random_state=0)), wine),
    "tfidf-portuguese": (
        lambda: make_pipeline(TfidfVectorizer(ngram_range=(1, 2), strip_accents="unicode"), LogisticRegression()),
        wine_reviews,
    ),
    "powertransformer": (lambda: make_pipeline(PowerTransformer(), LogisticRegression(max_iter=500)), wine),
    "quantiletransformer": (
        lambda: make_pipeline(QuantileTransformer(n_quantiles=200, random_state=0), LogisticRegression()),
        wine,
    ),
    "functiontransformer": (
        lambda: make_pipeline(FunctionTransformer(densities), StandardScaler(), LogisticRegression()),
        wine,
    ),
    "transformer-of-ones-own": (lambda: make_pipeline(Ratio(), scaled(LogisticRegression())), wine),
    "multiclass": (lambda: scaled(LogisticRegression(max_iter=300)), wine_qualities),
    "multioutput-regression": (LinearRegression, wine_targets),
    "gridsearch": (
        lambda: GridSearchCV(
            RandomForestClassifier(10, random_state=0), {"max_depth": [3, 6]}, cv=2, scoring="balanced_accuracy"
        ),
        wine,
    ),
}

#: What is code cannot be data: these two need the Python engine, and only these.
PYTHON = {"functiontransformer", "transformer-of-ones-own"}


#: Each of these is put together of parts that others have too, or is lowered alone in the unit tests. They have their
#: turn in ``make accept``.
LONG = {
    *(
        "columns-lightgbm",
        "columns-randomforest",
        "scaler-histgradientboosting",
        "scaler-lightgbm",
        "randomforest-missing",
        "transformer-of-ones-own",
        "calibrated",
        "stacking",
        "voting-soft",
        "knn",
        "svc",
        "mlp",
        "gradientboosting",
        "extratrees",
    ),
    *("kmeans", "multiclass", "multioutput-regression", "tunedthreshold"),
    *("isolationforest", "powertransformer", "quantiletransformer", "functiontransformer", "gridsearch"),
}


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=shortened if name in LONG else (), id=name) for name in MODELS]
)
def test_held_out_rows_come_out_right(
    name: str, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    make, read = MODELS[name]
    data = read()
    model = make().fit(data.X, data.y)
    packed = garcom.pack(model, data.X, data.y, name=name, out=tmp_path)
    winners = [report.name for report in packed.proof.winners]
    record_property("engines", winners)
    print(f"{name}: {', '.join(winners)}")
    assert (winners == ["python"]) == (name in PYTHON), packed.proof
    assert packed.proof.on_real_rows

    frame = data.held_out.to_frame() if isinstance(data.held_out, pd.Series) else data.held_out
    rows = to_batch(frame.reset_index(drop=True), packed.signature)
    expected = bind(read_model(model), packed.signature).run(rows)
    direct = model.predict(data.held_out)
    engine = packed.bundle.open_engine(allow_python=True)
    try:
        answers = engine.run(rows)
        alone = engine.run(rows.rows(slice(0, 1)))
        few = engine.run(rows.rows(slice(0, 32)))
    finally:
        engine.close()

    classes = packed.signature.output.classes
    if answers.labels is not None:
        assert [classes[label] for label in answers.labels] == direct.tolist()
    else:
        assert np.allclose(answers.values, direct, rtol=1e-9)  # type: ignore[arg-type]
    scale = spread(expected.values)
    assert not compare(expected, answers, scale).differs.any()
    assert not compare(expected.rows(slice(0, 1)), alone, scale).differs.any()
    assert not compare(expected.rows(slice(0, 32)), few, scale).differs.any()
