"""The proof of a bundle, as tables for people."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from garcom.cli.output import number, plain, table
from garcom.model.bundle import Choice
from garcom.model.proof import TIMED_ROWS, CandidateReport, Proof, merged_reasons

if TYPE_CHECKING:
    from rich.console import Console

_STYLES = {"won": "bold green", "proved": "green", "failed": "red", "not convertible": "dim", "stopped": "dim"}


def tell_proof(console: Console, proof: Proof) -> None:
    """Print what was compared, each candidate engine's result and timings, and why some were not taken."""
    sentence = proof.sentence()
    if not proof.candidates:
        console.print(f"{sentence[0].upper()}{sentence[1:]}.")
        return
    style = "" if proof.on_real_rows else "bold yellow"
    console.print(sentence[0].upper() + sentence[1:].rstrip(".") + ".", style=style)
    if proof.unstable_rows:
        console.print(
            f"Not judged: {proof.unstable_rows:,} rows on which the original disagrees with itself in another batch."
        )
    timings = [f"{rows:,} row{'s' if rows > 1 else ''}" for rows in TIMED_ROWS]
    candidates = table("Engine", "Result", "Flips", "Largest Δ", *timings, numbers=("Flips", "Largest Δ", *timings))
    for report in proof.candidates:
        candidates.add_row(*_cells(report), style=_STYLES[report.status])
    console.print(candidates)
    for reason in merged_reasons(proof.candidates):
        console.print(plain(reason), style="dim")
    if proof.tolerance:
        console.print(f"Asked for: {plain(proof.tolerance)}.", style="dim")
    libraries = ", ".join(f"{plain(name)} {plain(version)}" for name, version in sorted(proof.libraries.items()))
    if libraries:
        console.print(f"Proved with {libraries}.", style="dim")


def tell_choice(console: Console, choice: Sequence[Choice]) -> None:
    """Print which engine answers how many rows, where there is more than one."""
    if len(choice) < 2:
        return
    parts = [
        f"{plain(each.engine)} for {'more' if each.up_to_rows is None else f'calls of up to {each.up_to_rows:,} rows'}"
        for each in choice
    ]
    console.print(f"In use: {', '.join(parts)}.")


def _cells(report: CandidateReport) -> list[str]:
    return [
        plain(report.name),
        report.status,
        f"{report.flips:,}" if report.compared else "-",
        f"{report.largest_difference:.1e}" if report.largest_difference is not None else "-",
        *(duration(report.timings_us.get(str(rows))) for rows in TIMED_ROWS),
    ]


def duration(microseconds: float | None) -> str:
    """A duration in the unit that suits it: ``21.4 µs``, ``9.15 ms``, ``1.2 s``; ``-`` for None."""
    if microseconds is None:
        return "-"
    for limit, unit in ((1e3, "µs"), (1e6, "ms")):
        if microseconds < limit:
            return f"{number(microseconds / (limit / 1e3))} {unit}"
    return f"{number(microseconds / 1e6)} s"
