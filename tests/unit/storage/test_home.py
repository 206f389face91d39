from __future__ import annotations

from pathlib import Path

import pytest

from garcom.storage.home import examine, file_system


def test_a_folder_that_can_be_written(tmp_path: Path) -> None:
    found = examine(tmp_path / "not" / "yet")
    assert (found.path, found.writable) == (str(tmp_path / "not" / "yet"), True)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot(tmp_path: Path) -> None:
    found = examine(Path("/proc/self"))
    assert (found.writable, found.durable) == (False, False)
    assert "--home" in found.detail


@pytest.mark.skipif(file_system(Path("/dev/shm")) != "tmpfs", reason="needs a tmpfs")
def test_what_is_in_memory_is_not_durable() -> None:
    found = examine(Path("/dev/shm/garcom"))
    assert (found.writable, found.durable, found.file_system) == (True, False, "tmpfs")
    assert "a restart" in found.detail
