"""Puts a signature into a bundle, in either of its forms."""

from __future__ import annotations

import os
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from garcom.errors import InputError
from garcom.model.archive import zip_bundle
from garcom.model.bundle import read_bundle
from garcom.model.signing import SIGNED, sign

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey


class SignedBundle(NamedTuple):
    """What was signed, and the fingerprint of the key that did."""

    digest: str
    fingerprint: str


def sign_bundle(path: Path, key: Ed25519PrivateKey) -> SignedBundle:
    """Sign the bundle at ``path``, its folder or its zip; a signature that is there is replaced.

    Raises :class:`~garcom.errors.BundleError` for a damaged bundle, :class:`~garcom.errors.InputError` where the
    signature cannot be written.
    """
    bundle = read_bundle(path, signature=False)
    signature = sign(bundle.digest, key)
    data = msgspec.json.format(msgspec.json.encode(signature, order="sorted"), indent=2) + b"\n"
    try:
        _replace(bundle.folder / SIGNED, data)
        if path.is_file():
            zip_bundle(bundle.folder, path)
    except OSError as error:
        raise InputError(f"The signature cannot be written into {path} ({error.strerror}).") from error
    return SignedBundle(bundle.digest, signature.fingerprint)


def _replace(path: Path, data: bytes) -> None:
    partial = path.with_name(f"{path.name}.{uuid.uuid4().hex}")
    try:
        partial.write_bytes(data)
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)
