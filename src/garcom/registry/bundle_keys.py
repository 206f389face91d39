"""The keys that are trusted to sign bundles, and what a signature of one is worth."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec
from sqlalchemy import Connection

from garcom.errors import BundleError, Conflict, NotFound
from garcom.model.bundle import Bundle
from garcom.model.names import check_name
from garcom.model.signing import BundleSignature, fingerprint
from garcom.registry.records import Signer
from garcom.storage import bundle_keys
from garcom.storage.audit import record
from garcom.storage.bundle_keys import BundleKeyRow
from garcom.storage.database import Database


class BundleKey(msgspec.Struct, frozen=True, kw_only=True):
    """A key that is trusted to sign bundles."""

    name: str
    fingerprint: str
    public_key: str
    added_at: datetime


class BundleKeys:
    """The trusted keys of one home folder."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def all(self) -> tuple[BundleKey, ...]:
        """Every key, by name."""
        with self._database.read() as connection:
            return tuple(_key(row) for row in bundle_keys.list_keys(connection))

    def trust(self, public_key: str, name: str) -> BundleKey:
        """Trust a public key (hexadecimal) under a name; the same key under the same name again changes nothing.

        Raises :class:`~garcom.errors.InputError` for a name that cannot be one, and
        :class:`~garcom.errors.Conflict` when the name is another key's, or the key has another name.
        """
        check_name(name, "a key")
        row = BundleKeyRow(fingerprint(public_key), name, public_key, datetime.now(UTC))
        with self._database.write() as connection:
            named = bundle_keys.find_name(connection, name)
            known = bundle_keys.find_key(connection, row.fingerprint)
            if known is not None and known.name == name:
                return _key(known)
            if named is not None:
                raise Conflict(
                    f"The name {name!r} is another key's ({named.fingerprint[:16]}). Choose another, or remove that "
                    f"one with `garcom keys remove {name}`."
                )
            if known is not None:
                raise Conflict(f"This key is trusted already, under the name {known.name!r}.")
            bundle_keys.add_key(connection, row)
            record(connection, "bundle_key.trust", name, after={"fingerprint": row.fingerprint})
        return _key(row)

    def remove(self, name: str) -> BundleKey:
        """Trust the key of this name no longer. Raises :class:`~garcom.errors.NotFound`."""
        with self._database.write() as connection:
            row = bundle_keys.find_name(connection, name)
            if row is None:
                known = ", ".join(each.name for each in bundle_keys.list_keys(connection)) or "none"
                raise NotFound(f"No key is trusted under the name {name!r}. These are: {known}.")
            bundle_keys.remove_key(connection, row.fingerprint)
            record(connection, "bundle_key.remove", name, before={"fingerprint": row.fingerprint})
        return _key(row)


def signer_of(connection: Connection, bundle: Bundle) -> Signer | None:
    """Who signed a bundle that was read and verified; None where nobody did."""
    signed = bundle.signed
    if signed is None:
        return None
    known = bundle_keys.find_key(connection, signed.fingerprint)
    return Signer(
        name=None if known is None else known.name, fingerprint=signed.fingerprint, signature=signed.signature
    )


def is_trusted(connection: Connection, signer: Signer | None, digest: str) -> bool:
    """Whether a key that is trusted now signed the bundle of this digest; what is stored is verified again."""
    known = None if signer is None else bundle_keys.find_key(connection, signer.fingerprint)
    if signer is None or known is None:
        return False
    try:
        BundleSignature(public_key=known.public, signature=signer.signature).verify(digest, "the stored bundle")
    except BundleError:
        return False
    return True


def not_trusted(what: str, signer: Signer | None) -> str:
    """Why ``what`` is refused where a known signature is required."""
    signed = "signed by nobody" if signer is None else f"signed with another key ({signer.fingerprint[:16]})"
    return (
        f"Expected {what} to be signed with a key that is trusted here, as uploads.require_signature asks, and it is "
        f"{signed}. Sign it with `garcom sign`, or trust the key with `garcom keys trust`."
    )


def _key(row: BundleKeyRow) -> BundleKey:
    return BundleKey(name=row.name, fingerprint=row.fingerprint, public_key=row.public, added_at=row.added_at)
