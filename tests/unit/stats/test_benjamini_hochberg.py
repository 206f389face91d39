from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import false_discovery_control

from garcom.stats.benjamini_hochberg import benjamini_hochberg


@pytest.mark.parametrize("seed", range(10))
def test_is_that_of_scipy_with_ties_and_nan(seed: int) -> None:
    random = np.random.default_rng(seed)
    p = random.uniform(size=random.integers(1, 40)) ** 3
    p = np.round(p, 2) if seed % 2 else p
    unknown = random.uniform(size=len(p)) < 0.3
    unknown[0] = False
    asked = np.where(unknown, np.nan, p)
    found = benjamini_hochberg(asked)
    assert np.isnan(found[unknown]).all()
    np.testing.assert_allclose(found[~unknown], false_discovery_control(p[~unknown]), rtol=1e-12)
    np.testing.assert_array_equal(asked, np.where(unknown, np.nan, p))


@pytest.mark.parametrize("p", [[], [float("nan")], [float("nan")] * 3, [0.0], [1.0], [0.2]])
def test_nothing_known_and_a_single_test_stay_as_they_are(p: list[float]) -> None:
    np.testing.assert_array_equal(benjamini_hochberg(p), p)
