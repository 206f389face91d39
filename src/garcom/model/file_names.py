"""The one rule for the names of files in a bundle, so that each is one file on every system, inside its folder."""

from __future__ import annotations

import re
from collections.abc import Iterable

from garcom.errors import BundleError

#: Folders that a file may be in, itself counted.
DEPTH_LIMIT = 8

_PART = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_.-]{0,98}[A-Za-z0-9_-])?", re.ASCII)
#: A name that messages need not quote.
_PLAIN = re.compile(r"[A-Za-z0-9_./-]{1,100}", re.ASCII)
_SHOWN = 100
#: Devices on Windows, whatever ending follows:
#: https://learn.microsoft.com/windows/win32/fileio/naming-a-file#naming-conventions
_DEVICE = re.compile(r"(?:con|prn|aux|nul|com[0-9]|lpt[0-9])(?:\..*)?", re.IGNORECASE)


def check_file_names(names: Iterable[str], origin: str) -> None:
    """Raise :class:`~garcom.errors.BundleError` unless all can stand together in one folder of any system.

    A name consists of 1 to 8 parts between slashes, each 1 to 100 of ``A-Z a-z 0-9 _ . -`` with neither a full stop
    nor a hyphen first. That leaves no room for ``..``, absolute paths, drives, control characters, spaces at the end or
    two spellings of one name. No two may differ by case only, and none may be another's folder.
    """
    seen: dict[str, str] = {}
    folders: set[str] = set()
    for name in names:
        parts = name.split("/")
        if len(parts) > DEPTH_LIMIT or not all(_PART.fullmatch(part) and not _DEVICE.fullmatch(part) for part in parts):
            raise BundleError(
                f"{origin} names the file {shown(name)}, which could leave the bundle's folder or be another file on "
                "another system. Names have letters (a-z), digits, '_', '.' and '-', up to 100 in each of at most "
                f"{DEPTH_LIMIT} parts."
            )
        key = name.lower()
        if key in seen:
            raise BundleError(f"{origin} names the file {shown(name)} twice, the other time as {shown(seen[key])}.")
        seen[key] = name
        folders.update("/".join(parts[:depth]).lower() for depth in range(1, len(parts)))
    both = next((name for key, name in seen.items() if key in folders), None)
    if both is not None:
        raise BundleError(f"{origin} names {shown(both)} both as a file and as a folder.")


def shown(name: str) -> str:
    """A name that somebody else chose, as messages tell it: quoted, escaped and cut where it is unusual."""
    if _PLAIN.fullmatch(name):
        return name
    return ascii(name if len(name) <= _SHOWN else f"{name[:_SHOWN]}...")
