from __future__ import annotations

from garcom.model.proof import CandidateReport, Status, merged_reasons


def report(name: str, status: Status, reason: str = "") -> CandidateReport:
    return CandidateReport(name=name, kind="onnx", status=status, reason=reason)


def test_each_reason_is_told_once() -> None:
    reports = [
        report("arrays", "won"),
        report("onnx-float32", "not convertible", "no converter"),
        report("onnx-float64", "not convertible", "no converter"),
        report("python", "failed", "2 other labels"),
    ]
    assert merged_reasons(reports) == ["onnx-float32, onnx-float64: no converter", "python: 2 other labels"]


def test_only_what_was_built_was_compared() -> None:
    assert [report("x", status).compared for status in ("won", "proved", "failed", "not convertible", "stopped")] == [
        True,
        True,
        True,
        False,
        False,
    ]
