from __future__ import annotations

import os
import subprocess
import sys

TELL = """
import polars as pl
from garcom.lake.logged import logged
from garcom.lake.schemas import ACTUALS
from tests.unit.lake.rows import predictions

print(logged(predictions(1), pl.DataFrame(schema=ACTUALS))[0].time.isoformat())
"""


def test_moments_are_told_where_the_system_has_no_time_zones() -> None:
    # Also what a process is left with whose first two threads raced for their first zone.
    told = subprocess.run(
        [sys.executable, "-c", TELL], env=os.environ | {"PYTHONTZPATH": ""}, capture_output=True, text=True, timeout=60
    )
    assert told.stdout.strip() == "2026-11-20T22:00:00+00:00", told.stderr
