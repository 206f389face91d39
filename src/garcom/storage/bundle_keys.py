"""Queries on the keys whose signatures under bundles are known."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, delete, insert, select

from garcom.storage.tables import bundle_keys


class BundleKeyRow(NamedTuple):
    """A public key; ``public`` and ``fingerprint`` are hexadecimal."""

    fingerprint: str
    name: str
    public: str
    added_at: datetime


_COLUMNS = (bundle_keys.c.fingerprint, bundle_keys.c.name, bundle_keys.c.public, bundle_keys.c.added_at)


def list_keys(connection: Connection) -> list[BundleKeyRow]:
    """Every key, by name."""
    return [BundleKeyRow(*row) for row in connection.execute(select(*_COLUMNS).order_by(bundle_keys.c.name))]


def find_key(connection: Connection, fingerprint: str) -> BundleKeyRow | None:
    """The key of this fingerprint, or None."""
    row = connection.execute(select(*_COLUMNS).where(bundle_keys.c.fingerprint == fingerprint)).first()
    return None if row is None else BundleKeyRow(*row)


def find_name(connection: Connection, name: str) -> BundleKeyRow | None:
    """The key of this name, or None."""
    row = connection.execute(select(*_COLUMNS).where(bundle_keys.c.name == name)).first()
    return None if row is None else BundleKeyRow(*row)


def add_key(connection: Connection, row: BundleKeyRow) -> None:
    """Insert a key."""
    connection.execute(insert(bundle_keys).values(row._asdict()))


def remove_key(connection: Connection, fingerprint: str) -> None:
    """Remove a key."""
    connection.execute(delete(bundle_keys).where(bundle_keys.c.fingerprint == fingerprint))
