from __future__ import annotations

from datetime import UTC, datetime

import numpy as np

from garcom.model.signature import Field, FieldType, Output, Signature
from garcom.records import Batch
from garcom.serving.guards import Guards
from garcom.serving.rows import microseconds

START, END = datetime(2020, 1, 1, tzinfo=UTC), datetime(2021, 1, 1, tzinfo=UTC)
SIGNATURE = Signature(
    fields=(
        Field(name="a", type=FieldType.FLOAT, minimum=0.0, maximum=10.5, unit="g/l"),
        Field(name="free", type=FieldType.FLOAT),
        Field(name="c", type=FieldType.CATEGORY, categories=("x", "y")),
        Field(name="low", type=FieldType.INTEGER, minimum=5, nullable=True),
        Field(name="t", type=FieldType.STRING),
        Field(name="k", type=FieldType.CATEGORY, categories=(1, 2), nullable=True),
        Field(
            name="d",
            type=FieldType.DATETIME,
            minimum=float(microseconds(START)),
            maximum=float(microseconds(END)),
        ),
    ),
    output=Output(task="regression"),
    example={},
)
INSIDE = ([1.0, 1e300, 7.0, float(microseconds(START))], ["x", "anything", 1])


def warned(*rows: tuple[list[float], list[object]]) -> dict[int, list[tuple[str, str]]]:
    batch = Batch(np.array([numbers for numbers, _ in rows]), np.array([texts for _, texts in rows], object))
    return {row: [(one.field, one.code) for one in found] for row, found in Guards(SIGNATURE).find(batch).items()}


def test_rows_inside_have_no_entry() -> None:
    assert warned(INSIDE, INSIDE) == {}


def test_the_limits_themselves_are_inside() -> None:
    assert warned(([0.0, 0.0, 5.0, float(microseconds(END))], ["y", "", 2])) == {}
    assert warned(([10.5, 0.0, 1e18, float(microseconds(END))], ["y", "", 2])) == {}


def test_each_value_outside_is_named_in_its_row() -> None:
    outside = ([-0.1, 0.0, 4.0, float(microseconds(END)) + 1e6], ["z", "", 3])
    assert warned(INSIDE, outside, INSIDE) == {
        1: [
            ("a", "below_range"),
            ("low", "below_range"),
            ("d", "above_range"),
            ("c", "unseen_category"),
            ("k", "unseen_category"),
        ]
    }


def test_missing_values_are_never_warned_of() -> None:
    nan = float("nan")
    assert warned(([nan, nan, nan, nan], [None, None, None])) == {}


def test_a_category_of_numbers_is_not_one_of_texts() -> None:
    assert warned(([1.0, 0.0, 7.0, float(microseconds(START))], ["x", "", "1"])) == {0: [("k", "unseen_category")]}


def test_messages_tell_the_limit_and_its_unit_but_never_the_value() -> None:
    batch = Batch(
        np.array([[917263.5, 0.0, 3.0, float(microseconds(START)) - 1e6]]), np.array([["segredo", "", 1]], object)
    )
    messages = {one.field: one.message for one in Guards(SIGNATURE).find(batch)[0]}
    assert messages == {
        "a": "above the greatest value seen in training (10.5 g/l)",
        "low": "below the least value seen in training (5)",
        "d": "below the least value seen in training (2020-01-01T00:00:00+00:00)",
        "c": "not among the 2 categories seen in training",
    }


def test_a_signature_without_ranges_or_categories() -> None:
    plain = Signature(
        fields=(Field(name="t", type=FieldType.STRING),), output=Output(task="regression"), example={"t": ""}
    )
    assert Guards(plain).find(Batch(np.empty((1, 0)), np.array([["x"]], object))) == {}
