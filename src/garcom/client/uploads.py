"""Bundles on their way to a server."""

from __future__ import annotations

import base64
import hashlib
import tempfile
from pathlib import Path
from typing import NamedTuple

from garcom.model.archive import zip_bundle
from garcom.model.bundle import read_bundle

ZIP = "application/zip"


class Packed(NamedTuple):
    """The zip of a bundle, the name that it was packed under, and the header that tells its digest."""

    name: str
    content: bytes
    digest: str


def packed(path: Path) -> Packed:
    """A bundle's folder or zip, verified. Raises :class:`~garcom.errors.BundleError`."""
    bundle = read_bundle(path)
    if path.is_file():
        content = path.read_bytes()
    else:
        with tempfile.TemporaryDirectory(prefix="garcom-upload-") as folder:
            content = zip_bundle(bundle.folder, Path(folder, "bundle.zip")).read_bytes()
    digest = base64.b64encode(hashlib.sha256(content).digest()).decode()
    return Packed(bundle.name, content, f"sha-256=:{digest}:")
