from __future__ import annotations

from pathlib import Path

import pytest

from garcom.errors import SignatureError
from garcom.model.corrections import correct_fields, correct_output, labels_of, parse_corrections, read_corrections
from garcom.model.inference import infer_signature
from garcom.model.signature import Class, Field, FieldType, Output
from garcom.model.sources import read_model
from tests.unit.model.examples import answers, mixed_pipeline, people

TOML = """
[fields."renda média"]
unit = "R$"
description = "renda mensal"
minimum = 0
maximum = 50000

[fields.idade]
nullable = false

[fields.filhos]
description = "quantos"

[output]
labels = { "sim" = "aprovado", "não" = "recusado" }
description = "crédito"

[example]
idade = 41.0
"""


def test_a_file_of_corrections_is_applied(tmp_path: Path) -> None:
    (tmp_path / "s.toml").write_text(TOML, encoding="utf-8")
    frame = people()
    loaded = read_model(mixed_pipeline().fit(frame, answers(frame)))
    signature = infer_signature(loaded, frame, corrections=read_corrections(tmp_path / "s.toml"))
    fields = {field.name: field for field in signature.fields}
    assert fields["renda média"].unit == "R$"
    assert (fields["renda média"].minimum, fields["renda média"].maximum) == (0, 50000)
    assert not fields["idade"].nullable
    assert fields["filhos"].description == "quantos"
    assert signature.output.labels == ("recusado", "aprovado")
    assert signature.output.description == "crédito"
    assert signature.example["idade"] == 41.0


FIELDS = (
    Field(name="cor", type=FieldType.STRING),
    Field(name="pH", type=FieldType.FLOAT, minimum=2.7, maximum=4.0),
    Field(name="quando", type=FieldType.STRING),
)


def test_a_type_changes_what_belongs_to_it() -> None:
    fixed = correct_fields(
        FIELDS,
        parse_corrections(
            {"fields": {"cor": {"categories": ["b", "a"]}, "pH": {"type": "string"}, "quando": {"type": "datetime"}}}
        ),
    )
    assert (fixed[0].type, fixed[0].categories) == (FieldType.CATEGORY, ("b", "a"))
    assert (fixed[1].type, fixed[1].minimum) == (FieldType.STRING, None)
    assert fixed[2].type is FieldType.DATETIME


@pytest.mark.parametrize(
    ("document", "says"),
    [
        ({"fields": {"ph": {"unit": "x"}}}, "Did you mean 'pH'"),
        ({"fields": {"pH": {"units": "x"}}}, r"^fields\.pH\.units in the corrections is unknown\. Did you mean 'unit'"),
        (
            {"fields": {"açúcar total": {"type": "number"}}},
            r'^fields\."açúcar total"\.type in .*: expected float, integer, .* or category, got "number"',
        ),
        ({"fields": {"pH": {"unit": 3}}}, "expected text, got 3"),
        ({"fields": {"pH": {"minimum": "low"}}}, 'expected a number, got "low"'),
        ({"fields": {"pH": {"categories": [1.5]}}}, "expected a list of "),
        ({"fields": {"pH": 3}}, "expected a table of keys and values, got 3"),
        (
            {"fields": {"pH": {"unit": 3}}, "output": {"label": {}}},
            r"^2 corrections have to change:\n  fields.*\n  out",
        ),
        ({"fields": {"pH": {"categories": ["a"], "type": "float"}}}, "only a category has categories"),
        ({"fields": {"cor": {"type": "category"}}}, "needs its known values"),
        ({"fields": {"cor": {"categories": ["a", 1]}}}, "categories"),
        ({"fields": {"pH": {"minimum": 9}}}, "greater than the maximum"),
        ({"saída": {}}, r'^"saída" in .* is unknown\. Known are fields, output, example\.'),
        ({"output": {"label": {}}}, "label"),
    ],
)
def test_corrections_that_do_not_fit(document: dict[str, object], says: str) -> None:
    with pytest.raises(SignatureError, match=says):
        correct_fields(FIELDS, parse_corrections(document))


def test_files_that_are_no_corrections(tmp_path: Path) -> None:
    with pytest.raises(SignatureError, match="nothing is there"):
        read_corrections(tmp_path / "x.toml")
    (tmp_path / "x.toml").write_text("a = [")
    with pytest.raises(SignatureError, match="it is none"):
        read_corrections(tmp_path / "x.toml")


@pytest.mark.parametrize(
    ("classes", "labels", "shown"),
    [
        ((0, 1), {"1": "ruim", "0": "bom"}, ("bom", "ruim")),
        ((0.0, 1.0), {"0": "bom", "1": "ruim"}, ("bom", "ruim")),
        ((0.0, 1.0), {"0.0": "bom", "1.0": "ruim"}, ("bom", "ruim")),
        ((False, True), {"False": "não", "True": "sim"}, ("não", "sim")),
        (("a", "b"), {"a": "A", "b": "B"}, ("A", "B")),
    ],
)
def test_labels_follow_the_classes(classes: tuple[Class, ...], labels: dict[str, str], shown: tuple[str, ...]) -> None:
    assert labels_of(classes, labels) == shown


@pytest.mark.parametrize(
    ("labels", "says"),
    [({"0": "bom", "2": "ruim"}, r"given for \['2'\].*\['0', '1'\]"), ({"0": "bom"}, r"\['1'\] have none")],
)
def test_labels_that_do_not_fit_list_the_classes(labels: dict[str, str], says: str) -> None:
    with pytest.raises(SignatureError, match=says):
        labels_of((0, 1), labels)


def test_labels_for_a_regression_and_names_that_do_not_match() -> None:
    output = Output(task="regression", names=("preço",))
    with pytest.raises(SignatureError, match="answers numbers"):
        correct_output(output, parse_corrections({}).output, {"0": "a"})
    with pytest.raises(SignatureError, match="Expected 1 output names"):
        correct_output(output, parse_corrections({"output": {"names": ["a", "b"]}}).output, None)
    named = correct_output(output, parse_corrections({"output": {"names": ["valor"], "unit": "BRL"}}).output, None)
    assert (named.names, named.unit) == (("valor",), "BRL")


def test_labels_of_the_command_go_before_the_file() -> None:
    output = Output(task="classification", classes=(0, 1))
    corrections = parse_corrections({"output": {"labels": {"0": "a", "1": "b"}}}).output
    assert correct_output(output, corrections, {"0": "x", "1": "y"}).labels == ("x", "y")
    assert correct_output(output, corrections, None).labels == ("a", "b")
