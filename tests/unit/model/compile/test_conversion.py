from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.compose import ColumnTransformer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from garcom.model.compile.conversion import Conversion, Converter
from garcom.model.compile.graphs import Precision
from garcom.model.engines.base import EngineSpec
from garcom.model.engines.onnx import load
from garcom.model.signature import Field, FieldType, Output, Signature
from garcom.model.sources.base import Loaded
from garcom.records import Batch, Outputs
from tests.unit.model.compile.originals import BINARY, batch, numbers

ROWS = np.random.default_rng(0).normal(size=(80, 3))
TRUTH = (ROWS[:, 0] > ROWS[:, 1]).astype(int)


def loaded(model: Any, output: Output = BINARY) -> Loaded:
    return Loaded(model=model, framework="scikit-learn", input_kind="array", output=output)


def convert(
    loaded: Loaded, signature: Signature, folder: Path, time_limit_s: float = 60.0
) -> dict[Precision, Conversion]:
    with Converter(time_limit_s) as converter:
        converter.start(loaded, signature, folder)
        return converter.result()


def test_both_precisions_answer_as_the_model(tmp_path: Path) -> None:
    import msgspec

    model = make_pipeline(StandardScaler(), LogisticRegression()).fit(ROWS, TRUTH)
    signature = numbers(3, BINARY)
    found = convert(loaded(model), signature, tmp_path)
    assert set(found) == {"float32", "float64"}
    tolerances: dict[Precision, float] = {"float32": 1e-6, "float64": 1e-14}
    for precision, tolerance in tolerances.items():
        wiring = found[precision].wiring
        spec = EngineSpec(name=precision, kind="onnx", options=msgspec.to_builtins(wiring))
        answers = load(tmp_path / precision, spec, signature).run(batch(ROWS))
        assert answers.labels is not None
        assert np.array_equal(answers.labels, model.predict(ROWS))
        assert np.abs(answers.probabilities - model.predict_proba(ROWS)).max() < tolerance


def test_columns_by_name_with_texts_become_one_input_each(tmp_path: Path) -> None:
    import msgspec
    import pandas as pd

    cities = np.array(["Évora", "São João", "Porto"], object)[np.arange(80) % 3]
    frame = pd.DataFrame({"área útil (m²)": ROWS[:, 0], "cidade": cities})
    model = make_pipeline(
        ColumnTransformer(
            [("n", StandardScaler(), ["área útil (m²)"]), ("c", OneHotEncoder(handle_unknown="ignore"), ["cidade"])]
        ),
        LogisticRegression(),
    ).fit(frame, TRUTH)
    fields = (
        Field(name="área útil (m²)", type=FieldType.FLOAT),
        Field(name="cidade", type=FieldType.CATEGORY, categories=("Porto", "São João", "Évora")),
    )
    signature = Signature(fields=fields, output=BINARY, example={})
    conversion = convert(loaded(model), signature, tmp_path)["float32"]
    assert conversion.reason == ""
    spec = EngineSpec(name="onnx", kind="onnx", options=msgspec.to_builtins(conversion.wiring))
    answers: Outputs = load(tmp_path / "float32", spec, signature).run(Batch(ROWS[:, :1], cities[:, None]))
    assert np.array_equal(answers.labels, model.predict(frame))  # type: ignore[arg-type]


class Hanging(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Its unpickling hangs in the converter's process."""

    def __setstate__(self, state: Any) -> None:
        time.sleep(60)


class Crashing(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    def __setstate__(self, state: Any) -> None:
        import os

        os.abort()


@pytest.mark.parametrize(
    ("model", "limit_s", "reason"),
    [(Hanging(), 0.2, "took longer than 0.2 s"), (Crashing(), 60.0, "ended with status -6")],
)
def test_a_converter_that_hangs_or_crashes_costs_only_its_candidate(
    tmp_path: Path, model: Any, limit_s: float, reason: str
) -> None:
    found = convert(loaded(model), numbers(3, BINARY), tmp_path, limit_s)
    assert [reason in conversion.reason for conversion in found.values()] == [True, True]


def test_what_has_no_converter_says_so(tmp_path: Path) -> None:
    class Unknown(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
        pass

    found = convert(loaded(Unknown()), numbers(3, BINARY), tmp_path)
    assert all(conversion.wiring is None and "Unknown" in conversion.reason for conversion in found.values())


def test_what_is_not_waited_for_is_stopped(tmp_path: Path) -> None:
    with Converter() as converter:
        converter.start(loaded(Hanging()), numbers(3, BINARY), tmp_path)
        found = converter.result(patience_s=0)
    assert [conversion.stopped for conversion in found.values()] == [True, True]
    assert "another engine was proved" in found["float32"].reason


def test_without_time_nothing_is_tried(tmp_path: Path) -> None:
    found = convert(loaded(Hanging()), numbers(3, BINARY), tmp_path, time_limit_s=0)
    assert [conversion.stopped for conversion in found.values()] == [True, True]
    assert "given no time" in found["float32"].reason
    assert list(tmp_path.iterdir()) == []


def test_a_warm_process_that_nobody_asks_ends_with_its_converter() -> None:
    with Converter() as converter:
        converter.warm()
        assert converter.result() == {}
    # An interpreter left behind, or an open file, would be a ResourceWarning, and that an error.
