from __future__ import annotations

import stat
import subprocess
import sys
from pathlib import Path

import pytest

from garcom.errors import SettingsError
from garcom.journal.pseudonyms import SubjectKey


def test_the_key_is_made_once_and_for_its_owner_only(tmp_path: Path) -> None:
    home = tmp_path / "home"
    first = SubjectKey.under(home).pseudonym("Maria da Conceição")
    assert len(first) == 32
    assert int(first, 16) >= 0
    assert SubjectKey.under(home).pseudonym("Maria da Conceição") == first
    file = home / "secrets" / "subjects.key"
    assert len(file.read_bytes()) == 32
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    assert [path.name for path in file.parent.iterdir()] == ["subjects.key"]


def test_pseudonyms_differ_by_subject_by_home_and_from_hashed_values(tmp_path: Path) -> None:
    key, other = SubjectKey.under(tmp_path / "a"), SubjectKey.under(tmp_path / "b")
    assert len({key.pseudonym("Ana"), key.pseudonym("ana"), other.pseudonym("Ana"), key.hashed(b"Ana")}) == 4


def test_accents_count_however_they_are_encoded() -> None:
    key = SubjectKey(bytes(32))
    assert key.pseudonym("Jos\u00e9") == key.pseudonym("Jose\u0301") != key.pseudonym("Jose")


def test_processes_that_come_at_once_get_the_same_key(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from garcom.journal.pseudonyms import SubjectKey; "
        "sys.stdin.readline(); print(SubjectKey.under(Path(sys.argv[1])).pseudonym('Ana'))"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "home")]
    started = [subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(4)]
    for process in started:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    answers = {process.communicate(timeout=60)[0] for process in started}
    assert answers == {SubjectKey.under(tmp_path / "home").pseudonym("Ana") + "\n"}


def test_a_damaged_key_is_told_and_never_replaced(tmp_path: Path) -> None:
    SubjectKey.under(tmp_path)
    file = tmp_path / "secrets" / "subjects.key"
    file.write_bytes(b"short")
    with pytest.raises(SettingsError, match=r"Expected a key of 32 bytes .* got 5\. Put it back from a backup"):
        SubjectKey.under(tmp_path)
    assert file.read_bytes() == b"short"


def test_a_place_where_no_key_can_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "secrets").write_text("a file")
    with pytest.raises(SettingsError, match="can be neither read nor made"):
        SubjectKey.under(tmp_path)
