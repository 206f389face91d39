"""How two versions of a dataset differ."""

from __future__ import annotations

import polars as pl

from garcom.lake.datasets.records import DatasetVersion, Difference, ProfileChange, RowChanges, TypeChange

#: Two hashes of 64 bits with other seeds: no two rows of a table of any size are taken for one.
_SEEDS = (0x6761_7263, 0x6F6D_3130)


def compare(before: DatasetVersion, after: DatasetVersion, old: pl.DataFrame, new: pl.DataFrame) -> Difference:
    """What has changed from one version to the other; ``old`` and ``new`` are their rows."""
    was, now = ({column.name: column for column in version.columns} for version in (before, after))
    both = [name for name in was if name in now]
    same = [name for name in both if was[name].type == now[name].type]
    return Difference(
        before=before.reference,
        after=after.reference,
        same_content=before.digest == after.digest,
        rows=_compare_rows(old.select(same), new.select(same), old.height, new.height),
        columns_added=tuple(column for name, column in now.items() if name not in was),
        columns_removed=tuple(column for name, column in was.items() if name not in now),
        types_changed=tuple(
            TypeChange(name, was[name].type, now[name].type) for name in both if was[name].type != now[name].type
        ),
        profiles_changed=tuple(
            ProfileChange(name, before.profile[name], after.profile[name])
            for name in both
            if before.profile[name] != after.profile[name]
        ),
    )


def _compare_rows(old: pl.DataFrame, new: pl.DataFrame, n_old: int, n_new: int) -> RowChanges:
    kept = 0 if old.width == 0 else _count_common(old, new)
    return RowChanges(added=n_new - kept, removed=n_old - kept, kept=kept, columns=tuple(old.columns))


def _count_common(old: pl.DataFrame, new: pl.DataFrame) -> int:
    """How many rows both have, each as often as it occurs in both."""
    counted = _counted(old).join(_counted(new), on=["a", "b"], suffix="_new")
    return int(counted.select(pl.min_horizontal("n", "n_new").sum()).item())


def _counted(frame: pl.DataFrame) -> pl.DataFrame:
    hashes = pl.DataFrame({name: frame.hash_rows(seed) for name, seed in zip("ab", _SEEDS, strict=True)})
    return hashes.group_by("a", "b").len("n")
