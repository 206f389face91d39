"""Nothing of the people in the training data stands in a bundle, but what the model itself was built for."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pandas as pd
import pytest
from rich.console import Console
from sklearn.compose import ColumnTransformer
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

import garcom
from garcom.cli.describe import tell_bundle
from garcom.errors import SignatureError
from garcom.http.openapi import field_schema
from garcom.model.bundle import read_bundle
from garcom.model.corrections import Corrections, parse_corrections
from garcom.model.inference import infer_signature
from garcom.model.reference import Reference
from garcom.model.signature import Field, FieldType, Signature
from garcom.model.sources import read_model
from tests.unit.model.examples import answers, mixed_pipeline, people

PERSONAL = """
[fields.nome]
pii = "mask"
[fields.cpf]
pii = "hash"
[fields.idade]
pii = "drop"
[fields.cidade]
pii = "hash"
"""


def customers() -> pd.DataFrame:
    random = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "nome": [f"Zuleica Planted{at}" for at in range(60)],
            "cpf": 70_010_000_000.0 + np.arange(60) * 1_000_003,
            "idade": 41.78125 + random.integers(0, 40, 60) * 1.03125,
            "renda": random.normal(3000, 900, 60),
            "cidade": random.choice(["Olinda", "Recife"], 60),
        }
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("personal")
    frame = customers()
    pipeline = make_pipeline(
        ColumnTransformer(
            [
                ("numbers", StandardScaler(), ["cpf", "idade", "renda"]),
                ("texts", OneHotEncoder(handle_unknown="ignore"), ["cidade"]),
            ]
        ),
        LogisticRegression(),
    ).fit(frame, frame["renda"] > 3000)
    (place / "corrections.toml").write_text(PERSONAL, encoding="utf-8")
    return garcom.pack(pipeline, frame, name="clients", signature=place / "corrections.toml", out=place).path


def test_no_value_of_a_personal_field_is_in_the_bundle(folder: Path) -> None:
    everything = b"".join(path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file())
    assert b"Zuleica" not in everything
    assert b"Planted" not in everything
    for column in ("cpf", "idade"):
        for value in customers()[column]:
            for form in (repr(value), repr(value).removesuffix(".0"), f"{value:g}"):
                assert len(form) < 4 or form.encode() not in everything, (column, form)
    assert b"Recife" in everything, "the categories are the model's own"


def test_what_is_kept_of_a_personal_field(folder: Path) -> None:
    bundle = read_bundle(folder)
    fields = {field.name: field for field in bundle.signature.fields}
    assert {name: field.pii for name, field in fields.items()} == {
        "nome": "mask",
        "cpf": "hash",
        "idade": "drop",
        "renda": "keep",
        "cidade": "hash",
    }
    assert (fields["idade"].minimum, fields["idade"].maximum) == (None, None)
    assert fields["renda"].minimum is not None
    assert fields["cidade"].categories == ("Olinda", "Recife")
    example = bundle.signature.example
    assert (example["nome"], example["cpf"], example["idade"], example["cidade"]) == (None, 0.0, 0.0, "Olinda")
    assert example["renda"] == customers()["renda"][0]
    reference = json.loads(bundle.read("reference.json"))
    for field in ("cpf", "idade"):
        profile = reference["numbers"][field]
        assert (profile["count"], profile["mean"], profile["edges"], profile["counts"]) == (60, None, [], [])
    assert (reference["texts"]["cidade"]["count"], reference["texts"]["cidade"]["counts"]) == (60, {})
    assert reference["numbers"]["renda"]["counts"]


def test_people_are_told_what_is_written_down(folder: Path) -> None:
    bundle = read_bundle(folder)
    console = Console(width=150)
    with console.capture() as captured:
        tell_bundle(console, bundle)
    table = captured.get()
    assert "Written down" in table
    assert "as a hash" in next(line for line in table.splitlines() if line.startswith("cpf"))
    assert "never" in next(line for line in table.splitlines() if line.startswith("idade"))
    assert "| idade | float |  |  | no |  | never |" in bundle.read("MODEL_CARD.md").decode()
    assert field_schema(bundle.signature.fields[1])["description"] == "Written down: as a hash."


def test_a_field_without_pii_is_kept_as_in_old_bundles() -> None:
    field = Field(name="x", type=FieldType.FLOAT)
    assert field.pii == "keep"
    assert b"pii" not in msgspec.json.encode(field)
    assert msgspec.json.decode(b'{"name":"x","type":"float"}', type=Field) == field
    old = b'{"rows":2,"texts":{"x":{"count":2,"missing":0,"distinct":1,"counts":{"a":2}}}}'
    assert msgspec.json.decode(old, type=Reference).texts["x"].distinct == 1


def inferred(corrections: dict[str, Any]) -> Signature:
    frame = people()
    return infer_signature(
        read_model(mixed_pipeline().fit(frame, answers(frame))),
        frame,
        corrections=parse_corrections(corrections),
    )


def test_what_a_person_writes_by_hand_stays() -> None:
    signature = inferred({"fields": {"idade": {"pii": "hash", "minimum": 18.0}}, "example": {"idade": 33.0}})
    idade = next(field for field in signature.fields if field.name == "idade")
    assert (idade.minimum, idade.maximum, signature.example["idade"]) == (18.0, None, 33.0)


def test_a_placeholder_that_the_model_refuses_is_replaced_by_null_or_asked_for() -> None:
    frame = pd.DataFrame({"code": ["10", None, "12"] * 10, "x": np.arange(30.0)})
    strict = ColumnTransformer(
        [
            ("codes", make_pipeline(SimpleImputer(strategy="most_frequent"), OneHotEncoder()), ["code"]),
            ("x", StandardScaler(), ["x"]),
        ]
    )
    model = read_model(make_pipeline(strict, LinearRegression()).fit(frame, frame["x"]))
    as_text = {"fields": {"code": {"pii": "mask", "type": "string"}}}
    signature = infer_signature(model, frame, corrections=parse_corrections(as_text))
    assert signature.example["code"] is None
    whole = frame.dropna()
    model = read_model(make_pipeline(OneHotEncoder(), LinearRegression()).fit(whole[["code"]], whole["x"]))
    with pytest.raises(SignatureError, match=r"refuses \{'code': 'text'\}\. Write made-up values"):
        infer_signature(model, whole[["code"]], corrections=parse_corrections(as_text))


def test_texts_are_placeholders_too() -> None:
    frame = pd.DataFrame({"text": ["Zuleica gosta", "Ana odeia"] * 10})
    model = read_model(make_pipeline(TfidfVectorizer(), LogisticRegression()).fit(frame["text"], [1, 0] * 10))
    corrections = parse_corrections({"fields": {"text": {"pii": "drop"}}})
    assert infer_signature(model, frame, corrections=corrections).example == {"text": "text"}
    assert infer_signature(model, frame, corrections=Corrections()).example == {"text": "Zuleica gosta"}


def test_an_unknown_way_is_refused() -> None:
    with pytest.raises(SignatureError, match=r"fields\.nome\.pii .*: expected drop, hash, keep or mask, got \"erase\""):
        parse_corrections({"fields": {"nome": {"pii": "erase"}}})
