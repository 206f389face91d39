from __future__ import annotations

from pathlib import Path

import pytest

from tests.chaos.power_cuts import power_cuts
from tests.integration.server import models

pytestmark = pytest.mark.usefixtures("mounts")


def test_a_power_cut_loses_nothing_that_was_acknowledged(tmp_path: Path) -> None:
    found = power_cuts(tmp_path, models.line(tmp_path / "line", 1.0), 2, sync="request")
    assert (found.lost, found.doubled) == (0, 0)
    assert found.acknowledged > 100


def test_without_syncs_it_loses_some(tmp_path: Path) -> None:
    """Or the other test would prove nothing."""
    found = power_cuts(tmp_path, models.line(tmp_path / "line", 1.0), 2, sync="off")
    assert found.lost > 0
