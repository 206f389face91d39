from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from garcom.errors import DataError, SignatureError
from garcom.model.corrections import parse_corrections
from garcom.model.frames import to_batch
from garcom.model.inference import infer_signature
from garcom.model.signature import FieldType, Signature
from garcom.model.sources import bind, read_model
from tests.unit.model.examples import answers, mixed_pipeline, people, wine


def types(signature: Signature) -> dict[str, str]:
    return {field.name: field.type.value for field in signature.fields}


def test_the_wine_service() -> None:
    frame = wine()
    target = (frame["quality"] < 7).astype(int)
    model = RandomForestClassifier(4, random_state=0).fit(frame.drop(columns="quality"), target)
    signature = infer_signature(read_model(model), frame, target="quality", labels={"0": "bom", "1": "ruim"})
    assert signature.names == tuple(frame.columns.drop("quality"))
    assert types(signature)["color"] == "integer"
    assert types(signature)["fixed acidity"] == "float"
    assert signature.output.labels == ("bom", "ruim")
    assert signature.fields[0].minimum == frame["fixed acidity"].min()
    assert signature.fields[0].maximum == frame["fixed acidity"].max()
    assert signature.example == frame.drop(columns="quality").iloc[0].to_dict()
    outputs = bind(read_model(model), signature).run(to_batch(frame, signature))
    np.testing.assert_array_equal(outputs.labels, model.predict(frame.drop(columns="quality")))


def test_columns_in_any_order_and_more_than_needed() -> None:
    frame = people()
    model = mixed_pipeline().fit(frame, answers(frame))
    shuffled = frame[["filhos", "idade", "região", "renda média"]].assign(cliente=range(len(frame)))
    signature = infer_signature(read_model(model), shuffled)
    assert signature.names == tuple(frame.columns)
    filhos = signature.fields[2]
    assert (filhos.required, filhos.nullable, filhos.description) == (False, True, "Not used by the model.")


def test_a_column_that_the_model_drops_need_not_come() -> None:
    frame = people()
    model = mixed_pipeline().fit(frame, answers(frame))
    less = frame.drop(columns="filhos")
    signature = infer_signature(read_model(model), less)
    assert signature.example["filhos"] is None
    outputs = bind(read_model(model), signature).run(to_batch(less, signature))
    np.testing.assert_array_equal(outputs.probabilities, model.predict_proba(frame))


class Anything(BaseEstimator):  # type: ignore[misc]
    """Reads whatever frame comes and refuses missing values in ``n``."""

    def __init__(self, refuse: str = "") -> None:
        self.refuse = refuse

    def predict(self, X: Any) -> Any:
        if self.refuse and X[self.refuse].isna().any():
            raise ValueError("missing")
        return np.zeros(len(X))


def test_types_come_from_the_data_where_the_model_does_not_tell() -> None:
    frame = pd.DataFrame(
        {
            "inteiro": [1, 2, 3],
            "com lacuna": pd.array([1, None, 3], dtype="Int64"),
            "decimal": [1.0, 2.0, np.nan],
            "lógico": [True, False, True],
            "lógico com lacuna": pd.Series([True, None, False], dtype=object),
            "texto": ["a", "b", None],
            "quando": pd.to_datetime(["2024-01-01", "2024-01-02", "2024-01-03"]),
            "cor": pd.Categorical(["b", "a", "b"], categories=["b", "a", "c"]),
            "nível": pd.Categorical([2, 1, 2]),
        }
    )
    signature = infer_signature(read_model(Anything()), frame)
    assert types(signature) == {
        "inteiro": "integer",
        "com lacuna": "integer",
        "decimal": "float",
        "lógico": "boolean",
        "lógico com lacuna": "boolean",
        "texto": "string",
        "quando": "datetime",
        "cor": "category",
        "nível": "category",
    }
    nullable = {field.name for field in signature.fields if field.nullable}
    assert nullable == {"com lacuna", "decimal", "lógico com lacuna", "texto"}
    fields = {field.name: field for field in signature.fields}
    assert fields["cor"].categories == ("b", "a", "c")
    assert fields["nível"].categories == (1, 2)
    assert fields["quando"].minimum == pd.Timestamp("2024-01-01").value / 1000
    assert signature.example["quando"] == "2024-01-01T00:00:00Z"
    assert signature.example["cor"] == "b"
    assert signature.example["com lacuna"] == 1


def test_a_field_is_not_nullable_where_the_model_fails_on_a_gap() -> None:
    frame = pd.DataFrame({"n": [1.0, np.nan], "m": [np.nan, 2.0], "k": [1.0, 2.0]})
    complete = frame.assign(n=[1.0, 2.0], m=[1.0, 2.0])
    both = pd.concat([complete, frame], ignore_index=True)
    signature = infer_signature(read_model(Anything(refuse="n")), both)
    assert [field.nullable for field in signature.fields] == [False, True, False]
    with pytest.raises(DataError, match="Column 'n', row 4"):
        to_batch(both, signature)
    by_hand = parse_corrections({"fields": {"n": {"nullable": True}}})
    assert infer_signature(read_model(Anything(refuse="n")), both, corrections=by_hand).fields[0].nullable


def test_numbers_written_as_text_are_numbers() -> None:
    frame = pd.DataFrame({"a": ["1", "2", "3"], "b": ["1.5", "2", None]})
    model = HistGradientBoostingClassifier(max_iter=2).fit(np.ones((20, 2)) * np.arange(20)[:, None], [0, 1] * 10)
    assert types(infer_signature(read_model(model), frame)) == {"a": "integer", "b": "float"}


def test_text_where_the_model_takes_numbers_is_shown() -> None:
    frame = people(gaps=False)[["renda média", "idade"]]
    model = LogisticRegression().fit(StandardScaler().fit_transform(frame), answers(frame.assign(região="norte")))
    wrong = frame.astype(object)
    wrong.loc[2, "idade"] = "quarenta"
    with pytest.raises(DataError, match="column 'idade', and row 3 of the data has 'quarenta'"):
        infer_signature(read_model(model), wrong)
    dated = frame.assign(idade=pd.Timestamp("2024-01-01"))
    with pytest.raises(DataError, match="dates and times"):
        infer_signature(read_model(model), dated)


def test_codes_that_an_encoder_knows_as_texts() -> None:
    codes = pd.DataFrame({"código": ["10", "20", "30"] * 4})
    model = make_pipeline(OneHotEncoder(), LogisticRegression()).fit(codes, [0, 1, 0] * 4)
    read_from_csv = codes.astype({"código": int})
    signature = infer_signature(read_model(model), read_from_csv)
    assert signature.fields[0].categories == ("10", "20", "30")
    outputs = bind(read_model(model), signature).run(to_batch(read_from_csv, signature))
    np.testing.assert_array_equal(outputs.probabilities, model.predict_proba(codes))


def test_free_text_beside_numbers() -> None:
    frame = pd.DataFrame({"nota": [1.0, 2, 3, 4], "comentário": ["bom", "muito bom", "ruim", "péssimo"]})
    columns = ColumnTransformer([("t", TfidfVectorizer(), "comentário"), ("n", StandardScaler(), ["nota"])])
    model = make_pipeline(columns, LogisticRegression()).fit(frame, [1, 1, 0, 0])
    assert types(infer_signature(read_model(model), frame)) == {"nota": "float", "comentário": "string"}
    assert types(infer_signature(read_model(model), None)) == {"nota": "float", "comentário": "string"}


def test_without_data_only_the_model_speaks() -> None:
    model = LinearRegression().fit(np.ones((5, 3)) * np.arange(5)[:, None], np.arange(5))
    signature = infer_signature(read_model(model), None)
    assert signature.names == ("x0", "x1", "x2")
    assert signature.example == {"x0": 0.0, "x1": 0.0, "x2": 0.0}
    assert signature.fields[0].minimum is None
    texts = make_pipeline(TfidfVectorizer(), LogisticRegression()).fit(["um vinho", "dois vinhos"], [0, 1])
    assert types(infer_signature(read_model(texts), None)) == {"text": "string"}
    with pytest.raises(SignatureError, match="--data"):
        infer_signature(read_model(Anything()), None)


def test_the_target_names_the_value_of_a_regression() -> None:
    frame = people(gaps=False)[["idade", "filhos", "renda média"]]
    X = frame[["idade", "filhos"]]
    loaded = read_model(LinearRegression().fit(X, frame["renda média"]))
    assert infer_signature(loaded, frame, target="renda média").output.names == ("renda média",)
    assert infer_signature(loaded, frame).output.names == ("value",)
    both = read_model(LinearRegression().fit(X[["idade"]], frame[["renda média", "filhos"]]))
    assert infer_signature(both, frame).output.names == ("y0", "y1")
    assert infer_signature(both, frame, target=["renda média", "filhos"]).output.names == ("renda média", "filhos")


@pytest.mark.parametrize(
    ("change", "target", "says"),
    [
        (lambda f: f, "Idad", "target 'Idad' is not a column.*Did you mean 'idade'"),
        (lambda f: f.rename(columns={"idade": "Idáde"}), None, "needs a column 'idade'.*Did you mean 'Idáde'"),
        (lambda f: f.iloc[:0], None, "the data have none"),
        (lambda f: f, "idade", "needs a column 'idade'"),
    ],
)
def test_data_that_do_not_fit_the_model(change: Any, target: str | None, says: str) -> None:
    frame = people()
    model = mixed_pipeline().fit(frame, answers(frame))
    with pytest.raises(DataError, match=says):
        infer_signature(read_model(model), change(frame), target=target)


def test_a_model_without_names_needs_the_right_number_of_columns() -> None:
    frame = people(gaps=False)[["renda média", "filhos", "idade"]]
    model = LinearRegression().fit(frame[["renda média", "filhos"]].to_numpy(), frame["idade"])
    assert infer_signature(read_model(model), frame, target="idade").names == ("renda média", "filhos")
    with pytest.raises(DataError, match=r"takes 2 columns.*data have 3.*--target"):
        infer_signature(read_model(model), frame)
    with pytest.raises(DataError, match="Give the columns that it was trained on"):
        infer_signature(read_model(model), frame[["idade"]])


def test_texts_need_one_column_of_texts() -> None:
    model = make_pipeline(TfidfVectorizer(), LogisticRegression()).fit(["um vinho", "dois vinhos"], [0, 1])
    frame = pd.DataFrame({"id": [1, 2], "comentário": ["um", "dois"], "resposta": ["sim", "não"]})
    assert infer_signature(read_model(model), frame, target="resposta").names == ("comentário",)
    with pytest.raises(DataError, match=r"\['comentário', 'resposta'\]"):
        infer_signature(read_model(model), frame)


def test_a_model_that_fails_on_the_data_says_so() -> None:
    class Fails(Anything):
        def predict(self, X: Any) -> Any:
            raise KeyError("idade em meses")

    with pytest.raises(DataError, match=r"idade em meses.*first complete row"):
        infer_signature(read_model(Fails()), pd.DataFrame({"a": [1.0]}))


def test_datetimes_by_hand() -> None:
    class Months(Anything):
        def predict(self, X: Any) -> Any:
            return X["quando"].dt.month.to_numpy(dtype=float)

    frame = pd.DataFrame({"quando": ["2024-03-01", "2024-12-24"]})
    with pytest.raises(DataError, match="AttributeError"):
        infer_signature(read_model(Months()), frame)
    by_hand = parse_corrections({"fields": {"quando": {"type": "datetime"}}})
    signature = infer_signature(read_model(Months()), frame, corrections=by_hand)
    assert signature.fields[0].type is FieldType.DATETIME
    assert signature.example == {"quando": "2024-03-01T00:00:00Z"}
    outputs = bind(read_model(Months()), signature).run(to_batch(frame, signature))
    assert outputs.values is not None
    assert outputs.values.tolist() == [[3], [12]]
