from __future__ import annotations

import json
from typing import Any

import numpy as np
import polars as pl
import pytest

from garcom.model.signature import Output
from garcom.records import Outputs
from garcom.replay.said import Said, then

GRADES = Output(task="classification", classes=(0, 1), labels=("bom", "ruim"), probabilities=True)


def logged(*rows: tuple[str | None, float | None, dict[str, Any]]) -> pl.DataFrame:
    labels, values, outputs = zip(*rows, strict=True)
    return pl.DataFrame(
        {"label": labels, "value": values, "output": [json.dumps(output) for output in outputs]},
        schema={"label": pl.String, "value": pl.Float64, "output": pl.String},
    )


def test_answers_of_now_have_the_labels_that_are_shown() -> None:
    said = Said.now(Outputs(np.array([1, 0]), np.array([[0.2, 0.8], [0.9, 0.1]]), None), GRADES)
    assert said.labels is not None
    assert said.labels.tolist() == ["ruim", "bom"]
    assert said.names == ("bom", "ruim")
    assert said.rows(np.array([1])).told(0, ()) == "bom"
    whole = Output(task="clustering", classes=(3, 5))
    labels = Said.now(Outputs(np.array([1]), None, None), whole).labels
    assert labels is not None
    assert labels.tolist() == ["5"]


def test_probabilities_are_put_into_the_order_that_is_wanted() -> None:
    said = Said(None, ("a", "b"), np.array([[0.25, 0.75], [np.nan, np.nan]]), None)
    found = said.aligned(("b", "c", "a"))
    assert found is not None
    assert found[0].tolist() == [0.75, 0.0, 0.25]
    assert np.isnan(found[1]).all()
    assert Said(None, (), None, None).aligned(("a",)) is None


def test_labels_and_probabilities_of_then() -> None:
    said, comparable = then(
        logged(
            ("bom", None, {"prediction": "bom", "probabilities": {"bom": 0.75, "ruim": 0.25}}),
            ("ruim", None, {"prediction": "ruim"}),
            (None, 2.5, {"prediction": 2.5}),
            ("novo", None, {"prediction": "novo", "probabilities": {"novo": None}}),
        ),
        GRADES,
    )
    assert comparable.tolist() == [True, True, False, True]
    assert said.labels is not None
    assert said.probabilities is not None
    assert said.labels.tolist() == ["bom", "ruim", None, "novo"]
    assert said.names == ("bom", "ruim", "novo")
    assert said.probabilities[0].tolist() == [0.75, 0.25, 0.0]
    assert np.isnan(said.probabilities[1:3]).all()
    assert said.probabilities[3][:2].tolist() == [0.0, 0.0]
    assert np.isnan(said.probabilities[3][2])


@pytest.mark.parametrize(
    ("output", "rows", "comparable", "values"),
    [
        (
            Output(task="regression", names=("y",)),
            [(None, 2.5, {"prediction": 2.5}), (None, None, {"prediction": {"y": 1, "z": 2}}), ("b", None, {})],
            [True, False, False],
            [[2.5], None, None],
        ),
        (
            Output(task="regression", names=("y", "z")),
            [(None, None, {"prediction": {"z": 2, "y": None}}), (None, 1.0, {"prediction": 1.0})],
            [True, False],
            [[np.nan, 2.0], None],
        ),
        (
            Output(task="outlier", classes=(-1, 1)),
            [("-1", -0.5, {"prediction": -1, "score": -0.5})],
            [True],
            [[-0.5]],
        ),
    ],
)
def test_values_of_then(output: Output, rows: Any, comparable: list[bool], values: list[list[float] | None]) -> None:
    said, found = then(logged(*rows), output)
    assert found.tolist() == comparable
    assert said.values is not None
    for row, expected in zip(said.values, values, strict=True):
        if expected is not None:
            np.testing.assert_array_equal(row, expected)


def test_several_targets_are_told_by_their_names() -> None:
    said = Said(None, (), None, np.array([[1.0, 2.0]]))
    assert said.told(0, ("y", "z")) == {"y": 1.0, "z": 2.0}
    assert Said(None, (), None, np.array([[1.0]])).told(0, ("y",)) == 1.0
