"""Datasets, as tables for people."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from garcom.cli.describe import moment, tell_pairs
from garcom.cli.output import number, plain, table

if TYPE_CHECKING:
    from rich.console import Console

    from garcom.lake.datasets.records import ColumnProfile, DatasetVersion, Difference

#: How many of the most frequent values are shown of a column, and how much of each.
_TOP_SHOWN = 3
_VALUE_SHOWN = 24


def tell_datasets(console: Console, versions: Sequence[DatasetVersion]) -> None:
    """Print one row per version."""
    if not versions:
        console.print("There is no dataset yet. `garcom dataset create NAME --from FILE` makes one.")
        return
    listed = table("Dataset", "Rows", "Columns", "Created", "From", "Digest", numbers=("Rows", "Columns"))
    for version in versions:
        listed.add_row(
            version.reference,
            f"{version.n_rows:,}",
            str(sum(not column.is_metadata for column in version.columns)),
            moment(version.created_at),
            _source(version),
            version.digest[:12],
        )
    console.print(listed)


def tell_dataset(console: Console, version: DatasetVersion) -> None:
    """Print a version: its columns with their profiles, erasures, and where it comes from."""
    console.print(f"{version.reference} ({version.n_rows:,} rows; created {moment(version.created_at)})", style="bold")
    console.print(f"Digest {version.digest}, version {version.delta_version} of its Delta table.\n")
    columns = ("Column", "Type", "Missing", "Distinct", "Least", "Greatest", "Mean", "Std", "Most frequent")
    listed = table(*columns, numbers=("Missing", "Distinct", "Least", "Greatest", "Mean", "Std"))
    for column in version.columns:
        profile = version.profile[column.name]
        listed.add_row(
            plain(column.name),
            column.type,
            f"{profile.missing:,}",
            f"{profile.distinct:,}",
            _end(profile.minimum),
            _end(profile.maximum),
            number(profile.mean),
            number(profile.std),
            _top(profile),
        )
    console.print(listed)
    console.print()
    for erasure in version.erasures:
        before = erasure.digest_before[:12]
        console.print(f"{erasure.n_rows:,} rows were erased on {moment(erasure.at)}; before, the digest was {before}.")
    tell_pairs(console, "Lineage", version.lineage)


def tell_difference(console: Console, found: Difference) -> None:
    """Print how two versions differ."""
    console.print(f"{found.before} → {found.after}", style="bold")
    if found.same_content:
        console.print("They have the same content.")
        return
    rows = found.rows
    console.print(f"Rows: {rows.added:,} added, {rows.removed:,} removed, {rows.kept:,} in both.")
    if found.columns_added or found.columns_removed or found.types_changed:
        n_columns = f"{len(rows.columns)} column{'' if len(rows.columns) == 1 else 's'}"
        console.print(f"Rows were compared on what both have with the same type: {n_columns}.")
    for column in found.columns_added:
        console.print(f"Column added: {plain(column.name)} ({column.type})")
    for column in found.columns_removed:
        console.print(f"Column removed: {plain(column.name)} ({column.type})")
    for change in found.types_changed:
        console.print(f"Type changed: {plain(change.name)}, {change.before} → {change.after}")
    if found.profiles_changed:
        console.print()
        listed = table("Column", "What", "Before", "After", numbers=("Before", "After"))
        for changed in found.profiles_changed:
            for what, before, after in _changes(changed.before, changed.after):
                listed.add_row(plain(changed.name), what, before, after)
        console.print(listed)


def _changes(before: ColumnProfile, after: ColumnProfile) -> Iterator[tuple[str, str, str]]:
    """What differs in what is shown of two profiles; that there are more rows or fewer is told apart."""
    pairs = (
        ("missing", f"{before.missing:,}", f"{after.missing:,}"),
        ("distinct", f"{before.distinct:,}", f"{after.distinct:,}"),
        ("least", _end(before.minimum), _end(after.minimum)),
        ("greatest", _end(before.maximum), _end(after.maximum)),
        ("mean", number(before.mean), number(after.mean)),
        ("std", number(before.std), number(after.std)),
        ("most frequent", _top(before), _top(after)),
    )
    return (pair for pair in pairs if pair[1] != pair[2])


def _source(version: DatasetVersion) -> str:
    lineage = version.lineage
    if lineage.get("source") == "predictions":
        return f"predictions of {plain(lineage['model'])}"
    return plain(lineage.get("file", lineage.get("source", "-")))


def _end(value: float | str | None) -> str:
    return plain(value) if isinstance(value, str) else number(value)


def _top(profile: ColumnProfile) -> str:
    """The most frequent values with their share of the rows, such as ``tinto 75 %``."""
    shown = list(profile.top.items())[:_TOP_SHOWN]
    return ", ".join(f"{_cut(plain(value))} {n / profile.count:.0%}" for value, n in shown)


def _cut(text: str) -> str:
    return text if len(text) <= _VALUE_SHOWN else f"{text[:_VALUE_SHOWN]}…"
