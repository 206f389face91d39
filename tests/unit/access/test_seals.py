from __future__ import annotations

import stat
from pathlib import Path

from garcom.access.seals import Seal


def test_a_mark_is_good_for_one_text_one_purpose_and_one_installation(tmp_path: Path) -> None:
    seal = Seal.under(tmp_path)
    mark = seal.mark("csrf", "text")
    assert seal.fits(mark, "csrf", "text")
    assert Seal.under(tmp_path).fits(mark, "csrf", "text")
    assert not seal.fits(mark, "state", "text")
    assert not seal.fits(mark, "csrf", "other")
    assert not seal.fits("", "csrf", "text")
    assert not Seal.under(tmp_path / "other").fits(mark, "csrf", "text")


def test_its_secret_is_for_its_owner_only(tmp_path: Path) -> None:
    Seal.under(tmp_path)
    (secret,) = (tmp_path / "secrets").iterdir()
    assert stat.S_IMODE(secret.stat().st_mode) == 0o600
