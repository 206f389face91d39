from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.decomposition import TruncatedSVD
from sklearn.ensemble import RandomForestClassifier
from sklearn.feature_extraction.text import CountVectorizer, TfidfTransformer, TfidfVectorizer
from sklearn.linear_model import LogisticRegression, SGDClassifier
from sklearn.naive_bayes import ComplementNB, MultinomialNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from garcom.errors import EngineError
from garcom.model.lowering import NotLowerable
from tests.unit.model.lowering.compare import assert_same, lowered

GOOD = [
    "Atendimento ótimo, recomendo!", "Comida excelente e entrega rápida", "Adorei: voltarei com a família",
    "O garçom foi muito simpático", "AÇAÍ maravilhoso, porção generosa", "Preço justo; qualidade incrível",
]  # fmt: skip
BAD = [
    "Péssimo serviço, não recomendo", "A comida chegou fria e atrasada", "Nunca mais volto; decepção total",
    "Garçom mal-educado e conta errada", "Açaí azedo, porção mínima", "Caro demais para tão pouca qualidade",
]  # fmt: skip
ODD = [
    "",
    "   ",
    "não",
    "É",
    "ﬁm ½ ① Ω",
    "AÇÃO ação AÇÃO",
    "a a a a",
    "x  y\n\nz\tw",
    "co\u0301pia",
    "🍕 pizza 🍕",
    "İstanbul",
]


def frames() -> tuple[pd.DataFrame, Any, pd.DataFrame]:
    texts = GOOD * 3 + BAD * 3
    y = np.array(["bom"] * len(GOOD) * 3 + ["ruim"] * len(BAD) * 3)
    random = np.random.default_rng(0)
    mixed = [" ".join(random.permutation(text.split())) for text in texts]
    return pd.DataFrame({"crítica": mixed}), y, pd.DataFrame({"crítica": GOOD + BAD + ODD})


VECTORIZERS = [
    TfidfVectorizer(),
    TfidfVectorizer(strip_accents="unicode", ngram_range=(1, 2)),
    TfidfVectorizer(strip_accents="ascii", lowercase=False, ngram_range=(2, 3)),
    TfidfVectorizer(stop_words=["a", "o", "de", "não"], sublinear_tf=True),
    TfidfVectorizer(stop_words="english", norm="l1", use_idf=False),
    TfidfVectorizer(analyzer="char", ngram_range=(1, 3), max_features=100),
    TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 5), norm=None),
    TfidfVectorizer(token_pattern=r"(\w)\w*", smooth_idf=False),
    CountVectorizer(),
    CountVectorizer(binary=True, min_df=2),
    make_pipeline(CountVectorizer(), TfidfTransformer(sublinear_tf=True)),
]


@pytest.mark.parametrize("vectorizer", VECTORIZERS, ids=repr)
def test_vectorizers(vectorizer: Any) -> None:
    X, y, X_test = frames()
    model = make_pipeline(vectorizer, LogisticRegression()).fit(X["crítica"], y)
    assert_same(model, X_test, rows=X_test["crítica"])


@pytest.mark.parametrize(
    "estimator",
    [
        MultinomialNB(),
        ComplementNB(),
        SGDClassifier(loss="log_loss", random_state=0),
        make_pipeline(TruncatedSVD(5, random_state=0), LogisticRegression()),
        make_pipeline(StandardScaler(with_mean=False), LogisticRegression()),
        RandomForestClassifier(5, random_state=0),
    ],
    ids=repr,
)
def test_what_follows_a_vectorizer(estimator: Any) -> None:
    X, y, X_test = frames()
    model = make_pipeline(TfidfVectorizer(), estimator).fit(X["crítica"], y)
    assert_same(model, X_test, rows=X_test["crítica"])


def test_texts_beside_numbers() -> None:
    X, y, X_test = frames()
    random = np.random.default_rng(1)
    X, X_test = (
        part.assign(nota=random.normal(size=len(part)), título=part["crítica"].str[:9]) for part in (X, X_test)
    )
    model = make_pipeline(
        ColumnTransformer(
            [("a", TfidfVectorizer(), "crítica"), ("n", StandardScaler(), ["nota"]), ("b", CountVectorizer(), "título")]
        ),
        LogisticRegression(),
    )
    assert_same(model.fit(X, y), X_test)


def test_missing_text() -> None:
    X, y, X_test = frames()
    model = make_pipeline(TfidfVectorizer(), LogisticRegression()).fit(X["crítica"], y)
    pair = lowered(model, X_test, "classification")
    X_test.loc[1, "crítica"] = None
    with pytest.raises(EngineError, match="crítica") as caught:
        pair.run(X_test)
    assert caught.value.row == 1


def test_own_tokenizer_is_refused() -> None:
    X, y, X_test = frames()
    model = make_pipeline(TfidfVectorizer(tokenizer=str.split, token_pattern=None), LogisticRegression())
    with pytest.raises(NotLowerable, match="tokenizer"):
        lowered(model.fit(X["crítica"], y), X_test, "classification")
