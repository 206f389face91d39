"""A replay, as tables for people."""

from __future__ import annotations

from typing import TYPE_CHECKING

from garcom.cli.output import number, plain, table
from garcom.cli.proof import duration

if TYPE_CHECKING:
    from rich.console import Console

    from garcom.replay.records import Distribution, ReplayReport, Share, Truth

_SHOWN_QUANTILES = ("p1", "p5", "p25", "p50", "p75", "p95", "p99")
_CHANGES_SHOWN = 10
_ROWS_SHOWN = 5


def tell_report(console: Console, report: ReplayReport) -> None:
    """Print what a replay found, the most important first."""
    other = "what was answered then" if report.against == "log" else plain(report.against)
    console.print(f"{plain(report.candidate)} beside {other}", style="bold")
    _tell_rows(console, report)
    if not report.replayed:
        return
    _tell_agreement(console, report)
    _tell_changes(console, report)
    _tell_differences(console, report)
    if report.truth is not None:
        _tell_truth(console, report.truth)
    _tell_latency(console, report)
    _tell_most_different(console, report)


def _tell_rows(console: Console, report: ReplayReport) -> None:
    console.print(f"{report.replayed:,} of {report.rows:,} logged rows were replayed.")
    if report.refusals:
        refused = table("Refused by", "Because", "Field", "Rows", "The first", numbers=("Rows",))
        for each in report.refusals:
            detail = plain(each.detail)
            refused.add_row(plain(each.by), each.reason, plain(each.field) or "-", f"{each.rows:,}", detail)
        console.print(refused, style="yellow")
        console.print()
    if not report.replayed:
        console.print("So nothing can be said of the candidate.", style="bold yellow")
    elif report.too_few:
        console.print("These are too few to judge by; the interval says how little they tell.", style="bold yellow")


def _tell_agreement(console: Console, report: ReplayReport) -> None:
    same = "label" if report.tolerance is None else f"value within {report.tolerance:.3g} of the old one"
    console.print(f"The same {same}: {_share(report.agreement)}\n", style="bold")


def _tell_changes(console: Console, report: ReplayReport) -> None:
    if not report.changes:
        return
    changed = table("Was", "Would be", "Rows", "Share", numbers=("Rows", "Share"), title="Changed labels")
    for each in report.changes[:_CHANGES_SHOWN]:
        changed.add_row(plain(each.old), plain(each.new), f"{each.rows:,}", f"{each.share:.2%}")
    console.print(changed)
    console.print()


def _tell_differences(console: Console, report: ReplayReport) -> None:
    columns = (*_SHOWN_QUANTILES, "greatest")
    found = table("Difference", *columns, numbers=columns, title="Differences")
    if report.probabilities is not None:
        found.add_row("probabilities, |Δ|", *_cells(report.probabilities))
    for each in report.values:
        name = plain(each.name)
        found.add_row(f"{name}, Δ", *_cells(each.difference))
        found.add_row(f"{name}, Δ / |old|", *_cells(each.relative))
    if found.row_count:
        console.print(found)
        for each in report.values:
            console.print(f"Correlation of {plain(each.name)}: {number(each.correlation)}.")
        console.print()


def _tell_truth(console: Console, truth: Truth) -> None:
    # No title of the table, which is too narrow for it.
    console.print(f"Beside what really happened ({truth.rows:,} rows)", style="bold")
    found = table("Measure", "Old", "New", numbers=("Old", "New"))
    if truth.old is not None and truth.new is not None:
        found.add_row("accuracy", _percent(truth.old.share), _percent(truth.new.share))
    for each in truth.errors:
        found.add_row(f"{plain(each.name)}, mean |error|", number(each.old_mae), number(each.new_mae))
        found.add_row(f"{plain(each.name)}, root of mean error²", number(each.old_rmse), number(each.new_rmse))
    console.print(found)
    if truth.fixed is not None and truth.broken is not None:
        console.print(f"Wrong before, right now: {truth.fixed:,}. Right before, wrong now: {truth.broken:,}.")
    console.print()


def _tell_latency(console: Console, report: ReplayReport) -> None:
    found = table("Time per row", "Calls of", "p50", "p99", numbers=("p50", "p99"))
    for each in report.latency:
        calls = "whole requests, then" if each.rows_per_call is None else _rows(each.rows_per_call)
        found.add_row(plain(each.of), calls, duration(each.p50_us), duration(each.p99_us))
    if found.row_count:
        console.print(found)
        console.print()


def _tell_most_different(console: Console, report: ReplayReport) -> None:
    if not report.most_different:
        return
    found = table("id", "Was", "Would be", "|Δ|", numbers=("|Δ|",), title="The most different rows")
    for each in report.most_different[:_ROWS_SHOWN]:
        found.add_row(each.id, _told(each.old), _told(each.new), number(each.difference))
    console.print(found)
    more = len(report.most_different) - _ROWS_SHOWN
    if more > 0:
        console.print(f"{more} more with --json or --html.")


def _cells(distribution: Distribution) -> list[str]:
    quantiles = [number(distribution.quantiles.get(name)) for name in _SHOWN_QUANTILES]
    return [*quantiles, number(distribution.greatest)]


def _share(share: Share) -> str:
    if share.low is None or share.high is None:
        return "-"
    return f"{_percent(share.share)} ({share.count:,} of {share.rows:,}; 95 %: {share.low:.2%} to {share.high:.2%})"


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{value:.2%}"


def _rows(n: int) -> str:
    return f"{n:,} row{'s' if n > 1 else ''}"


def _told(answer: object) -> str:
    if isinstance(answer, dict):
        return ", ".join(f"{plain(name)} {_told(value)}" for name, value in answer.items())
    return number(answer) if isinstance(answer, float) else plain(answer)
