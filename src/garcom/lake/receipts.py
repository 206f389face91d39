"""Receipts of erasures: what was erased, when, and how much, signed with the installation's own key (Ed25519)."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Literal

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from garcom.errors import InputError, SettingsError
from garcom.storage.secret_file import secret

KEY_FILE = "receipts.key"


class TableVersions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The versions of one table of the lake; -1 where there is none yet."""

    name: str
    before: int
    after: int


class Erased(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How many rows went, by place; ``keys`` are the answers kept for repeated requests."""

    predictions: int
    actuals: int
    datasets: int
    keys: int

    @property
    def total(self) -> int:
        """All of them."""
        return self.predictions + self.actuals + self.datasets + self.keys


class Receipt(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What an erasure did. ``subject`` is the pseudonym: the name itself is in no receipt.

    ``public_key`` and ``signature`` are hexadecimal; signed is the canonical JSON of the rest: keys sorted, no
    spaces, ``signature`` empty.
    """

    kind: Literal["garcom erasure receipt"] = "garcom erasure receipt"
    format: Literal[1] = 1
    subject: str
    asked_at: datetime
    erased_at: datetime
    erased: Erased
    tables: tuple[TableVersions, ...]
    public_key: str = ""
    signature: str = ""

    def signed_by(self, key: Ed25519PrivateKey) -> Receipt:
        """The same receipt with a signature."""
        named = msgspec.structs.replace(self, public_key=key.public_key().public_bytes_raw().hex())
        return msgspec.structs.replace(named, signature=key.sign(named.signed_bytes()).hex())

    def signed_bytes(self) -> bytes:
        """The bytes that the signature is over."""
        return msgspec.json.encode(msgspec.structs.replace(self, signature=""), order="sorted")

    def verify(self, public_key: str) -> None:
        """Raise :class:`~garcom.errors.InputError` unless the owner of this key signed exactly this receipt."""
        if self.public_key != public_key:
            raise InputError(
                f"Expected a receipt signed with the key {public_key}, and this one names {self.public_key or 'none'}: "
                "it is of another installation. Give that installation's public key with --key."
            )
        try:
            key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(public_key))
            key.verify(bytes.fromhex(self.signature), self.signed_bytes())
        except (InvalidSignature, ValueError) as error:
            raise InputError(
                "Expected the receipt as it was signed, and its signature does not fit: something in it was changed."
            ) from error


def signing_key(home: Path) -> Ed25519PrivateKey:
    """The key that signs the receipts of a home folder, made if there is none."""
    data = secret(home, KEY_FILE, lambda: Ed25519PrivateKey.generate().private_bytes_raw())
    return _private_key(home, data)


def public_key(home: Path) -> str | None:
    """The key that verifies the receipts of a home folder, in hexadecimal; None where none was ever made."""
    path = home / "secrets" / KEY_FILE
    if not path.exists():
        return None
    return signing_key(home).public_key().public_bytes_raw().hex()


def _private_key(home: Path, data: bytes) -> Ed25519PrivateKey:
    try:
        return Ed25519PrivateKey.from_private_bytes(data)
    except ValueError as error:
        raise SettingsError(
            f"Expected an Ed25519 key of 32 bytes in {home / 'secrets' / KEY_FILE}, got {len(data)} bytes. Put it back "
            "from a backup: another key cannot verify the receipts that were given."
        ) from error


def read_receipt(path: Path) -> Receipt:
    """Read a receipt's file. Raises :class:`~garcom.errors.InputError` where it holds none."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=Receipt)
    except OSError as error:
        raise InputError(f"Expected a receipt at {path}, and it cannot be read ({error.strerror}).") from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InputError(f"Expected the JSON of an erasure receipt in {path}, and it is none: {error}.") from error
