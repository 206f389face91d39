"""Tables as files for other tools."""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import IO

import polars as pl

from garcom.errors import InputError, SettingsError

_ENDINGS = {".parquet": "parquet", ".csv": "csv", ".jsonl": "jsonl", ".ndjson": "jsonl", ".arrow": "arrow"}
_WRITERS: dict[str, Callable[[pl.DataFrame, IO[bytes]], object]] = {
    "parquet": lambda frame, file: frame.write_parquet(file, compression="zstd"),
    "csv": lambda frame, file: frame.write_csv(file),
    "jsonl": lambda frame, file: frame.write_ndjson(file),
    "arrow": lambda frame, file: frame.write_ipc_stream(file),
}
#: The forms in which a table can be written: JSON is a record a line.
FORMATS = tuple(_WRITERS)


def told_format(path: Path, form: str | None = None) -> str:
    """The form that is asked for, or that the ending of the file tells; raises InputError for none."""
    found = form or _ENDINGS.get(path.suffix.lower())
    if found not in _WRITERS:
        expected = f"a file that ends in {', '.join(_ENDINGS)}, or --format {'|'.join(FORMATS)}"
        raise InputError(f"Expected {expected}; got {form or path.name!r}.")
    return found


def write_table(frame: pl.DataFrame, file: IO[bytes], form: str) -> None:
    """Write the rows to an open file in one of :data:`FORMATS`."""
    _WRITERS[form](frame, file)


def export_table(frame: pl.DataFrame, path: Path, form: str | None = None) -> None:
    """Write the rows to a file that is there as a whole or not at all; one that was there is replaced.

    Raises :class:`~garcom.errors.InputError` when neither ``form`` nor the ending tells a form, and
    :class:`~garcom.errors.SettingsError` where it cannot be written.
    """
    form = told_format(path, form)
    draft = path.with_name(f".{path.name}-{uuid.uuid4().hex}")
    try:
        with draft.open("xb") as file:
            write_table(frame, file, form)
        draft.replace(path)
    except OSError as error:
        raise SettingsError(f"{path} cannot be written ({error.strerror or error}). Choose another file.") from error
    finally:
        with contextlib.suppress(OSError):
            draft.unlink(missing_ok=True)
