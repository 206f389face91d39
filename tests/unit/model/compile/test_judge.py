from __future__ import annotations

from collections.abc import Callable

import msgspec
import numpy as np
import pytest

from garcom.errors import DataError, EngineError
from garcom.model.compile.judge import Judge, evenly
from garcom.model.signature import Field, FieldType, Output, Signature
from garcom.records import Batch, FloatArray, Outputs
from tests.unit.model.compile.originals import BINARY, VALUE, Function, batch, numbers, of_probability

ROWS = batch(np.random.default_rng(0).normal(size=(400, 2)))
NONE = batch(np.empty((0, 2)))


def stepped(x: FloatArray) -> Outputs:
    return of_probability(np.where(x[:, 0] + 0.0 > 0.25, 0.8, 0.3))


def judged(answer: Callable[[FloatArray], Outputs], original: Callable[[FloatArray], Outputs] = stepped) -> str:
    signature = numbers(2, BINARY)
    return Judge(Function(signature, original), ROWS, NONE).judge(Function(signature, answer)).reason


def test_an_equal_engine_passes() -> None:
    judge = Judge(Function(numbers(2, BINARY), stepped), ROWS, NONE)
    verdict = judge.judge(Function(numbers(2, BINARY), stepped))
    assert (verdict.reason, verdict.flips, verdict.largest) == ("", 0, 0.0)
    assert judge.real_rows == 400
    assert judge.placed_rows > 50


def test_one_real_row_with_another_label_fails() -> None:
    value = ROWS.numbers[7, 1]

    def other(x: FloatArray) -> Outputs:
        return of_probability(np.where((x[:, 0] > 0.25) ^ (x[:, 1] == value), 0.8, 0.3))

    assert "1 of 400 real" in judged(other)


def test_a_threshold_in_single_precision_fails_on_placed_rows() -> None:
    def single(x: FloatArray) -> Outputs:
        return of_probability(np.where(x[:, 0].astype(np.float32) > np.float32(0.25), 0.8, 0.3))

    reason = judged(single)
    assert "other labels; 0 of 400 real" in reason


def test_probabilities_are_compared_within_tolerance() -> None:
    def shifted(by: float) -> Callable[[FloatArray], Outputs]:
        return lambda x: Outputs(stepped(x).labels, np.add(stepped(x).probabilities, by), None)  # type: ignore[arg-type]

    assert judged(shifted(9e-6)) == ""
    assert judged(shifted(2e-5)).startswith("differences up to 2e-05")


def test_answers_of_another_form_fail() -> None:
    assert judged(lambda x: Outputs(stepped(x).labels, None, None)) != ""
    assert judged(lambda x: Outputs(stepped(x).labels, np.zeros((len(x), 3)), None)) != ""


def test_nan_has_to_stand_where_nan_stands() -> None:
    def with_nan(x: FloatArray) -> Outputs:
        return Outputs(None, None, np.where(x[:, :1] > 0, np.nan, x[:, :1]))

    signature = numbers(2, VALUE)
    judge = Judge(Function(signature, with_nan), ROWS, NONE)
    assert judge.judge(Function(signature, with_nan)).reason == ""
    assert "inf" in judge.judge(Function(signature, lambda x: Outputs(None, None, x[:, :1]))).reason


def test_neighbours_must_not_matter() -> None:
    def crowd(x: FloatArray) -> Outputs:
        return stepped(x if len(x) > 1 else -x)

    assert "alone" in judged(crowd)


def test_rows_on_which_the_original_contradicts_itself_are_counted_not_judged() -> None:
    odd = ROWS.numbers[3, 1]

    def moody(x: FloatArray) -> Outputs:
        return of_probability(np.where((x[:, 0] > 0.25) ^ ((x[:, 1] == odd) & (len(x) > 1)), 0.8, 0.3))

    judge = Judge(Function(numbers(2, BINARY), moody), ROWS, NONE)
    verdict = judge.judge(Function(numbers(2, BINARY), stepped))
    assert (verdict.reason, verdict.flips) == ("", 0)
    assert judge.unstable_rows >= 1


def test_values_are_compared_relative_to_their_size_and_spread() -> None:
    signature = numbers(2, VALUE)
    judge = Judge(Function(signature, lambda x: Outputs(None, None, 1000 * x[:, :1])), ROWS, NONE)

    def off(by: float) -> str:
        return judge.judge(Function(signature, lambda x: Outputs(None, None, 1000 * x[:, :1] + by))).reason

    assert off(9e-4) == ""
    assert off(1e-2) != ""


def test_a_failing_engine_fails_with_its_reason() -> None:
    def broken(x: FloatArray) -> Outputs:
        raise EngineError("the graph has a hole")

    assert judged(broken) == "it fails: the graph has a hole"


def test_what_an_engine_says_of_a_personal_row_stays_out_of_the_proof() -> None:
    def failing(x: FloatArray) -> Outputs:
        raise EngineError("cannot read 123.456.789-00")

    signature = numbers(2, BINARY)
    fields = (msgspec.structs.replace(signature.fields[0], pii="hash"), *signature.fields[1:])
    signature = msgspec.structs.replace(signature, fields=fields)
    reason = Judge(Function(signature, stepped), ROWS, NONE).judge(Function(signature, failing)).reason
    assert reason == "it fails: its words may name values of personal fields"


def test_real_rows_that_the_original_refuses_are_an_error_with_the_row() -> None:
    def refusing(x: FloatArray) -> Outputs:
        if (x[:, 0] == ROWS.numbers[11, 0]).any():
            raise ValueError("unheard of")
        return stepped(x)

    with pytest.raises(DataError, match="refuses 1 of 400, the first of them row 12: unheard of"):
        Judge(Function(numbers(2, BINARY), refusing), ROWS, NONE)


CITY = Signature(
    fields=(Field(name="city", type=FieldType.CATEGORY, categories=("Évora", "Porto")),),
    output=Output(task="regression", names=("rent",)),
    example={"city": "Porto"},
)


class Cities(Function):
    """Refuses an unknown city, as an encoder with handle_unknown='error' does, or calls it 0."""

    def __init__(self, *, strict: bool) -> None:
        super().__init__(CITY, lambda x: Outputs(None, None, x))
        self.strict = strict

    def run(self, batch: Batch) -> Outputs:
        rents = {"Évora": 500.0, "Porto": 900.0}
        if self.strict and any(city not in rents for city in batch.texts[:, 0]):
            raise EngineError("unknown city")
        return Outputs(None, None, np.array([[rents.get(city, 0.0)] for city in batch.texts[:, 0]]))


def test_what_the_original_refuses_must_be_refused() -> None:
    texts = np.array([["Porto"], ["Évora"]] * 10, object)
    judge = Judge(Cities(strict=True), Batch(np.empty((20, 0)), texts), NONE)
    assert judge.refused.n_rows > 0
    assert judge.judge(Cities(strict=True)).reason == ""
    assert "refuses" in judge.judge(Cities(strict=False)).reason


def test_sampling_keeps_both_ends() -> None:
    rows = evenly(ROWS, 10)
    assert rows.n_rows == 10
    assert np.array_equal(rows.numbers[[0, -1]], ROWS.numbers[[0, -1]])
