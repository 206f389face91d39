"""Files that reports are written into."""

from __future__ import annotations

from pathlib import Path

from garcom.errors import InputError


def write_down(path: Path, text: str) -> None:
    """Write a file; raises InputError with the reason when that cannot be done."""
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise InputError(f"Cannot write {path}: {error.strerror or error}. Choose another file.") from error
