from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.spatial.distance import jensenshannon

from garcom.stats.jensen_shannon import jensen_shannon_distance
from tests.unit.stats.samples import NAMES, NOTHING, counted, pairs


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("name", NAMES)
def test_is_that_of_scipy(name: str, weighted: bool) -> None:
    _, reference, current = counted(pairs()[name], weighted=weighted)
    expected = float(jensenshannon(reference, current, 2))
    found = jensen_shannon_distance(reference, current)
    assert found == pytest.approx(expected, abs=2e-8, rel=1e-9)
    assert jensen_shannon_distance(current, reference) == pytest.approx(found, rel=1e-12)
    assert 0 <= found <= 1


def test_ends_of_the_scale() -> None:
    assert jensen_shannon_distance(np.array([3, 1, 0]), np.array([6, 2, 0])) == 0
    assert jensen_shannon_distance(np.array([3, 7, 0]), np.array([0, 0, 9])) == 1


@pytest.mark.parametrize("name", NOTHING)
def test_nothing_can_be_told_without_rows(name: str) -> None:
    assert math.isnan(jensen_shannon_distance(*NOTHING[name]))


def test_nearly_equal_shares_keep_their_digits() -> None:
    # Of shares 1/2 ± ε the divergence is ε² · 2 / (4 ln 2) at first order: scipy's has no right digit there.
    step = 1e-7
    found = jensen_shannon_distance(np.array([0.5, 0.5]), np.array([0.5 + step, 0.5 - step]))
    assert found == pytest.approx(step / math.sqrt(2 * math.log(2)), rel=1e-5)
