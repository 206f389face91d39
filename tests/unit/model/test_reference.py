from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from garcom.model.reference import BINS, profile, profile_numbers, profile_texts
from garcom.model.signature import Field, FieldType, Output, Signature
from garcom.records import Batch, Outputs


@given(st.lists(st.one_of(st.floats(-1e9, 1e9), st.just(float("nan"))), min_size=1, max_size=300))
def test_every_value_is_in_one_bin(values: list[float]) -> None:
    column = np.array(values)
    found = profile_numbers(column)
    finite = column[np.isfinite(column)]
    assert found.count == len(column)
    assert found.missing == len(column) - len(finite)
    assert sum(found.counts) == len(finite)
    assert len(found.counts) == max(len(found.edges) - 1, 0) <= BINS
    if len(finite):
        assert (found.minimum, found.maximum) == (finite.min(), finite.max())
        assert found.mean is not None
        assert np.isclose(found.mean, finite.mean())
        assert (found.edges[0], found.edges[-1]) == (finite.min(), finite.max())


def test_bins_hold_about_as_many_rows_each() -> None:
    found = profile_numbers(np.random.default_rng(0).lognormal(size=10_000))
    assert len(found.counts) == BINS
    assert max(found.counts) - min(found.counts) <= 2


def test_columns_without_spread_or_values() -> None:
    same = profile_numbers(np.full(5, 3.5))
    assert (same.edges, same.counts, same.std) == ((3.5, 3.5), (5,), 0.0)
    assert profile_numbers(np.full(3, np.nan)).edges == ()
    assert profile_numbers(np.empty(0)).count == 0
    assert profile_numbers(np.array([np.inf, 1.0, 2.0])).maximum == 2.0


def test_texts_are_counted() -> None:
    found = profile_texts(np.array(["sul", None, "norte", "sul"], object))
    assert found.counts == {"sul": 2, "norte": 1}
    assert (found.count, found.missing, found.distinct, found.other) == (4, 1, 2, 0)
    many = profile_texts(np.array([f"t{at}" for at in range(700)], object))
    assert (len(many.counts), many.other, many.distinct) == (500, 200, 700)


def test_answers_are_profiled_by_their_shown_names() -> None:
    signature = Signature(
        fields=(Field(name="pH", type=FieldType.FLOAT), Field(name="cor", type=FieldType.STRING)),
        output=Output(task="classification", classes=(0, 1), labels=("bom", "ruim"), probabilities=True),
        example={},
    )
    batch = Batch(np.array([[3.0], [3.2]]), np.array([["tinto"], ["branco"]], object))
    found = profile(batch, Outputs(np.array([1, 1]), np.array([[0.2, 0.8], [0.4, 0.6]]), None), signature)
    assert found.rows == 2
    assert found.labels == {"bom": 0, "ruim": 2}
    assert found.probabilities["ruim"].maximum == 0.8
    assert set(found.numbers) == {"pH"}
    assert set(found.texts) == {"cor"}
