from __future__ import annotations

from pathlib import Path

from garcom.journal.owners import Owner


def test_an_owner_lives_until_it_is_closed_whoever_else_opens_the_file(tmp_path: Path) -> None:
    one, two = Owner(tmp_path / "owners"), Owner(tmp_path / "owners")
    assert (tmp_path / "owners").read_bytes() == b""
    assert one.lives(two.number)
    assert two.lives(one.number)
    assert not one.lives(two.number + 1)
    one.close()
    assert not two.lives(one.number)
    two.close()
