"""The one-file form of a bundle: a zip of its files, unpacked without trusting it."""

from __future__ import annotations

import hashlib
import zipfile
from pathlib import Path, PurePosixPath

from garcom.errors import BundleError
from garcom.model.bundle import MANIFEST, FileEntry, files_under, read_manifest

#: A zip whose files would take more than this is refused before anything is written.
SIZE_LIMIT_BYTES = 8 * 2**30
_MANIFEST_LIMIT_BYTES = 16 * 2**20
_FILES_LIMIT = 10_000
_CHUNK_BYTES = 2**20
# The same bundle gives the same zip, so times are those of the format's epoch.
_EPOCH = (1980, 1, 1, 0, 0, 0)


def zip_bundle(folder: Path, path: Path) -> Path:
    """Write the bundle in ``folder`` as the zip ``path``; the same bundle gives the same bytes."""
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


def unpack_bundle(path: Path, folder: Path, size_limit_bytes: int = SIZE_LIMIT_BYTES) -> None:
    """Unpack a bundle's zip into the empty ``folder``, verifying every byte on the way.

    Only names that the manifest lists are written, each with exactly the size and SHA-256 given there, so
    links, absolute paths, ``..``, doubled names and zip bombs end in a :class:`BundleError`.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            _unpack(archive, path.name, folder, size_limit_bytes)
    except (zipfile.BadZipFile, zipfile.LargeZipFile, NotImplementedError, EOFError, RuntimeError, ValueError) as error:
        raise BundleError(
            f"Expected a bundle, a folder or a zip file that `garcom pack` made, and {path.name} is none, or is "
            "damaged. Copy it again, or pack the model."
        ) from error


def _unpack(archive: zipfile.ZipFile, origin: str, folder: Path, size_limit_bytes: int) -> None:
    entries = archive.infolist()
    if len(entries) > _FILES_LIMIT:
        raise BundleError(f"{origin} holds {len(entries)} files, more than the {_FILES_LIMIT} that a bundle may have.")
    names = [entry.filename for entry in entries]
    doubled = next((name for name in names if names.count(name) > 1), None)
    if doubled is not None:
        raise BundleError(f"{origin} holds {doubled} twice.")
    if MANIFEST not in names:
        raise BundleError(f"{origin} is not a bundle: it has no {MANIFEST}. `garcom pack --zip` makes one.")
    data = _limited(archive, MANIFEST, _MANIFEST_LIMIT_BYTES)
    manifest = read_manifest(data, f"{MANIFEST} in {origin}")
    _check_names(names, manifest.files, origin)
    total = sum(entry.size for entry in manifest.files.values())
    if total > size_limit_bytes:
        raise BundleError(f"{origin} would take {total:,} bytes, more than the {size_limit_bytes:,} allowed.")
    for name, entry in manifest.files.items():
        _write(archive, name, entry, folder / name, origin)
    (folder / MANIFEST).write_bytes(data)


def _check_names(names: list[str], files: dict[str, FileEntry], origin: str) -> None:
    for name in files:
        parts = PurePosixPath(name).parts
        if not parts or name.startswith("/") or ".." in parts or "\\" in name or ":" in name or name == MANIFEST:
            raise BundleError(f"{origin} names the file {name!r}, which would leave the bundle's folder.")
    missing = sorted(set(files) - set(names))
    if missing:
        raise BundleError(f"{missing[0]} is missing from {origin}. Copy or pack it again.")
    added = sorted(set(names) - set(files) - {MANIFEST})
    if added:
        raise BundleError(f"{added[0]} was added to {origin} after packing. Remove it, or pack again.")


def _limited(archive: zipfile.ZipFile, name: str, limit_bytes: int) -> bytes:
    with archive.open(name) as source:
        data = source.read(limit_bytes + 1)
    if len(data) > limit_bytes:
        raise BundleError(f"{name} is longer than {limit_bytes:,} bytes.")
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
    except (zipfile.BadZipFile, OSError) as error:
        raise BundleError(f"{name} of {origin} is damaged: {error}. Copy or pack it again.") from error
    if size != entry.size or digest.hexdigest() != entry.sha256:
        raise BundleError(f"{name} of {origin} was changed after packing. Copy or pack it again.")
