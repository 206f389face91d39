"""Survival functions: the chance that a statistic is at least so great where nothing has changed.

scipy.special has both, but importing it takes longer than reading a million rows does.
"""

from __future__ import annotations

import math


def kolmogorov_survival(x: float) -> float:
    """Of Kolmogorov's distribution, that of √n · D of a continuous distribution for large n.

    >>> round(kolmogorov_survival(1.358), 3)
    0.05

    Source: Kolmogorov (1933); the second series, for small x, follows from Jacobi's theta function.
    """
    if x < 0.2:
        return 1.0  # but for 5e-13
    if x < 0.9:
        terms = (math.exp(-((2 * k - 1) ** 2) * math.pi**2 / (8 * x * x)) for k in range(1, 6))
        return max(0.0, 1 - math.sqrt(2 * math.pi) / x * math.fsum(terms))
    return min(1.0, 2 * math.fsum((-1) ** (k - 1) * math.exp(-2 * k * k * x * x) for k in range(1, 8)))


def chi_square_survival(degrees: int, x: float) -> float:
    """Of the chi-square distribution with a whole number of degrees of freedom, at least 1; NaN where ``x`` is.

    >>> round(chi_square_survival(1, 3.841), 3)
    0.05

    Source: Abramowitz and Stegun (1964), 26.4.4 and 26.4.5.
    """
    if math.isnan(x):
        return math.nan
    if x <= 0:
        return 1.0
    half = x / 2
    if math.isinf(half):
        return 0.0
    if degrees % 2:
        first, powers = math.erfc(math.sqrt(half)), [at + 0.5 for at in range((degrees - 1) // 2)]
    else:
        first, powers = 0.0, [float(at) for at in range(degrees // 2)]
    # As logarithms: the powers and the factorials are beyond all floats where their quotient is small.
    log = math.log(half)
    terms = (math.exp(power * log - half - math.lgamma(power + 1)) for power in powers)
    return min(1.0, math.fsum([first, *terms]))
