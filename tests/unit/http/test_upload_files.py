"""Files of uploads, and those that a killed worker left behind."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from garcom.http.upload_files import UploadFile, clear_leftovers


def age(path: Path) -> None:
    os.utime(path, (0, 0))


def test_an_upload_is_for_its_owner_only_and_leaves_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "uploads"
    file = UploadFile(folder)
    file.write(b"ab" * 1000)
    file.write(b"c")
    place = folder / file.name
    assert file.sha256 == hashlib.sha256(b"ab" * 1000 + b"c").digest()
    assert (place / "upload.zip").read_bytes() == b"ab" * 1000 + b"c"
    assert [path.stat().st_mode & 0o777 for path in (folder, place, place / "upload.zip")] == [0o700, 0o700, 0o600]
    (place / "upload").mkdir()
    (place / "upload" / "x").touch()
    file.remove()
    assert list(folder.iterdir()) == []


def test_what_nobody_holds_goes_with_the_next_upload(tmp_path: Path) -> None:
    held = UploadFile(tmp_path)
    for name, content in (("killed", "upload.zip"), ("unpacking", "upload/x")):
        (tmp_path / name / content).parent.mkdir(parents=True)
        (tmp_path / name / content).touch()
    young = tmp_path / "young"
    young.mkdir()
    for path in (tmp_path / held.name, tmp_path / "killed", tmp_path / "unpacking"):
        age(path)
    other = UploadFile(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {held.name, "young", other.name}
    other.remove()
    held.remove()
    age(young)
    clear_leftovers(tmp_path)
    assert list(tmp_path.iterdir()) == []
