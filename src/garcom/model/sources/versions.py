"""Finds which library version wrote a pickle, from its bytes, without running anything in it."""

from __future__ import annotations

import bz2
import functools
import gzip
import lzma
import os
import re
import sys
import zlib
from collections.abc import Callable, Mapping
from importlib import metadata

from garcom.errors import LibraryMismatch

#: scikit-learn puts its version in every estimator's state. In a pickle the key is followed by opcodes that keep
#: it for later (MEMOIZE, BINPUT, LONG_BINPUT, PUT) and then by the value (SHORT_BINUNICODE, BINUNICODE, UNICODE);
#: pickletools cannot walk a joblib file, which has raw arrays between the opcodes.
_SKLEARN = re.compile(
    rb"_sklearn_version(?:\x94|q.|r.{4}|\np\d+\n)?(?:\x8c.|X.{4}|V)(\d+\.\d+[\w.+-]*?)(?=[\x94qrs]|\n|\Z)", re.DOTALL
)
#: XGBoost writes its version into the model's bytes as UBJSON, ``version`` = three small integers.
_XGBOOST = re.compile(rb"\x07version\[#L\x00{7}\x03i(.)i(.)i(.)", re.DOTALL)

_INFLATERS: tuple[tuple[bytes, Callable[[bytes], bytes]], ...] = (
    (b"\x1f\x8b", gzip.decompress),
    (b"\x78", zlib.decompress),
    (b"BZh", bz2.decompress),
    (b"\xfd7zXZ", lzma.decompress),
    (b"\x5d\x00\x00", lzma.decompress),
)


def inflate(data: bytes) -> bytes:
    """The bytes, decompressed where they begin like gzip, zlib, bzip2 or xz; raises ``EOFError`` where cut off."""
    for magic, decompress in _INFLATERS:
        if data.startswith(magic):
            try:
                return decompress(data)
            except (OSError, ValueError, zlib.error, lzma.LZMAError) as error:
                raise EOFError(str(error)) from error
    return data


def written_by(data: bytes) -> dict[str, set[str]]:
    """The versions of scikit-learn and XGBoost named in the bytes of a (decompressed) pickle."""
    found = {
        "scikit-learn": {match.group(1).decode("ascii") for match in _SKLEARN.finditer(data)},
        "xgboost": {".".join(str(part[0]) for part in match.groups()) for match in _XGBOOST.finditer(data)},
    }
    return {library: versions for library, versions in found.items() if versions}


def installed(distribution: str) -> str | None:
    """The version of a distribution installed here, or None."""
    for name in (distribution, f"{distribution}-cpu"):
        try:
            return metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return None


def distributions() -> Mapping[str, list[str]]:
    """The distributions installed here, by the top module that they bring.

    All of them are read, which takes a quarter of a second, and again only when a folder of ``sys.path`` has changed.
    """
    return _read_distributions(tuple((place, _changed_at(place)) for place in sys.path))


@functools.lru_cache(maxsize=1)
def _read_distributions(_places: tuple[tuple[str, int], ...]) -> Mapping[str, list[str]]:
    return metadata.packages_distributions()


def _changed_at(place: str) -> int:
    try:
        return os.stat(place or ".").st_mtime_ns
    except OSError:
        return 0


def check(name: str, written: dict[str, set[str]]) -> None:
    """Raise :class:`~garcom.errors.LibraryMismatch` unless each library here is the version that wrote ``name``."""
    for library, versions in written.items():
        here = installed(library)
        if here is not None and versions != {here}:
            raise mismatch(name, library, sorted(versions - {here})[0], here)


def mismatch(name: str, library: str, written: str, here: str) -> LibraryMismatch:
    """The error that names both versions."""
    return LibraryMismatch(
        f"{name!r} was written with {library} {written}, and {library} {here} is installed here. A model read by "
        f"another version can answer differently without a word. Run `pip install {library}=={written}` in this "
        "environment, or train and save the model again here."
    )
