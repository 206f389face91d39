from __future__ import annotations

import os
import subprocess
import sys

from garcom.controller.process import NICENESS

_STEP = "import os; from garcom.controller.process import step_back; step_back(); print(os.nice(0))"


def test_the_controller_lets_predictions_come_first() -> None:
    # In a session of its own, as the supervisor starts it: else it would be this one's autogroup.
    told = subprocess.run(
        [sys.executable, "-c", _STEP], capture_output=True, text=True, check=True, start_new_session=True, timeout=60
    )
    assert int(told.stdout) == min(19, os.nice(0) + NICENESS)
