"""Columns over time on the page, in the verdict and in the terminal."""

from __future__ import annotations

import io
from datetime import timedelta
from xml.etree import ElementTree

import msgspec
import pytest
from rich.console import Console

from garcom.cli.describe_report import tell_report
from garcom.monitoring.records import DriftOverTime, Part, QualityOverTime, Report, Spell
from garcom.monitoring.report.page import page
from garcom.monitoring.report.unsaid import unsaid
from garcom.monitoring.report.verdict import Sentence, verdict
from tests.unit.monitoring.report.reports import DRIFT, HOSTILE, QUALITY, RICH, SINCE, column

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
MOVED = Spell(since=SINCE + 4 * DAY, most=0.6, most_at=SINCE + 5 * DAY)
BACK = Spell(since=SINCE + DAY, until=SINCE + 3 * DAY, most=0.3, most_at=SINCE + DAY)


def in_parts(length: timedelta = DAY, moved: Spell = MOVED, back: Spell = BACK) -> Report:
    """The report with everything, in seven parts: pH moved, what has a hostile name came back, taste is unseen."""
    parts = tuple(Part(since=SINCE + at * length, until=SINCE + (at + 1) * length, rows=228) for at in range(7))
    ph = DriftOverTime(
        effects=(0.02, 0.03, 0.01, 0.04, 0.5, 0.6, None), drifted=(False,) * 4 + (True, True, None), spell=moved
    )
    came_back = DriftOverTime(
        effects=(0.01, 0.3, 0.2, 0.01, 0.02, 0.03, None),
        drifted=(False, True, True, False, False, False, None),
        spell=back,
    )
    told = {"pH": ph, HOSTILE: came_back}
    columns = [msgspec.structs.replace(each, over_time=told.get(each.column)) for each in DRIFT.columns]
    tastes = QualityOverTime(
        missing=(0.0,) * 6 + (None,),
        unseen=(0.0, 0.2, 0.1, 0.0, 0.0, 0.0, None),
        spells={"unseen": msgspec.structs.replace(back, most=0.2)},
        at_fault={"unseen": (False, True, True, False, False, False, None)},
    )
    quality = [
        msgspec.structs.replace(each, over_time=tastes) if each.column == "taste" else each for each in QUALITY.columns
    ]
    return msgspec.structs.replace(
        RICH,
        drift=msgspec.structs.replace(DRIFT, columns=tuple(columns), parts=parts),
        quality=msgspec.structs.replace(QUALITY, columns=tuple(quality), parts=parts),
    )


def drawings(report: Report, language: str = "en") -> dict[str, ElementTree.Element]:
    found = ElementTree.fromstring(page(report, language)).iter("svg")
    return {each.get("aria-label", ""): each for each in found}


def sentences(report: Report, language: str = "en") -> list[tuple[str, str]]:
    told: list[Sentence] = verdict(report, language)
    return [(each.state, each.text) for each in told if "2026" in each.text and each.part in ("drift", "quality")]


def test_it_says_since_when() -> None:
    assert sentences(in_parts()) == [
        ("bad", "pH drifted since 2026-11-18 (effect 0.6 at the most, 2026-11-19)."),
        (
            "unknown",
            "Over the whole window these have not drifted, but in parts of it: "
            f"{HOSTILE} (from 2026-11-15 to 2026-11-16).",
        ),
        ("bad", "Unseen categories in taste from 2026-11-15 to 2026-11-16 (20.00% at the most, 2026-11-15)."),
    ]
    assert sentences(in_parts(), "pt")[0] == ("bad", "pH mudou desde 2026-11-18 (efeito máximo 0,6, 2026-11-19).")
    assert sentences(RICH) == []


@pytest.mark.parametrize(
    ("length", "changes", "told"),
    [
        (DAY, {"or_before": True}, "since 2026-11-18 or before"),
        (DAY, {"until": SINCE + 5 * DAY}, "on 2026-11-18"),
        (DAY, {"until": SINCE + 6 * DAY, "or_before": True}, "until 2026-11-19"),
        (HOUR, {}, "since 2026-11-18 00:00 UTC"),
        (HOUR, {"until": SINCE + 4 * DAY + 2 * HOUR}, "from 2026-11-18 00:00 UTC to 2026-11-18 02:00 UTC"),
    ],
)
def test_a_spell_in_words(length: timedelta, changes: dict[str, object], told: str) -> None:
    report = in_parts(length, msgspec.structs.replace(MOVED, **changes))
    assert sentences(report)[0][1].startswith(f"pH drifted {told} (")


@pytest.mark.parametrize("language", ["en", "pt"])
def test_maps_are_drawn_and_told_to_those_who_cannot_see_them(language: str) -> None:
    drawn = drawings(in_parts(), language)
    labels = {
        "en": ("Drift of columns over time", "Faults of columns over time"),
        "pt": ("Mudança das colunas ao longo do tempo", "Problemas das colunas ao longo do tempo"),
    }
    drift, quality = (drawn[label] for label in labels[language])
    assert {each.get("class") for each in drift.iter("rect")} == {"heat hot", "heat still", "heat none"}
    assert len(list(drift.iter("rect"))) == 2 * 7
    titles = [each.text for each in drift.iter("title")]
    assert titles[4:7] == [
        f"pH, 2026-11-18: {'0.5' if language == 'en' else '0,5'} ▲",
        f"pH, 2026-11-19: {'0.6' if language == 'en' else '0,6'} ▲",
        "pH, 2026-11-20: –",
    ]
    assert len([each for each in drift.iter("line") if each.get("class") == "spell"]) == 2
    assert [each.get("class") for each in quality.iter("rect")].count("heat hot") == 2
    if language == "en":
        assert (drift.findtext("desc") or "").startswith("Rows: 2. Parts: 7, from 2026-11-14 to 2026-11-20. pH: since")
        assert quality.findtext("desc") == (
            "Rows: 1. Parts: 7, from 2026-11-14 to 2026-11-20. taste: unseen: from 2026-11-15 to 2026-11-16."
        )


def test_many_columns_are_cut_to_those_with_the_greatest_effect() -> None:
    quiet = DriftOverTime(effects=(0.05, 0.06), drifted=(False, False))
    loud = DriftOverTime(effects=(0.05, 0.07), drifted=(False, False))
    columns = [
        msgspec.structs.replace(column(f"c{at}", 0.05, 0.1), over_time=loud if at == 29 else quiet) for at in range(30)
    ]
    parts = in_parts().drift.parts[:2]  # type: ignore[union-attr]
    report = msgspec.structs.replace(
        RICH, drift=msgspec.structs.replace(DRIFT, columns=tuple(columns), parts=parts), quality=None
    )
    drawn = drawings(report)["Drift of columns over time"]
    assert len(list(drawn.iter("rect"))) == 20 * 2
    assert (next(drawn.iter("title")).text or "").startswith("c29, ")
    assert "The 20 rows with the greatest values of 30; all are in the JSON." in page(report)


def test_without_parts_there_is_no_map_but_a_reason() -> None:
    assert not any("over time" in label and "columns" in label for label in drawings(RICH))
    few = msgspec.structs.replace(
        RICH, drift=msgspec.structs.replace(DRIFT, parts_why="not enough rows in a part: 40 of 100")
    )
    assert ("drift", ("over_time",), "not enough rows in a part: 40 of 100") in unsaid(few)
    assert "linhas insuficientes em uma parte: 40 de 100" in page(few, "pt")


def test_the_terminal_has_a_column_for_it() -> None:
    console = Console(file=io.StringIO(), width=300)
    tell_report(console, in_parts())
    told = console.file.getvalue()  # type: ignore[attr-defined]
    row = next(line for line in told.splitlines() if line.startswith("pH ") and "drifted" in line and "0.41" in line)
    assert "2026-11-18" in row
    assert "in parts, from 2026-11-15 to 2026-11-16" in told
    assert "Since" in told
    plain = Console(file=io.StringIO(), width=300)
    tell_report(plain, msgspec.structs.replace(RICH, drift=DRIFT))
    assert "Since" not in plain.file.getvalue()  # type: ignore[attr-defined]
