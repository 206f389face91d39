"""The one-file form of a bundle: a zip of its files, unpacked without trusting it."""

from __future__ import annotations

import hashlib
import struct
import zipfile
import zlib
from collections import Counter
from pathlib import Path

from garcom.errors import BundleError
from garcom.model.archive_structure import check_entries, find_directory, not_zip
from garcom.model.bundle import MANIFEST, UNLISTED, FileEntry, files_under, read_manifest
from garcom.model.file_names import shown
from garcom.model.signing import SIGNED, SIZE_LIMIT_BYTES

#: A zip whose files would take more than this is refused before anything is written.
UNPACKED_LIMIT_BYTES = 8 * 2**30
_MANIFEST_LIMIT_BYTES = 4 * 2**20
_CHUNK_BYTES = 2**20
# The same bundle gives the same zip, so times are those of the format's epoch.
_EPOCH = (1980, 1, 1, 0, 0, 0)
#: What reading a hostile or damaged zip may raise.
_DAMAGED = (
    zipfile.BadZipFile,
    zipfile.LargeZipFile,
    zlib.error,
    struct.error,
    EOFError,
    RuntimeError,  # encrypted, or a method that is not known
    ValueError,
    OverflowError,
)


def zip_bundle(folder: Path, path: Path) -> Path:
    """Write the bundle in ``folder``, with its signature, as the zip ``path``; the same bundle gives the same bytes."""
    partial = path.with_name(path.name + ".partial")
    with zipfile.ZipFile(partial, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in files_under(folder):
            info = zipfile.ZipInfo(name, _EPOCH)
            info.compress_type = zipfile.ZIP_DEFLATED
            info.external_attr = 0o644 << 16
            with (folder / name).open("rb") as source, archive.open(info, "w", force_zip64=True) as target:
                while chunk := source.read(_CHUNK_BYTES):
                    target.write(chunk)
    return partial.replace(path)


def unpack_bundle(
    path: Path, folder: Path, size_limit_bytes: int = UNPACKED_LIMIT_BYTES, *, origin: str | None = None
) -> None:
    """Unpack a bundle's zip into the empty ``folder``, verifying every byte on the way.

    Only an archive that can be read in one way is opened (:mod:`garcom.model.archive_structure`), and only files that
    its manifest lists are written, under names that are safe everywhere (:mod:`garcom.model.file_names`), each with
    exactly the size and SHA-256 given there. Links, devices, absolute paths, ``..``, doubled names and zip bombs end in
    a :class:`BundleError`, which calls the archive ``origin`` (by default its file name).
    """
    origin = path.name if origin is None else origin
    if folder.is_symlink() or any(folder.iterdir()):
        raise BundleError(f"Expected an empty folder to unpack {origin} into, and {folder} is a link or holds files.")
    try:
        with path.open("rb") as stream:
            directory = find_directory(stream, origin)
            with zipfile.ZipFile(stream) as archive:
                check_entries(archive, stream, directory, origin)
                _unpack(archive, origin, folder, size_limit_bytes)
    except _DAMAGED as error:
        raise not_zip(origin) from error


def _unpack(archive: zipfile.ZipFile, origin: str, folder: Path, size_limit_bytes: int) -> None:
    names = archive.namelist()
    doubled = next((name for name, count in Counter(names).items() if count > 1), None)
    if doubled is not None:
        raise BundleError(f"{origin} holds {shown(doubled)} twice.")
    if MANIFEST not in names:
        raise BundleError(
            f"{origin} is not a bundle: it has no {MANIFEST}. `garcom pack --zip` makes one of a trained model."
        )
    data = _limited(archive, MANIFEST, _MANIFEST_LIMIT_BYTES, origin)
    manifest = read_manifest(data, f"{MANIFEST} in {origin}")
    _compare(names, manifest.files, origin)
    total = sum(entry.size for entry in manifest.files.values())
    if total > size_limit_bytes:
        raise BundleError(f"{origin} would take {total:,} bytes, more than the {size_limit_bytes:,} allowed.")
    for name, entry in manifest.files.items():
        if archive.getinfo(name).file_size != entry.size:
            raise _changed(name, origin)
    for name, entry in manifest.files.items():
        _write(archive, name, entry, folder / name, origin)
    if SIGNED in names:
        (folder / SIGNED).write_bytes(_limited(archive, SIGNED, SIZE_LIMIT_BYTES, origin))
    (folder / MANIFEST).write_bytes(data)


def _compare(names: list[str], files: dict[str, FileEntry], origin: str) -> None:
    missing = sorted(set(files) - set(names))
    if missing:
        raise BundleError(f"{shown(missing[0])} is missing from {origin}. Copy or pack it again.")
    added = sorted(set(names) - set(files) - UNLISTED)
    if added:
        raise BundleError(f"{shown(added[0])} was added to {origin} after packing. Remove it, or pack again.")


def _limited(archive: zipfile.ZipFile, name: str, limit_bytes: int, origin: str) -> bytes:
    with archive.open(name) as source:
        data = source.read(limit_bytes + 1)
    if len(data) > limit_bytes:
        raise BundleError(f"{name} of {origin} is longer than {limit_bytes:,} bytes.")
    return data


def _write(archive: zipfile.ZipFile, name: str, entry: FileEntry, path: Path, origin: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    digest, size = hashlib.sha256(), 0
    try:
        with archive.open(name) as source, path.open("xb") as target:
            while chunk := source.read(min(_CHUNK_BYTES, entry.size - size + 1)):
                size += len(chunk)
                if size > entry.size:
                    break
                digest.update(chunk)
                target.write(chunk)
    except (*_DAMAGED, FileExistsError) as error:
        raise BundleError(f"{name} of {origin} is damaged: {error}. Copy or pack it again.") from error
    if size != entry.size or digest.hexdigest() != entry.sha256:
        raise _changed(name, origin)


def _changed(name: str, origin: str) -> BundleError:
    return BundleError(f"{name} of {origin} was changed after packing. Copy or pack it again.")
