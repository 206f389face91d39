from __future__ import annotations

from pathlib import Path

import pytest

from garcom.errors import Conflict, EngineError
from garcom.serving.predictor import load_predictor
from tests.integration.server.models import line, sleeper
from tests.unit.serving.engines import batch


def test_a_bundle_is_loaded_warm_and_answers(tmp_path: Path) -> None:
    loaded = load_predictor(line(tmp_path / "line", 2.5), "line", 3, allow_python=False, max_rows=10)
    outputs = loaded.run(batch(1.0, 4.0))
    assert outputs.values is not None
    assert outputs.values[:, 0].tolist() == [2.5, 10.0]
    assert (loaded.model, loaded.version) == ("line", 3)
    assert loaded.seconds(1000) >= loaded.seconds(1) > 0.0
    assert loaded.memory_bytes > 0
    loaded.close()


def test_a_python_engine_is_allowed_bounded_and_kept_off_the_loop(tmp_path: Path) -> None:
    folder = sleeper(tmp_path / "sleeper")
    with pytest.raises(Conflict, match="--allow-python"):
        load_predictor(folder, "sleeper", 1, allow_python=False, max_rows=10)
    loaded = load_predictor(folder, "sleeper", 1, allow_python=True, max_rows=10, python_timeout_s=0.5)
    try:
        assert loaded.rows_within(10.0) == 0
        outputs = loaded.run(batch(1.0))
        assert outputs.values is not None
        assert outputs.values[0, 0] == 2.0
        with pytest.raises(EngineError, match=r"took longer than 0\.5 s"):
            loaded.run(batch(20_000.0))
    finally:
        loaded.close()
