"""Small ext4 file systems in files, mounted through the loop device."""

from __future__ import annotations

import functools
import os
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@functools.cache
def why_not() -> str:
    """Why no file can be mounted here; empty where it can."""
    if os.geteuid() != 0:
        return "mounting a file system needs root"
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        try:
            with mounted(make_volume(folder / "image", 8), folder / "mount"):
                return ""
        except (OSError, subprocess.CalledProcessError) as error:
            told = getattr(error, "stderr", None) or str(error)
            return f"no file system can be mounted here: {told.strip()}"


def make_volume(image: Path, size_mb: int) -> Path:
    """An empty ext4 in a file. Everything is initialised at once, so that only its user writes to it later."""
    with image.open("xb") as file:
        os.posix_fallocate(file.fileno(), 0, size_mb << 20)
    _run("mkfs.ext4", "-q", "-F", "-E", "lazy_itable_init=0,lazy_journal_init=0", str(image))
    return image


@contextmanager
def mounted(image: Path, at: Path) -> Iterator[Path]:
    """Mount a file at a folder, past the page cache: what the file holds is what was written to the device."""
    at.mkdir(exist_ok=True)
    device = _run("losetup", "--find", "--show", "--direct-io=on", str(image))
    try:
        # The log is committed when somebody syncs, not by the clock.
        _run("mount", "-t", "ext4", "-o", "noatime,commit=300", device, str(at))
        try:
            yield at
        finally:
            _run("umount", str(at))
    finally:
        _run("losetup", "--detach", device)


def _run(*command: str) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout.strip()
