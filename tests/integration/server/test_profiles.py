"""From a prediction to the profile of its hour, through a running server; and the same profile from the lake."""

from __future__ import annotations

import json
import time
from pathlib import Path

import msgspec
import numpy as np
from typer.testing import CliRunner

from garcom.cli import app
from garcom.journal.segment import ask_for_closing
from garcom.model.engines.arrays.program import Program, Step
from garcom.model.engines.base import EngineSpec
from garcom.model.reference_profile import PROFILE, reference_profile
from garcom.records import Batch, Outputs
from garcom.storage import profiles
from garcom.storage.database import Database
from garcom.storage.profiles import ProfileRow
from tests.integration.server.models import NUMBER, sealed
from tests.integration.server.running import running
from tests.integration.server.wire import request

WITHIN_S = 60.0


def line(folder: Path) -> Path:
    """A model y = 2x with the profile of its reference rows."""
    coefficients = {"coef": np.array([[2.0]])}
    Program((Step("linear", (0,), arrays=coefficients),), {"values": 2}).save(folder / "engines" / "arrays")
    x = np.linspace(0.0, 10.0, 50).reshape(-1, 1)
    rows = Batch(x, np.empty((50, 0), object))
    reference = reference_profile(rows, Outputs(labels=None, probabilities=None, values=2 * x), NUMBER)
    (folder / PROFILE).write_bytes(msgspec.msgpack.encode(reference))
    return sealed(folder, "line", NUMBER, EngineSpec(name="arrays", kind="arrays"))


def kept(home: Path) -> list[ProfileRow]:
    with Database.open(home).read() as connection:
        return profiles.list_bodies(connection, "line", days=False)


def test_what_is_served_is_profiled_and_can_be_again(tmp_path: Path) -> None:
    with running(tmp_path, workers=1, register=(line(tmp_path / "line"),), lake_drain_s=0.1) as server:
        example = json.dumps(server.get("/v1/models/line/example")).encode()
        for _ in range(3):
            answer = server.ask(request("POST", "/v1/models/line/predict", example))
            assert answer.status == 200, answer
        deadline = time.monotonic() + WITHIN_S
        while sum(row.n_rows for row in kept(server.home)) < 3 and time.monotonic() < deadline:
            ask_for_closing(server.home / "journal")
            time.sleep(0.1)
        home = server.home
    before = kept(home)
    assert sum(row.n_rows for row in before) == 3
    assert {(row.key.version, row.key.stage) for row in before} == {(1, "stable")}

    result = CliRunner().invoke(app, ["monitor", "rebuild", "line", "--home", str(home), "--json"])
    assert result.exit_code == 0, result.output
    told = json.loads(result.stdout)
    assert (told["rows"], told["unprofiled"]) == (3, 0)
    assert kept(home) == before

    unknown = CliRunner().invoke(app, ["monitor", "rebuild", "beer", "--home", str(home)])
    assert "beer" in str(unknown.exception)
