from __future__ import annotations

from pathlib import Path

import pytest

from tests.chaos.full_disk import fill_disk
from tests.integration.server import models


@pytest.mark.usefixtures("mounts")
def test_a_full_disk_refuses_predictions_and_serves_again_when_it_is_freed(tmp_path: Path) -> None:
    found = fill_disk(tmp_path, models.line(tmp_path / "line", 1.0), 2)
    assert (found.outcome.lost, found.outcome.doubled) == (0, 0)
    assert found.n_refused > 100
    assert found.others == {}
