from __future__ import annotations

from garcom.model.signature import Field, FieldType, Output, Pii, Signature
from garcom.replay.inputs import Cause, Inputs, Refusals
from garcom.replay.records import Refusal

SIGNATURE = Signature(
    fields=(
        Field(name="pH", type=FieldType.FLOAT),
        Field(name="cor", type=FieldType.CATEGORY, categories=("branco", "tinto")),
        Field(name="nota", type=FieldType.STRING, required=False, nullable=True),
    ),
    output=Output(task="clustering", classes=(0, 1)),
    example={"pH": 3.2, "cor": "tinto", "nota": None},
)
GOOD = '{"pH":3.2,"cor":"tinto","nota":"x"}'


def inputs(**personal: Pii) -> Inputs:
    """Version 1 answered then, with these personal fields, and version 2, which had none."""
    return Inputs("wine:2", SIGNATURE, {1: personal, 2: {}})


def causes(found: object) -> list[tuple[str, str, str]]:
    assert isinstance(found, list)
    return [cause[:3] for cause in found]


def test_rows_that_fit_are_read() -> None:
    assert inputs().rows([GOOD, '{"cor":"tinto","pH":3}'], [2, 2]) == [(3.2, "tinto", "x"), (3.0, "tinto", None)]


def test_each_row_that_does_not_fit_tells_why_and_the_others_are_read() -> None:
    found = inputs().rows(
        [
            GOOD,
            '{"cor":"tinto"}',
            '{"pH":3.2,"cor":"tinto","ano":2020}',
            '{"pH":"high","cor":"tinto"}',
            '{"pH":null,"cor":"tinto"}',
            '{"ph":3.2,"cor":7}',
        ],
        [1] * 6,
    )
    assert found[0] == (3.2, "tinto", "x")
    assert [causes(each) for each in found[1:]] == [
        [("wine:2", "missing field", "pH")],
        [("wine:2", "unknown field", "ano")],
        [("wine:2", "wrong value", "pH")],
        [("wine:2", "null", "pH")],
        [("wine:2", "unknown field", "ph"), ("wine:2", "wrong value", "cor"), ("wine:2", "missing field", "pH")],
    ]
    (cause,) = found[3]
    assert cause.detail == "expected a number, got text"


def test_values_that_were_disguised_are_not_replayed() -> None:
    rows = ['{"pH":null,"cor":"***","nota":"5f"}', '{"pH":1,"cor":null,"nota":null}']
    for personal, expected in (
        ({"nota": "hash"}, [[("log", "disguised", "nota")], None]),
        ({"cor": "mask"}, [[("log", "disguised", "cor")], [("log", "disguised", "cor")]]),
        ({"pH": "drop"}, [[("log", "disguised", "pH")], None]),
    ):
        found = Inputs("wine:2", SIGNATURE, {1: personal}).rows(rows, [1, 1])  # type: ignore[dict-item]
        told = [causes(each) if isinstance(each, list) and each[0].by == "log" else None for each in found]
        assert told == expected


def test_only_versions_and_fields_that_are_disguised_matter() -> None:
    assert inputs(cor="mask").rows(['{"pH":3.2,"cor":"***"}'], [2]) == [(3.2, "***", None)]
    assert inputs(cpf="hash").rows([GOOD], [1]) == [(3.2, "tinto", "x")]


def test_refusals_are_counted_by_cause_the_most_frequent_first() -> None:
    refusals = Refusals()
    refusals.add([Cause("a:1", "null", "x", "first"), Cause("a:1", "null", "y", "other")])
    refusals.add([Cause("a:1", "null", "y", "second"), Cause("a:1", "null", "y", "third")])
    assert refusals.n_rows == 2
    assert refusals.told() == (
        Refusal(by="a:1", reason="null", field="y", rows=2, detail="other"),
        Refusal(by="a:1", reason="null", field="x", rows=1, detail="first"),
    )
