"""Takes rows out of a table for good: out of its newest version, and out of every file that older ones have left."""

from __future__ import annotations

import time
from collections.abc import Iterator

import polars as pl
from deltalake.fs import DeltaStorageHandler
from pyarrow import fs

from garcom.errors import Conflict
from garcom.lake.place import Place
from garcom.lake.snapshot import FileFacts
from garcom.lake.tables import Table

#: How often a table is rewritten anew because others have replaced its files meanwhile.
_ATTEMPTS = 10
#: A file that cannot be read and is older than this was left by a process that died while it wrote.
_DEAD_AFTER_S = 3600.0


def erase_rows(table: Table, matches: pl.Expr) -> int:
    """Rewrite the files with rows that match, delete those that held any before, and give the number of rows.

    Where ``matches`` is null the row stays. Nobody may append such rows meanwhile, or arrange files anew: what they
    have read already would come back.
    """
    wanted = matches.fill_null(False)
    n_rows = _rewrite(table, ~wanted)
    _delete_leftovers(table, wanted)
    return n_rows


def delete_unnamed(table: Table) -> None:
    """Delete every file that the table does not name, however new it is. Nobody else may write to the table meanwhile.

    A vacuum goes by clocks, and a store's may be ahead.
    """
    named = {file.path for file in table.snapshot().all_files}
    store = DeltaStorageHandler(table.place.uri, dict(table.place.options))
    for found in list(_data_files(table.place, store)):
        if found.path not in named:
            store.delete_file(found.path)


def _rewrite(table: Table, keep: pl.Expr) -> int:
    n_rows = 0
    for attempt in range(_ATTEMPTS):
        try:
            for file in table.snapshot().all_files:
                n_rows += table.rewrite(keep, [file])
        except Conflict:
            if attempt + 1 == _ATTEMPTS:
                raise
        else:
            break
    return n_rows


def _delete_leftovers(table: Table, wanted: pl.Expr) -> None:
    """Delete the files that the table no longer names and that hold such rows; others belong to whom they belong."""
    snapshot = table.snapshot()
    if snapshot.version < 0:
        return
    named = {file.path for file in snapshot.all_files}
    store = DeltaStorageHandler(table.place.uri, dict(table.place.options))
    for found in list(_data_files(table.place, store)):
        if found.path in named:
            continue
        file = FileFacts(found.path, found.size, 0, {}, None, None)
        try:
            holds = snapshot.read([file]).select(wanted.any()).collect().item()
        except (pl.exceptions.PolarsError, OSError):
            holds = found.mtime is None or found.mtime.timestamp() < time.time() - _DEAD_AFTER_S
        if holds:
            store.delete_file(found.path)


def _data_files(place: Place, store: DeltaStorageHandler) -> Iterator[fs.FileInfo]:
    everything = fs.PyFileSystem(store).get_file_info(fs.FileSelector("", recursive=True))
    for found in everything:
        if found.type == fs.FileType.File and found.path.endswith(".parquet") and "_delta_log/" not in found.path:
            yield found
