"""Tables and verdicts."""

from __future__ import annotations

from bench.report import Section, against, spread, table


def test_table_lines_up_and_aligns_figures_right() -> None:
    lines = table(["system", "req/s"], [["a", "5"], ["bcdefgh", "1,000"]]).splitlines()
    assert lines == [
        "| system  | req/s |",
        "| ------- | ----: |",
        "| a       |     5 |",
        "| bcdefgh | 1,000 |",
    ]


def test_against() -> None:
    assert against(16.04, 15, "×") == ("16×", "≥ 15×", "yes")
    assert against(14.96, 15, "×")[2] == "NO"
    assert against(1.6, 1.5, " s", at_most=True) == ("1.6 s", "≤ 1.5 s", "NO")
    assert against(1.5, 1.5, " s", at_most=True)[2] == "yes"


def test_spread() -> None:
    assert spread([1234.5]) == "1,234"
    assert spread([3.0, 1.0, 2.0], 1) == "2.0 (1.0–3.0)"


def test_section_shows_its_notes_before_its_table() -> None:
    section = Section("Speed", ["ms"], [["10"]], ["A note."])
    assert section.markdown() == "## Speed\n\nA note.\n\n| ms |\n| -: |\n| 10 |\n"
