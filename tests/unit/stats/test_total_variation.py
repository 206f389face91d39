from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.spatial.distance import cityblock

from garcom.stats.total_variation import total_variation
from tests.unit.stats.samples import NAMES, NOTHING, counted, pairs


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("name", NAMES)
def test_is_that_of_scipy(name: str, weighted: bool) -> None:
    _, reference, current = counted(pairs()[name], weighted=weighted)
    expected = float(cityblock(reference / reference.sum(), current / current.sum()) / 2)
    found = total_variation(reference, current)
    assert found == pytest.approx(expected, abs=1e-12)
    assert total_variation(current, reference) == pytest.approx(found, rel=1e-12)
    assert 0 <= found <= 1


def test_ends_of_the_scale() -> None:
    assert total_variation(np.array([3, 1, 0]), np.array([6, 2, 0])) == 0
    assert total_variation(np.array([3, 7, 0]), np.array([0, 0, 9])) == 1


@pytest.mark.parametrize("name", NOTHING)
def test_nothing_can_be_told_without_rows(name: str) -> None:
    assert math.isnan(total_variation(*NOTHING[name]))
