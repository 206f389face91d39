from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import garcom
from garcom.errors import DataError, InputError, PackError, ServedElsewhere
from garcom.model.bundle import read_bundle
from garcom.model.elsewhere import infer_answered
from garcom.model.proof import SERVED_ELSEWHERE
from garcom.model.signature import FieldType

RANDOM = np.random.default_rng(0)
N = 240
ROWS = pd.DataFrame(
    {"pH": RANDOM.normal(size=N), "cor": RANDOM.choice(["tinto", "branco"], N), "n": RANDOM.integers(0, 9, N)}
)
SHARE = 1 / (1 + np.exp(-ROWS["pH"]))
ANSWERED = ROWS.assign(
    said=np.where(SHARE > 0.5, "bom", "ruim"), probability_ruim=1 - SHARE, probability_bom=SHARE, truth="bom"
)


def test_rows_and_answers_tell_fields_and_classes() -> None:
    signature, outputs, kept = infer_answered(ANSWERED, ["said"], targets=["truth"])
    assert signature.names == ("pH", "cor", "n")
    assert [field.type for field in signature.fields] == [FieldType.FLOAT, FieldType.CATEGORY, FieldType.INTEGER]
    assert all(field.nullable and field.required for field in signature.fields)
    assert (signature.output.task, signature.output.classes) == ("classification", ("bom", "ruim"))
    assert signature.output.probabilities
    assert outputs.probabilities is not None
    assert outputs.labels is not None
    assert np.array_equal(outputs.probabilities[:, 0], SHARE.to_numpy())
    assert np.array_equal(outputs.labels == 0, (SHARE > 0.5).to_numpy())
    assert kept.all()


@pytest.mark.parametrize(
    ("answers", "task", "classes"),
    [
        pytest.param(RANDOM.normal(size=N), "regression", (), id="decimals"),
        pytest.param(np.arange(N), "regression", (), id="many whole numbers"),
        pytest.param(np.arange(N) % 3, "classification", (0, 1, 2), id="few whole numbers"),
        pytest.param((np.arange(N) % 3).astype(float), "classification", (0, 1, 2), id="few whole numbers as decimals"),
        pytest.param(np.arange(N) % 2 == 0, "classification", (False, True), id="truth values"),
        pytest.param(np.array(["a", "b"] * (N // 2)), "classification", ("a", "b"), id="texts"),
    ],
)
def test_what_the_answers_are(answers: Any, task: str, classes: tuple[Any, ...]) -> None:
    output = infer_answered(ROWS.assign(said=answers), ["said"]).signature.output
    assert (output.task, output.classes) == (task, classes)
    assert output.names == (() if classes else ("said",))


def test_the_task_can_be_told() -> None:
    frame = ROWS.assign(said=np.arange(N) % 3)
    assert infer_answered(frame, ["said"], task="regression").signature.output.task == "regression"
    several = infer_answered(frame.assign(also=0.5), ["said", "also"]).signature.output
    assert (several.task, several.names) == ("regression", ("said", "also"))


def test_a_label_that_is_never_the_most_probable_is_a_class_too() -> None:
    frame = ANSWERED.assign(probability_péssimo=0.0)
    assert infer_answered(frame, ["said"], targets=["truth"]).signature.output.classes == ("bom", "ruim", "péssimo")


@pytest.mark.parametrize(
    ("frame", "answers", "message"),
    [
        pytest.param(ANSWERED, ["sayd"], "Did you mean 'said'", id="no such column"),
        pytest.param(ANSWERED.drop(columns="probability_bom"), ["said"], "probability_bom", id="a share is missing"),
        pytest.param(ANSWERED.assign(probability_bom=2.0), ["said"], "from 0 to 1", id="no probability"),
        pytest.param(ROWS.assign(said=None), ["said"], "every row lacks one", id="no answer"),
        pytest.param(ANSWERED[["said"]], ["said"], "no other column", id="no field"),
    ],
)
def test_what_does_not_fit_is_told(frame: pd.DataFrame, answers: list[str], message: str) -> None:
    with pytest.raises(DataError, match=message):
        infer_answered(frame, answers)


def test_the_bundle_has_all_but_an_engine(tmp_path: Path) -> None:
    gap = ANSWERED.copy()
    gap.loc[[0, 1], "said"] = None
    packed = garcom.pack(
        None, gap, answers="said", target="truth", name="wine", labels={"bom": "A"} | {"ruim": "B"}, out=tmp_path
    )
    bundle = read_bundle(packed.path)
    assert bundle.is_served_elsewhere
    assert bundle.signature.output.shown == ("A", "B")
    assert bundle.metrics["rows"] == N - 2
    assert bundle.proof.sentence() == SERVED_ELSEWHERE
    assert bundle.lineage["source"] == "served elsewhere"
    assert packed.notes == ("2 of 240 rows were left out: they have no answer.",)
    assert b'"rows": 238' in bundle.read("reference.json")
    with pytest.raises(ServedElsewhere, match="served elsewhere"):
        bundle.open_engine()


def test_answers_as_values_and_as_a_zip(tmp_path: Path) -> None:
    packed = garcom.pack(None, ROWS, answers=ROWS["pH"] * 2, name="line", out=tmp_path, as_zip=True)
    assert read_bundle(packed.path).signature.output.task == "regression"
    with pytest.raises(DataError, match="one answer per row"):
        garcom.pack(None, ROWS, answers=[1.0, 2.0], name="line", out=tmp_path)


@pytest.mark.parametrize(
    ("arguments", "kind"),
    [
        pytest.param({"model": None, "X": ROWS}, InputError, id="neither"),
        pytest.param({"model": object(), "X": ANSWERED, "answers": "said"}, InputError, id="both"),
        pytest.param({"model": None, "answers": "said"}, PackError, id="no rows"),
    ],
)
def test_a_model_or_its_answers(arguments: dict[str, Any], kind: type[Exception], tmp_path: Path) -> None:
    with pytest.raises(kind, match="Expected"):
        garcom.pack(**arguments, name="wine", out=tmp_path)
