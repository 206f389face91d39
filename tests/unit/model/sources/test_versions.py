"""What is installed here."""

from __future__ import annotations

from pathlib import Path

import pytest

from garcom.model.sources.versions import distributions


def _install(folder: Path, module: str) -> None:
    described = folder / f"dist_{module}-1.0.dist-info"
    described.mkdir()
    (described / "METADATA").write_text(f"Metadata-Version: 2.1\nName: dist-{module}\nVersion: 1.0\n")
    (described / "top_level.txt").write_text(f"{module}\n")


def test_a_distribution_is_known_by_its_module() -> None:
    assert distributions()["sklearn"] == ["scikit-learn"]
    assert distributions() is distributions()


def test_what_is_installed_later_is_found_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(tmp_path))
    _install(tmp_path, "vinho")
    assert distributions()["vinho"] == ["dist-vinho"]
    assert "queijo" not in distributions()
    _install(tmp_path, "queijo")
    assert distributions()["queijo"] == ["dist-queijo"]
