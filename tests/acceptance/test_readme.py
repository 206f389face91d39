"""Every example of README and of the documentation, done word for word."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.acceptance.page_runner import Reader, matches
from tests.acceptance.shortened import shortened
from tests.documents import DOCS, README, README_PT, ROOT, blocks, follows, pages

RUNNABLE = {"console", "python"}
#: The Portuguese README has the blocks of the English one, which tests/unit/docs compares.
PAGES = [page for page in pages() if page != README_PT and any(block.language in RUNNABLE for block in blocks(page))]

#: Mostly packing, or one command after the other, which other tests do as well.
LONG = {
    DOCS / "how-to" / name
    for name in (
        "actuals.md",
        "audit.md",
        "call-from-python.md",
        "correct-the-signature.md",
        "datasets.md",
        "log-predictions-made-elsewhere.md",
        "pack-a-model.md",
        "log.md",
        "privacy.md",
        "python-models.md",
        "replay.md",
        "report.md",
        "run-in-production.md",
        "serve-many-models.md",
        "switch-versions.md",
        "upload-and-sign.md",
        "users-and-keys.md",
    )
}


@pytest.fixture(scope="session")
def folder_after(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Path], Path]:
    """A folder in which a page has been followed, made once; take a copy."""
    made: dict[Path, Path] = {}

    def folder(page: Path) -> Path:
        if page not in made:
            made[page] = tmp_path_factory.mktemp(page.stem)
            Reader(made[page]).follow(page)
        return made[page]

    return folder


@pytest.mark.parametrize(
    "page",
    [pytest.param(page, marks=shortened if page in LONG else (), id=str(page.relative_to(ROOT))) for page in PAGES],
)
def test_page(page: Path, tmp_path: Path, folder_after: Callable[[Path], Path]) -> None:
    if any(follows(other) == page for other in PAGES):
        folder_after(page)  # others go on from it, so it is followed once for all of them
        return
    before = follows(page)
    if before is not None:
        shutil.copytree(folder_after(before), tmp_path, dirs_exist_ok=True)
    Reader(tmp_path).follow(page)


def test_readme_is_among_the_pages() -> None:
    assert README in PAGES


@pytest.mark.parametrize(
    ("expected", "got"),
    [
        ("took 1.5 ms\n", "took 27 ms"),
        ("Packed wine-e3d924d14204.bundle", "Packed wine-08756ea0d96d.bundle"),
        ('{"id":"01a1fdb2-2574-7a12-b95b-1cf400a7395d"}', '{"id":"01a1fdb2-7fa1-757b-aec1-ad17e1629cbf"}'),
        ("a\n…\nz\n", "a\nb\nc\nz\n"),
        ("arrays  won  0  1.5 µs", "arrays won 0 27 ms"),
        ("arrays  won\nonnx-float64  failed  34", "arrays  won\nonnx-float64  proved  0"),
    ],
)
def test_outputs_of_one_shape_match(expected: str, got: str) -> None:
    assert matches(expected, got)


@pytest.mark.parametrize(
    ("expected", "got"),
    [
        ('"prediction":"barolo"', '"prediction":"barbera"'),
        ('"status": 422', '"status": 500'),
        ("a\n…\nz\n", "a\nb\n"),
        ("", "Traceback (most recent call last):"),
        ("arrays  won", "arrays  failed"),
        ("Registered wine:2", "Registered wine:1"),
    ],
)
def test_outputs_of_another_shape_do_not_match(expected: str, got: str) -> None:
    assert not matches(expected, got)
