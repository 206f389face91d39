from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from garcom.errors import SettingsError, Unavailable
from garcom.storage.lock import locked

HOLD = """
import sys, time
from pathlib import Path
from garcom.storage.lock import locked
with locked(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(600)
"""


def test_a_lock_excludes_others_and_dies_with_its_holder(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with subprocess.Popen([sys.executable, "-c", HOLD, str(path)], stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(Unavailable, match="Another garcom process"), locked(path, timeout_s=0.1):
            pass
        holder.kill()
        holder.wait()
        with locked(path, timeout_s=10):
            pass
    with locked(path, timeout_s=0):  # freed after use, and the file stays
        assert path.exists()


def test_a_lock_file_that_cannot_be_made_is_explained(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="--home or GARCOM_HOME"), locked(tmp_path / "missing" / "lock"):
        pass
