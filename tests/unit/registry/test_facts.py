from __future__ import annotations

import math
from pathlib import Path

from garcom.model.bundle import read_bundle
from garcom.registry.facts import flat_metrics, summarise
from tests.bundles import make_bundle


def test_metrics_are_numbers_by_dotted_name() -> None:
    nested = {
        "accuracy": 1,
        "f1": {"bom": 0.5, "deep": {"er": 2}},
        "confusion": [[1]],
        "ok": True,
        "text": "x",
        "no": None,
    }
    assert flat_metrics(nested) == {"accuracy": 1.0, "f1.bom": 0.5, "f1.deep.er": 2.0}
    assert math.isnan(flat_metrics({"roc_auc": math.nan})["roc_auc"])


def test_the_summary_says_what_was_proved(tmp_path: Path) -> None:
    proved = summarise(read_bundle(make_bundle(tmp_path / "a")))
    assert (proved.engines, proved.real_rows, proved.placed_rows, proved.needs_python) == (
        ("arrays",),
        5000,
        812,
        False,
    )
    assert proved.proved_on_real_rows
    assert proved.size_bytes == sum(
        file.stat().st_size for file in (tmp_path / "a").rglob("*.*") if file.name != "manifest.json"
    )
    assert not summarise(read_bundle(make_bundle(tmp_path / "b", real_rows=0))).proved_on_real_rows
