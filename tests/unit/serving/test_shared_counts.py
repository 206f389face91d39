from __future__ import annotations

import os
from pathlib import Path

import msgspec

from garcom.serving.shared_counts import SharedCounts
from garcom.serving.telemetry import Counts, Telemetry


def telemetry_of(n: int) -> Telemetry:
    telemetry = Telemetry()
    for _ in range(n):
        telemetry.version("wine", 1).add(200, 1, 0, 0.001)
    return telemetry


def test_the_counts_of_all_workers_are_added_and_those_that_ended_stay(tmp_path: Path) -> None:
    own = telemetry_of(1)
    shared = SharedCounts(tmp_path, own.snapshot)
    (tmp_path / "counts-1.json").write_bytes(msgspec.json.encode(telemetry_of(10).snapshot()))
    (tmp_path / "counts-2.json").write_bytes(b'{"versions": {"wi')  # a disk that was full
    assert shared.total().versions["wine:1"].rows == 11
    shared.write()
    assert shared.total().versions["wine:1"].rows == 11  # its own are not counted twice
    own.version("wine", 1).add(200, 5, 0, 0.001)
    assert shared.total().versions["wine:1"].rows == 16
    assert shared.total().versions["wine:1"].rows == 16  # adding up changes nothing
    written = msgspec.json.decode((tmp_path / f"counts-{os.getpid()}.json").read_bytes(), type=Counts)
    assert written.versions["wine:1"].rows == 1
    assert not list(tmp_path.glob("*.partial"))
