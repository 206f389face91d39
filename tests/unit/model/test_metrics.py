from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from garcom.errors import DataError
from garcom.model.metrics import measure
from garcom.model.signature import Output
from garcom.records import Outputs

BINARY = Output(task="classification", classes=(0, 1), labels=("bom", "ruim"), probabilities=True)
ANSWERS = Outputs(np.array([0, 1, 1, 1]), np.array([[0.9, 0.1], [0.4, 0.6], [0.2, 0.8], [0.3, 0.7]]), None)


def measured(target: list[Any], answers: Outputs = ANSWERS, output: Output = BINARY) -> dict[str, Any]:
    return measure(pd.DataFrame({"quality": target}), answers, output)


@pytest.mark.parametrize(
    "target",
    [
        [0, 0, 1, 1],
        [0.0, 0.0, 1.0, 1.0],
        [False, False, True, True],
        ["0", "0", "1", "1"],
        ["bom", "bom", "ruim", "ruim"],
    ],
)
def test_a_target_is_understood_as_classes_or_labels(target: list[Any]) -> None:
    found = measured(target)
    # By hand: one of the two good wines is called bad.
    assert found["accuracy"] == 0.75
    assert found["balanced_accuracy"] == 0.75
    assert found["f1_by_class"]["ruim"] == pytest.approx(0.8)
    assert found["f1"] == pytest.approx((0.8 + 2 / 3) / 2)
    assert found["roc_auc"] == 1.0
    assert found["log_loss"] == pytest.approx(-np.log([0.9, 0.4, 0.8, 0.7]).mean())
    assert found["confusion"] == {"labels": ["bom", "ruim"], "matrix": [[1, 1], [0, 2]]}


def test_rows_without_a_target_are_left_out() -> None:
    assert measured([0, None, 1, 1])["rows"] == 3
    assert measured([None, None, None, None]) == {}


def test_one_class_alone_has_no_roc_curve() -> None:
    found = measured([1, 1, 1, 1])
    assert "roc_auc" not in found
    assert found["accuracy"] == 0.75


def test_a_target_that_the_model_never_predicts_is_explained() -> None:
    with pytest.raises(DataError, match=r"'quality' with the classes .* \(0, 1\), got 5, 6, 7\. Give the target"):
        measured([5, 6, 7, 5])


def test_regression_with_several_targets() -> None:
    output = Output(task="regression", names=("a", "b"))
    values = np.array([[1.0, 10.0], [2.0, 20.0], [3.0, 33.0]])
    truth = pd.DataFrame({"a": [1.0, 2.0, 4.0], "b": [10.0, 20.0, 30.0]})
    found = measure(truth, Outputs(None, None, values), output)
    assert found["mae"] == pytest.approx(4 / 6)
    assert found["rmse"] == pytest.approx((np.sqrt(1 / 3) + np.sqrt(9 / 3)) / 2)
    assert found["rows"] == 3
    assert found["mae[a]"] == pytest.approx(1 / 3)
    assert found["mae[b]"] == pytest.approx(1.0)
    assert found["rmse[b]"] == pytest.approx(np.sqrt(3))
    assert found["r2[a]"] == pytest.approx(1 - 1 / (14 / 3))
    assert not any(name.startswith("rows[") for name in found)
    with pytest.raises(DataError, match="2 columns"):
        measure(truth[["a"]], Outputs(None, None, values), output)
    with pytest.raises(DataError, match="Expected numbers in the target 'b', got 'muito'"):
        measure(truth.astype(object).assign(b="muito"), Outputs(None, None, values), output)


def test_clusters_have_no_metrics() -> None:
    output = Output(task="clustering", classes=(0, 1))
    assert measured([0, 0, 1, 1], Outputs(np.array([0, 1, 1, 1]), None, None), output) == {}
