from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from garcom.errors import SettingsError
from garcom.storage.blobs import Blobs

DIGEST = "a" * 64
OTHER = "b" * 64


def write_small(folder: Path) -> None:
    (folder / "inner").mkdir()
    (folder / "inner" / "data").write_bytes(b"content")


def names(folder: Path) -> set[str]:
    return {entry.name for entry in folder.iterdir()}


def test_put_stores_the_whole_content(tmp_path: Path) -> None:
    blobs = Blobs.under(tmp_path)
    with blobs.changing():
        assert DIGEST not in blobs
        stored = blobs.put(DIGEST, write_small)
        assert (stored / "inner" / "data").read_bytes() == b"content"
        assert DIGEST in blobs
    assert names(blobs.folder) == {DIGEST, ".lock"}


def test_a_fill_that_fails_leaves_nothing_and_keeps_what_was_there(tmp_path: Path) -> None:
    blobs = Blobs(tmp_path)

    def fail(folder: Path) -> None:
        write_small(folder)
        raise RuntimeError("half written")

    with blobs.changing():
        with pytest.raises(RuntimeError, match="half written"):
            blobs.put(OTHER, fail)
        assert OTHER not in blobs
        blobs.put(DIGEST, write_small)
        with pytest.raises(RuntimeError, match="half written"):
            blobs.put(DIGEST, fail)
    assert names(tmp_path) == {DIGEST, ".lock"}
    assert (blobs.path(DIGEST) / "inner" / "data").read_bytes() == b"content"


def test_a_full_disk_is_explained_and_leaves_nothing(tmp_path: Path) -> None:
    blobs = Blobs(tmp_path)

    def fill_up(folder: Path) -> None:
        write_small(folder)
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with blobs.changing(), pytest.raises(SettingsError, match=r"No space left on device.*--home or GARCOM_HOME"):
        blobs.put(DIGEST, fill_up)
    assert names(tmp_path) == {".lock"}


def test_a_folder_that_cannot_be_made_is_explained(tmp_path: Path) -> None:
    (tmp_path / "bundles").write_text("")
    with pytest.raises(SettingsError, match="cannot be changed"), Blobs.under(tmp_path).changing():
        pass


def test_put_again_replaces(tmp_path: Path) -> None:
    blobs = Blobs(tmp_path)
    with blobs.changing():
        (blobs.put(DIGEST, write_small) / "inner" / "data").write_bytes(b"damaged")
        stored = blobs.put(DIGEST, write_small)
    assert (stored / "inner" / "data").read_bytes() == b"content"


def test_what_a_killed_process_left_is_cleared_away(tmp_path: Path) -> None:
    blobs = Blobs(tmp_path)
    write_left = tmp_path / ".incoming-0123"
    write_left.mkdir()
    write_small(write_left)
    with blobs.changing():
        assert names(tmp_path) == {".lock"}


def test_keep_only_removes_the_rest_and_touches_nothing_else(tmp_path: Path) -> None:
    blobs = Blobs(tmp_path)
    (tmp_path / "README").write_text("mine")
    with blobs.changing():
        blobs.put(DIGEST, write_small)
        blobs.put(OTHER, write_small)
        assert blobs.keep_only({OTHER, "c" * 64}) == 1
        blobs.discard(DIGEST)  # not there: nothing happens
    assert names(tmp_path) == {OTHER, ".lock", "README"}


@pytest.mark.parametrize("digest", ["", "../../etc", "A" * 64, "a" * 63])
def test_a_digest_cannot_lead_out_of_the_folder(tmp_path: Path, digest: str) -> None:
    with pytest.raises(ValueError, match="64 hexadecimal"):
        Blobs(tmp_path).path(digest)
