"""Signatures under bundles: who vouches for one (Ed25519, RFC 8032).

A signature stands in the bundle as ``signed.json``, beside its files rather than among them: the digest, which it is
over, covers everything else and stays as it was, so the same content is the same version whether it is signed or not.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import msgspec
from msgspec import Meta

from garcom.errors import BundleError, InputError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

#: The file of a bundle that its manifest does not list.
SIGNED = "signed.json"
SIZE_LIMIT_BYTES = 4096
#: Before the digest, so that a signature under a bundle can be none of anything else.
_CONTEXT = b"garcom bundle signature 1\n"


class BundleSignature(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A signature under a bundle's digest; both parts in hexadecimal."""

    format: Literal[1] = 1
    public_key: Annotated[str, Meta(pattern="^[0-9a-f]{64}$")]
    signature: Annotated[str, Meta(pattern="^[0-9a-f]{128}$")]

    @property
    def fingerprint(self) -> str:
        """What names the key: the SHA-256 of its 32 bytes, in hexadecimal."""
        return fingerprint(self.public_key)

    def verify(self, digest: str, origin: str) -> None:
        """Raise :class:`~garcom.errors.BundleError` unless this key signed the bundle of this digest."""
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

        try:
            key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(self.public_key))
            key.verify(bytes.fromhex(self.signature), _CONTEXT + digest.encode())
        except (InvalidSignature, ValueError) as error:
            raise BundleError(
                f"{SIGNED} of {origin} does not fit: that key did not sign this bundle. Have it signed again with "
                f"`garcom sign`, or remove {SIGNED}."
            ) from error


def fingerprint(public_key: str) -> str:
    """The SHA-256 of a public key's bytes; both in hexadecimal."""
    return hashlib.sha256(bytes.fromhex(public_key)).hexdigest()


def sign(digest: str, key: Ed25519PrivateKey) -> BundleSignature:
    """The signature of this key under the bundle of this digest."""
    return BundleSignature(
        public_key=key.public_key().public_bytes_raw().hex(), signature=key.sign(_CONTEXT + digest.encode()).hex()
    )


def read_signature(folder: Path) -> BundleSignature | None:
    """The signature that stands in a bundle's folder, not yet verified; None where there is none.

    Raises :class:`~garcom.errors.BundleError` for a file that holds none.
    """
    try:
        with (folder / SIGNED).open("rb") as stream:
            data = stream.read(SIZE_LIMIT_BYTES + 1)
    except FileNotFoundError:
        return None
    try:
        if len(data) > SIZE_LIMIT_BYTES:
            raise ValueError(f"it is longer than {SIZE_LIMIT_BYTES:,} bytes")
        return msgspec.json.decode(data, type=BundleSignature)
    except ValueError as error:  # msgspec's own errors are such
        raise BundleError(
            f"{SIGNED} of {folder.name} is no signature: {error}. Sign it again with `garcom sign`, or remove it."
        ) from error


def read_private_key(path: Path) -> Ed25519PrivateKey:
    """The key of a file that ``garcom keys new`` made (PKCS #8 in PEM). Raises :class:`~garcom.errors.InputError`."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        key = load_pem_private_key(_read(path), None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise _no_key("private", path) from error
    if not isinstance(key, Ed25519PrivateKey):
        raise _no_key("private", path)
    return key


def read_public_key(path: Path) -> str:
    """The key of a file (SubjectPublicKeyInfo in PEM), in hexadecimal. Raises :class:`~garcom.errors.InputError`."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    try:
        key = load_pem_public_key(_read(path))
    except (ValueError, UnsupportedAlgorithm) as error:
        raise _no_key("public", path) from error
    if not isinstance(key, Ed25519PublicKey):
        raise _no_key("public", path)
    return key.public_bytes_raw().hex()


def private_pem(key: Ed25519PrivateKey) -> bytes:
    """The private key as a file: PKCS #8 in PEM, not encrypted."""
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def public_pem(key: Ed25519PublicKey) -> bytes:
    """The public key as a file: SubjectPublicKeyInfo in PEM."""
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as stream:
            return stream.read(SIZE_LIMIT_BYTES)
    except OSError as error:
        raise InputError(f"Expected a key at {path}, and it cannot be read ({error.strerror}).") from error


def _no_key(kind: str, path: Path) -> InputError:
    return InputError(
        f"Expected an Ed25519 {kind} key in PEM at {path}, as `garcom keys new NAME` makes it, and it is none."
    )
