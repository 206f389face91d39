from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import special

from garcom.stats.survival import chi_square_survival, kolmogorov_survival


def test_kolmogorov_is_that_of_scipy() -> None:
    for x in [0.0, 1e-9, 0.05, *np.linspace(0.1, 6.0, 200).tolist(), 18.0, 40.0, math.inf]:
        assert kolmogorov_survival(x) == pytest.approx(float(special.kolmogorov(x)), rel=1e-11, abs=1e-300), x


@pytest.mark.parametrize("degrees", [1, 2, 3, 4, 9, 10, 199, 200])
def test_chi_square_is_that_of_scipy(degrees: int) -> None:
    for x in [0.0, 1e-12, 0.1, 1.0, 3.84, degrees / 2, float(degrees), 2.0 * degrees, 700.0, 1500.0, 1e6, math.inf]:
        expected = float(special.chdtrc(degrees, x))
        assert chi_square_survival(degrees, x) == pytest.approx(expected, rel=1e-10, abs=1e-290), x
    assert math.isnan(chi_square_survival(degrees, math.nan))
