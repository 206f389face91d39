from __future__ import annotations

from pathlib import Path

import pytest

from tests.chaos.failing_calls import Run, drain_journal, failing_calls, write_journal


@pytest.mark.parametrize("run", [write_journal, drain_journal])
def test_a_call_that_fails_loses_nothing_that_was_acknowledged(tmp_path: Path, run: Run) -> None:
    outcome, findings = failing_calls(tmp_path, "failing calls", run, at_most=3)
    assert outcome.cycles > 20
    assert {str(case): verdict for case, verdict, _ in findings if verdict != (0, 0)} == {}
