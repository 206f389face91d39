from __future__ import annotations

from pathlib import Path

from tests.chaos.keyed import repeat_keys
from tests.integration.server import models


def test_each_key_is_answered_once_while_processes_are_killed(tmp_path: Path) -> None:
    found = repeat_keys(tmp_path, models.line(tmp_path / "line", 1.0), 100, pause_s=1.0)
    assert found.torn == []
    assert (found.outcome.acknowledged, found.outcome.lost, found.outcome.doubled) == (100, 0, 0)
