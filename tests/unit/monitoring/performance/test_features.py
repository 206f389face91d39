from __future__ import annotations

import numpy as np
import polars as pl

from garcom.monitoring.performance.features import features


def test_numbers_texts_and_what_is_missing() -> None:
    inputs = pl.Series(
        [
            '{"x":1.5,"region":"SP","b":true}',
            None,
            '{"x":null,"region":"RJ","b":false}',
            '{"x":3,"region":null,"new":9}',
        ]
    )
    expected = [[1.5, 2, 2, np.nan], [np.nan] * 4, [np.nan, 1, 1, np.nan], [3, np.nan, np.nan, 9]]
    np.testing.assert_array_equal(features(inputs), expected)


def test_no_inputs() -> None:
    assert features(pl.Series([None, None], dtype=pl.String)).shape == (2, 0)
    assert features(pl.Series([], dtype=pl.String)).shape == (0, 0)
