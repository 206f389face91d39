"""References such as ``wine-2026-11`` and ``wine-2026-11:2``, and the search for what they name."""

from __future__ import annotations

from collections.abc import Iterable

from garcom.errors import DatasetNotFound
from garcom.lake.datasets.records import DatasetVersion
from garcom.model.names import check_name, split_reference
from garcom.suggestions import near

#: The most versions that a message names.
_SHOWN = 10


def parse_dataset(text: str) -> tuple[str, int | None]:
    """The name and the number, if there is one; raises :class:`~garcom.errors.InputError` for anything else."""
    name, number = split_reference(text)
    return check_name(name, "a dataset"), number


def require_version(versions: Iterable[DatasetVersion], name: str, number: int | None) -> DatasetVersion:
    """The dataset's version of this number among ``versions`` (ascending), or its newest.

    Raises :class:`~garcom.errors.DatasetNotFound` with near names, or with the numbers there are.
    """
    every = list(versions)
    found = [version for version in every if version.dataset == name]
    if not found:
        known = {version.dataset for version in every}
        hint = near(name, known) or " `garcom dataset list` lists those there are."
        raise DatasetNotFound(f"No dataset is named {name!r}.{hint}")
    if number is None:
        return found[-1]
    for version in found:
        if version.number == number:
            return version
    shown = ", ".join(version.reference for version in found[-_SHOWN:])
    more = f" (the newest {_SHOWN})" if len(found) > _SHOWN else ""
    raise DatasetNotFound(f"Dataset {name!r} has no version {number}. It has {shown}{more}.")
