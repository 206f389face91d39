"""Whatever is bound answers exactly as the model's own predict, predict_proba and decision_function."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin, TransformerMixin
from sklearn.calibration import CalibratedClassifierCV
from sklearn.cluster import KMeans
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor
from sklearn.decomposition import PCA
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    IsolationForest,
    RandomForestClassifier,
    StackingClassifier,
    VotingClassifier,
)
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.linear_model import LinearRegression, LogisticRegression, SGDClassifier
from sklearn.mixture import GaussianMixture
from sklearn.model_selection import GridSearchCV, TunedThresholdClassifierCV
from sklearn.multioutput import MultiOutputRegressor
from sklearn.neighbors import KNeighborsRegressor
from sklearn.pipeline import FeatureUnion, Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, OrdinalEncoder, StandardScaler
from sklearn.svm import SVC

from garcom.errors import EngineError, SignatureError
from garcom.model.frames import to_batch
from garcom.model.inference import infer_signature
from garcom.model.signature import Signature
from garcom.model.sources import bind, read_model
from garcom.model.sources.answers import ClassIndex
from garcom.records import Batch, Outputs
from tests.unit.model.examples import answers, mixed_pipeline, people

TEXTS = ["vinho bom", "vinho ruim", "péssimo", "ótimo vinho", "não gostei", "gostei muito"] * 5


class ByName(BaseEstimator, TransformerMixin):  # type: ignore[misc]
    """Needs a DataFrame, and keeps no names."""

    def fit(self, X: Any, y: Any = None) -> ByName:
        return self

    def transform(self, X: Any) -> Any:
        return np.column_stack([X["renda média"], X["região"] == "sul"])


class ByPosition(ByName):
    """Needs a matrix."""

    def transform(self, X: Any) -> Any:
        return X[:, :2] ** 2


class NoBase:
    """The interface, and nothing of scikit-learn."""

    classes_ = np.array(["b", "a"])

    def predict(self, X: Any) -> Any:
        return np.where(np.asarray(X)[:, 0] > 3000, "a", "b")


def numbers(**options: Any) -> pd.DataFrame:
    return people(gaps=False)[["renda média", "idade"]]


def gaps() -> pd.DataFrame:
    return people()[["renda média", "idade"]]


def categorical() -> pd.DataFrame:
    return people().assign(região=lambda frame: frame["região"].astype("category"))


def matrix() -> pd.DataFrame:
    return pd.DataFrame(numbers().to_numpy())


def texts() -> pd.DataFrame:
    return pd.DataFrame({"comentário": TEXTS})


def objects() -> pd.DataFrame:
    return people(gaps=False)[["região", "idade"]]


def yes(frame: pd.DataFrame) -> Any:
    if "renda média" in frame:
        return np.where((frame["renda média"] > 3000) & (frame.get("região", "") != "sul"), "sim", "não")
    return np.arange(len(frame)) % 2 == 0


def truth(frame: pd.DataFrame) -> Any:
    return yes(frame) == "sim"


def two(frame: pd.DataFrame) -> Any:
    values = frame.iloc[:, 0].to_numpy()
    return np.column_stack([values * 2, np.sqrt(np.abs(values))])


def one(frame: pd.DataFrame) -> Any:
    return two(frame)[:, 1]


def thirds(frame: pd.DataFrame) -> Any:
    return np.arange(len(frame)) % 3 * 1.0


def forest(**options: Any) -> RandomForestClassifier:
    return RandomForestClassifier(n_estimators=4, random_state=0, **options)


def lr() -> Any:
    return make_pipeline(StandardScaler(), LogisticRegression())


def xgb(kind: str, **options: Any) -> Any:
    import xgboost

    return getattr(xgboost, kind)(n_estimators=3, n_jobs=1, **options)


def lgbm(kind: str) -> Any:
    import lightgbm

    return getattr(lightgbm, kind)(n_estimators=3, n_jobs=1, verbose=-1, min_child_samples=2)


Frame = Callable[[], pd.DataFrame]
CASES: dict[str, tuple[Callable[[], Any], Frame, Callable[[pd.DataFrame], Any] | None]] = {
    "mixed pipeline": (mixed_pipeline, people, answers),
    "grid search": (lambda: GridSearchCV(mixed_pipeline(), {"logisticregression__C": [1.0]}, cv=2), people, answers),
    "calibrated": (lambda: CalibratedClassifierCV(mixed_pipeline(), cv=2), people, answers),
    "tuned threshold": (lambda: TunedThresholdClassifierCV(lr(), cv=2), numbers, truth),
    "stacking": (lambda: StackingClassifier([("a", lr()), ("b", forest())], cv=2), numbers, yes),
    "soft voting": (lambda: VotingClassifier([("a", mixed_pipeline())], voting="soft"), people, answers),
    "hard voting": (lambda: VotingClassifier([("a", lr()), ("b", forest())]), numbers, yes),
    "forest with gaps": (forest, gaps, yes),
    "forest on a matrix": (forest, matrix, thirds),
    "histogram from_dtype": (
        lambda: HistGradientBoostingClassifier(max_iter=3, categorical_features="from_dtype"),
        categorical,
        answers,
    ),
    "svc without probabilities": (SVC, numbers, truth),
    "sgd": (lambda: make_pipeline(StandardScaler(), SGDClassifier(random_state=0)), numbers, yes),
    "texts": (lambda: make_pipeline(TfidfVectorizer(), LogisticRegression()), texts, yes),
    "texts, two vectorizers": (
        lambda: make_pipeline(FeatureUnion([("a", TfidfVectorizer()), ("b", CountVectorizer())]), LogisticRegression()),
        texts,
        yes,
    ),
    "text column": (
        lambda: make_pipeline(ColumnTransformer([("t", TfidfVectorizer(), "comentário")]), LogisticRegression()),
        texts,
        yes,
    ),
    "custom on a frame": (lambda: Pipeline([("own", ByName()), ("lr", lr())]), people, answers),
    "custom on a matrix": (lambda: Pipeline([("own", ByPosition()), ("lr", lr())]), matrix, thirds),
    "function": (lambda: make_pipeline(FunctionTransformer(np.log1p), lr()), numbers, yes),
    "no base class": (NoBase, numbers, None),
    "texts in a matrix": (
        lambda: make_pipeline(ColumnTransformer([("c", OneHotEncoder(), [0])], remainder="passthrough"), lr()),
        lambda: pd.DataFrame(objects().to_numpy()),
        thirds,
    ),
    "ordinal encoder with gaps": (
        lambda: make_pipeline(OrdinalEncoder(encoded_missing_value=-1), forest()),
        lambda: people()[["região"]],
        yes,
    ),
    "kmeans": (lambda: make_pipeline(PCA(1), KMeans(3, n_init=1, random_state=0)), numbers, None),
    "mixture": (lambda: GaussianMixture(2, random_state=0), numbers, None),
    "isolation forest": (lambda: IsolationForest(n_estimators=4, random_state=0), numbers, None),
    "linear": (LinearRegression, numbers, one),
    "two targets": (lambda: MultiOutputRegressor(LinearRegression()), numbers, two),
    "two targets, neighbours": (KNeighborsRegressor, numbers, two),
    "transformed target": (
        lambda: TransformedTargetRegressor(LinearRegression(), func=np.log, inverse_func=np.exp),
        numbers,
        one,
    ),
    "xgboost": (lambda: xgb("XGBClassifier"), gaps, truth),
    "xgboost categories": (lambda: xgb("XGBClassifier", enable_categorical=True), categorical, truth),
    "xgboost regression on a matrix": (lambda: xgb("XGBRegressor"), matrix, two),
    "xgboost in a pipeline": (lambda: make_pipeline(StandardScaler(), xgb("XGBClassifier")), numbers, truth),
    "lightgbm": (lambda: lgbm("LGBMClassifier"), gaps, yes),
    "lightgbm categories": (lambda: lgbm("LGBMClassifier"), categorical, answers),
    "lightgbm regression": (lambda: lgbm("LGBMRegressor"), matrix, one),
}


def same(outputs: Outputs, signature: Signature, model: Any, X: Any) -> None:
    predicted = np.asarray(model.predict(X))
    if signature.output.task == "regression":
        assert outputs.values is not None
        np.testing.assert_array_equal(outputs.values, predicted.reshape(len(predicted), -1).astype(np.float64))
        return
    assert outputs.labels is not None
    assert [signature.output.classes[at] for at in outputs.labels] == predicted.tolist()
    if signature.output.probabilities:
        assert outputs.probabilities is not None
        assert outputs.probabilities.dtype == np.float64
        np.testing.assert_array_equal(outputs.probabilities, np.asarray(model.predict_proba(X), dtype=np.float64))
    if signature.output.task == "outlier":
        assert outputs.values is not None
        np.testing.assert_array_equal(outputs.values[:, 0], model.decision_function(X))


@pytest.mark.parametrize("name", CASES)
def test_answers_are_those_of_the_original(name: str) -> None:
    make, rows, targets = CASES[name]
    frame = rows()
    # What the model gets in training: a frame, a matrix if it has no names, or texts alone.
    X: Any = frame if isinstance(frame.columns[0], str) else frame.to_numpy()
    X = frame["comentário"] if name.startswith("texts") and "comentário" in frame else X
    model = make()
    if hasattr(model, "fit"):
        model.fit(X, targets(frame)) if targets else model.fit(X)
    loaded = read_model(model)
    signature = infer_signature(loaded, frame)
    original = bind(loaded, signature)
    batch = to_batch(frame, signature)
    outputs = original.run(batch)
    same(outputs, signature, model, X)
    alone = original.run(batch.rows(slice(3, 4)))
    for whole, single in zip(outputs.rows(slice(3, 4)), alone, strict=True):
        assert (whole is None) == (single is None)
        if whole is not None and single is not None:
            np.testing.assert_allclose(whole, single, rtol=1e-12, atol=1e-12)


def test_an_unknown_class_is_an_engine_error() -> None:
    index = ClassIndex(("a", "b"))
    assert index(np.array([["b"], ["a"]])).tolist() == [1, 0]
    with pytest.raises(EngineError, match=r"predicted 'c'.*none of its classes"):
        index(["c"])
    with pytest.raises(EngineError, match="one label per row"):
        index(np.zeros((2, 2)))


class Broken(BaseEstimator, ClassifierMixin):  # type: ignore[misc]
    classes_ = np.array([0, 1])
    n_features_in_ = 1

    def predict(self, X: Any) -> Any:
        if np.asarray(X)[0, 0] > 1:
            raise ZeroDivisionError("não deu")
        return np.zeros(len(X) + 1, dtype=int)


def test_a_failing_model_is_an_engine_error_with_its_words() -> None:
    from garcom.model.signature import Field, FieldType

    signature = Signature(
        fields=(Field(name="x", type=FieldType.FLOAT),), output=read_model(Broken()).output, example={"x": 0.0}
    )
    original = bind(read_model(Broken()), signature)
    empty = np.empty((1, 0), dtype=object)
    with pytest.raises(EngineError, match=r"\(Broken\) failed: ZeroDivisionError: não deu"):
        original.run(Batch(np.array([[2.0]]), empty))
    with pytest.raises(EngineError, match=r"labels of shape \(1,\)"):
        original.run(Batch(np.array([[0.0]]), empty))


def test_a_signature_with_other_fields_is_refused() -> None:
    frame = numbers()
    loaded = read_model(LinearRegression().fit(frame, one(frame)))
    signature = infer_signature(loaded, frame)
    from msgspec.structs import replace

    with pytest.raises(SignatureError, match="takes 2 fields"):
        bind(loaded, replace(signature, fields=signature.fields[:1]))
    renamed = (signature.fields[0], replace(signature.fields[1], name="Idade"))
    with pytest.raises(SignatureError, match="Did you mean 'Idade'"):
        bind(loaded, replace(signature, fields=renamed))
