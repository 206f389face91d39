from __future__ import annotations

import numpy as np
import pytest

from garcom.stats.cells import both_counts, both_shares


def test_shares_sum_to_one_and_leave_out_what_both_lack() -> None:
    shares = both_shares(np.array([3, 0, 1, 0]), np.array([0.5, 0.0, 0.0, 1.5]))
    assert shares is not None
    assert shares[0].tolist() == [0.75, 0.25, 0.0]
    assert shares[1].tolist() == [0.25, 0.0, 0.75]


@pytest.mark.parametrize("current", [np.array([1.0]), np.array([1.0, 2.0, 3.0]), np.array([[1.0, 2.0]])])
def test_other_cells_are_refused_and_not_stretched(current: np.ndarray) -> None:
    with pytest.raises(ValueError, match="same cells"):
        both_counts(np.array([1.0, 2.0]), current)
