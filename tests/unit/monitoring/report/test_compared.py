from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import msgspec
import pandas as pd
import polars as pl
import pytest

import garcom
from garcom.errors import InputError
from garcom.monitoring.records import Report

BEFORE: dict[str, list[Any]] = {
    "x": [float(i % 50) for i in range(500)],
    "answer": ["bom", "ruim"] * 250,
    "was": ["bom", "ruim"] * 250,
}
NOW: dict[str, list[Any]] = {
    "x": [float(i % 50) + 30 for i in range(500)],
    "answer": ["bom", "ruim"] * 250,
    "was": ["bom"] * 500,
}


@pytest.mark.parametrize("made", [pd.DataFrame, pl.DataFrame, dict], ids=["pandas", "polars", "columns"])
def test_two_tables_are_compared(made: type) -> None:
    found = garcom.report(made(BEFORE), made(NOW), prediction="answer", truth="was")
    assert isinstance(found, garcom.Compared)
    assert found.drifted is True
    assert found.verdict[0] == "1 of 1 features drifted: x."
    assert "worse than the baseline" in " ".join(found.verdict)
    assert repr(found).startswith("Report: current against reference\n1 of 1 features drifted: x.")
    assert ("drift", "x", "failed") in [check[:3] for check in found.checks()]


def test_too_few_rows_are_neither_drift_nor_none() -> None:
    few = {name: values[:12] for name, values in NOW.items()}
    assert garcom.report(BEFORE, few).drifted is None


def test_it_is_written_in_every_form(tmp_path: Path) -> None:
    found = garcom.report(BEFORE, BEFORE)
    assert found.drifted is False
    assert msgspec.json.decode(found.json(tmp_path / "a.json"), type=Report) == found.record
    assert json.loads((tmp_path / "a.json").read_text(encoding="utf-8"))["title"] == "current against reference"
    assert ElementTree.fromstring(found.junit(tmp_path / "a.xml")).tag == "testsuites"
    assert found.html(tmp_path / "a.html", language="pt") == (tmp_path / "a.html").read_text(encoding="utf-8")
    with pytest.raises(InputError, match="Expected a language of en, pt, got 'fr'"):
        found.html(language="fr")
    with pytest.raises(InputError, match=r"Cannot write .*Choose another file"):
        found.html(tmp_path / "no" / "a.html")


def test_a_notebook_shows_the_page_in_a_frame_of_its_own() -> None:
    found = garcom.report(BEFORE, {**NOW, "x": [None] * 500})
    frame = ElementTree.fromstring(found._repr_html_())
    assert frame.get("sandbox") == "allow-scripts"
    assert ElementTree.fromstring(frame.get("srcdoc", "")).tag == "html"


def test_two_files_are_compared_and_a_mixture_is_refused(tmp_path: Path) -> None:
    pl.DataFrame(BEFORE).write_parquet(tmp_path / "before.parquet")
    pl.DataFrame(NOW).write_csv(tmp_path / "now.csv")
    assert garcom.report(tmp_path / "before.parquet", str(tmp_path / "now.csv")).drifted is True
    with pytest.raises(InputError, match="two tables or two files, got one of each"):
        garcom.report(tmp_path / "before.parquet", NOW)
