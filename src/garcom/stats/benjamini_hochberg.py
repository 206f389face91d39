"""p-values corrected for how many tests were made."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from garcom.records import FloatArray


def benjamini_hochberg(p_values: npt.ArrayLike) -> FloatArray:
    """The p-values, adjusted so that rejecting those ≤ α keeps the false discovery rate at or below α.

    It holds for tests that are independent or positively dependent. Where nothing has moved, it is also the chance of
    rejecting anything at all. NaN (a test that could not be made) stays NaN and does not count as a test; the order is
    kept; nothing gives nothing.

    >>> benjamini_hochberg([0.01, float("nan"), 0.04, 0.03]).tolist()
    [0.03, nan, 0.04, 0.04]

    Source: Benjamini and Hochberg, Controlling the false discovery rate (1995).
    """
    adjusted = np.array(p_values, np.float64)
    known = np.flatnonzero(~np.isnan(adjusted))
    # From the greatest down: an adjusted value never exceeds that of a greater p-value.
    falling = known[np.argsort(-adjusted[known], kind="stable")]
    raised = adjusted[falling] * (len(known) / np.arange(len(known), 0, -1))
    adjusted[falling] = np.minimum(np.minimum.accumulate(raised), 1.0)
    return adjusted
