"""The corpus of hostile archives: nothing leaves the folder, nothing but the good bundle comes out."""

from __future__ import annotations

import os
import tracemalloc
from collections import Counter
from pathlib import Path

import pytest

from garcom.errors import BundleError
from garcom.model.archive import unpack_bundle, zip_bundle
from garcom.model.bundle import read_bundle
from tests.bundles import make_bundle
from tests.unit.model.archive_corpus import Case, corpus, good_files
from tests.unit.model.hostile_names import BAIT

LIMIT_BYTES = 10_000_000
MEMORY_BYTES = 24 * 2**20


def surroundings(folder: Path, inside: Path) -> dict[str, tuple[int, int, bytes]]:
    """Everything around the target: kind, links and content of each, the target's inside left out."""
    found = {}
    for place, folders, files in os.walk(folder):
        here = Path(place)
        if here == inside:
            folders.clear()
            continue
        for name in (*folders, *files):
            path = here / name
            known = path.lstat()
            links = 0 if path.is_dir() else known.st_nlink
            found[str(path)] = known.st_mode, links, path.read_bytes() if path.is_file() else b""
    return found


def test_no_archive_of_the_corpus_escapes(tmp_path: Path) -> None:
    files = good_files(tmp_path / "good")
    cases = corpus(files)
    assert len(cases) >= 200
    assert max(Counter(case.name for case in cases).values()) == 1
    taken = [case.name for number, case in enumerate(cases) if unpacked(case, tmp_path / str(number), files)]
    must = {case.name for case in cases if not case.harmless}
    assert not must & set(taken)
    assert {"the bundle itself", "structure: packed", "structure: a small zip64"} <= set(taken)


def unpacked(case: Case, place: Path, files: dict[str, bytes]) -> bool:
    """Whether the archive was taken; whatever happens, nothing around the target may change."""
    target = place / "a" / "target"
    target.mkdir(parents=True)
    (place / BAIT).write_bytes(b"untouched")
    (place / "a" / BAIT).write_bytes(b"untouched")
    path = place / "a" / "upload.zip"
    path.write_bytes(case.make())
    before = surroundings(place, target)
    tracemalloc.start()
    refusal = ""
    try:
        unpack_bundle(path, target, LIMIT_BYTES)
        read_bundle(target)
    except BundleError as error:
        refusal = str(error)
    finally:
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert peak < MEMORY_BYTES, case.name
    assert surroundings(place, target) == before, case.name
    assert not any(path.is_symlink() for path in target.rglob("*")), case.name
    assert sum(path.stat().st_size for path in target.rglob("*") if path.is_file()) <= LIMIT_BYTES, case.name
    if refusal:
        assert len(refusal) < 1000, case.name
        assert refusal.isprintable(), case.name
        return False
    assert all((target / name).read_bytes() == data for name, data in files.items() if name != "manifest.json"), (
        case.name
    )
    return True


def test_the_target_may_be_neither_a_link_nor_full(tmp_path: Path) -> None:
    path = zip_bundle(make_bundle(tmp_path / "b"), tmp_path / "b.zip")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(BundleError, match="is a link or holds files"):
        unpack_bundle(path, tmp_path / "link")
    with pytest.raises(BundleError, match="is a link or holds files"):
        unpack_bundle(path, tmp_path / "b")
    assert not any((tmp_path / "elsewhere").iterdir())
