from __future__ import annotations

import io

from rich.console import Console

from garcom.cli.proof import tell_proof
from garcom.model.proof import CandidateReport, Proof


def told(*reports: CandidateReport) -> str:
    proof = Proof(real_rows=5, placed_rows=7, unstable_rows=0, tolerance="", candidates=reports, libraries={})
    printed = io.StringIO()
    tell_proof(Console(file=printed, width=100), proof)
    return printed.getvalue()


def test_a_conversion_that_was_not_waited_for_is_stopped_not_impossible() -> None:
    said = told(
        CandidateReport(name="arrays", kind="arrays", status="won", largest_difference=0.0),
        CandidateReport(name="onnx-float32", kind="onnx", status="stopped", reason="still converting"),
        CandidateReport(name="onnx-float64", kind="onnx", status="stopped", reason="still converting"),
    )
    assert "not convertible" not in said
    assert [line.split()[1:4] for line in said.splitlines() if line.startswith("onnx-float32 ")] == [
        ["stopped", "-", "-"]
    ]
    assert said.count("still converting") == 1
    assert "onnx-float32, onnx-float64: still converting" in said
