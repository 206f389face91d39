from __future__ import annotations

import stat
from pathlib import Path

from garcom.storage.durable import keep_private


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_folder_for_its_owner_only(tmp_path: Path) -> None:
    keep_private(tmp_path / "made")
    (tmp_path / "there").mkdir(mode=0o755)
    keep_private(tmp_path / "there")
    assert mode(tmp_path / "made") == mode(tmp_path / "there") == 0o700
