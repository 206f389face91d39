from __future__ import annotations

import errno
from pathlib import Path

import pytest

from tests.chaos.failing_calls import Run, drain_journal, failing_calls, failing_commits, write_journal


@pytest.mark.parametrize("run", [write_journal, drain_journal])
def test_a_call_that_fails_loses_nothing_that_was_acknowledged(tmp_path: Path, run: Run) -> None:
    outcome, findings = failing_calls(tmp_path, "failing calls", run, at_most=3)
    assert outcome.cycles > 20
    assert {str(case): verdict for case, verdict, _ in findings if verdict != (0, 0)} == {}


def test_a_commit_that_fails_for_a_moment_is_tried_again(tmp_path: Path) -> None:
    try:
        found = failing_commits(tmp_path, always=False)
    except OSError as error:
        if error.errno != errno.ENOTSUP:
            raise
        pytest.skip(str(error))
    assert (found.lost, found.doubled) == (0, 0)
