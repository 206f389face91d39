from __future__ import annotations

from pathlib import Path

from tests.chaos.kills import kill_cycles
from tests.integration.server import models


def test_kills_lose_nothing_that_was_acknowledged(tmp_path: Path) -> None:
    found = kill_cycles(tmp_path, models.line(tmp_path / "line", 1.0), 6)
    assert (found.lost, found.doubled) == (0, 0)
    assert found.acknowledged > 350
