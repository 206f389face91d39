"""Where the files of a table stand: a local folder, or an address such as ``s3://bucket/prefix``.

Parquet files are written here and not by delta-rs, so that the order of the rows, the row groups and the statistics
are ours, and so that a file is on the disk before the commit names it.
"""

from __future__ import annotations

import io
import os
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import polars as pl
from deltalake.fs import DeltaStorageHandler

from garcom.storage.disk import DISK, Disk

#: Small enough that one id is found by reading a few MB, large enough to compress well.
ROW_GROUP_ROWS = 100_000


@dataclass(frozen=True)
class Place:
    """The root of one table. ``options`` are those of an object store, as delta-rs and polars name them."""

    uri: str
    options: Mapping[str, str] = field(default_factory=dict)
    disk: Disk = field(default=DISK, repr=False)

    def below(self, name: str) -> Place:
        """A place under this one, such as ``datasets/wine``."""
        return replace(self, uri=self.path(name))

    @property
    def folder(self) -> Path | None:
        """The local folder; None where the table stands in an object store."""
        return None if "://" in self.uri else Path(self.uri)

    def path(self, relative: str) -> str:
        """The full path of a file of the table."""
        return f"{self.uri}/{relative}"

    def write_parquet(self, frame: pl.DataFrame, under: str) -> tuple[str, int]:
        """Write a file below ``under``, durably; its path relative to the table and its size in bytes."""
        relative = f"{under}/{uuid.uuid4()}.parquet".lstrip("/")
        if self.folder is None:
            self._write(frame, self.path(relative))
            return relative, int(self._store().get_file_info([relative])[0].size)
        data = io.BytesIO()
        self._write(frame, data)
        self._write_durably(self.folder / relative, data)
        return relative, len(data.getbuffer())

    def delete(self, relative: str) -> None:
        """Delete a file that was never committed."""
        if self.folder is None:
            self._store().delete_file(relative)
        else:
            (self.folder / relative).unlink(missing_ok=True)

    def _write(self, frame: pl.DataFrame, target: str | io.BytesIO) -> None:
        frame.write_parquet(
            target,
            compression="zstd",
            compression_level=1,
            row_group_size=ROW_GROUP_ROWS,
            storage_options=dict(self.options) or None,
            credential_provider=None,
        )

    def _store(self) -> DeltaStorageHandler:
        """The object store of delta-rs, so that data and log are reached with the same options."""
        return DeltaStorageHandler(self.uri, dict(self.options))

    def sync_files(self, paths: list[Path]) -> None:
        """Make local files of one folder, and their names, durable."""
        for path in paths:
            self.disk.sync_path(path)
        if paths:
            self.disk.sync_path(paths[0].parent)

    def _write_durably(self, path: Path, data: io.BytesIO) -> None:
        self._make_folder(path.parent)
        fd = self.disk.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
        try:
            self.disk.write_all(fd, data.getbuffer(), 0)
            self.disk.sync(fd)
            self.disk.sync_path(path.parent)
        except BaseException:
            path.unlink(missing_ok=True)  # or a disk that is full would be the fuller after each attempt
            raise
        finally:
            os.close(fd)

    def _make_folder(self, folder: Path) -> None:
        """Make a folder and those above it, each name durable."""
        if not folder.is_dir():
            self._make_folder(folder.parent)
            folder.mkdir(exist_ok=True)
            self.disk.sync_path(folder.parent)
