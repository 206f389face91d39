"""Switches which version answers."""

from __future__ import annotations

import msgspec
from sqlalchemy import Connection

from garcom.errors import Conflict, InputError
from garcom.registry.bundle_keys import is_trusted, not_trusted
from garcom.registry.records import Summary
from garcom.registry.reference import parse_reference, require_model, require_version
from garcom.rollout.records import Switch
from garcom.storage import traffic, versions
from garcom.storage.audit import record
from garcom.storage.database import Database
from garcom.storage.versions import VersionRow


def use(database: Database, reference: str, *, require_signature: bool = False) -> Switch:
    """Let the version of the reference (``wine:2``) answer for its model, in one transaction.

    Using the version that answers already changes nothing. Raises :class:`~garcom.errors.InputError` for a
    reference without a number, :class:`~garcom.errors.ModelNotFound`, :class:`~garcom.errors.VersionNotFound`;
    :class:`~garcom.errors.Conflict` for one that no key signed which is trusted now, where ``require_signature`` asks.
    """
    name, number = parse_reference(reference)
    with database.write() as connection:
        model = require_model(connection, name)
        if number is None:
            newest = versions.list_versions(connection, model.id)[-1].number
            raise InputError(
                f"Expected the version that shall answer, as in `garcom use {name}:{newest}`; got {name!r}."
            )
        version = require_version(connection, model, number)
        if model.answers == number:
            revision = traffic.revision(connection)
        else:
            if require_signature:
                _require_signature(connection, reference, version)
            traffic.answer_with(connection, model.id, version.id)
            record(connection, "model.use", name, {"answers": model.answers}, {"answers": number})
            revision = traffic.bump(connection)
    return Switch(model=name, answers=number, answered=model.answers, revision=revision)


def _require_signature(connection: Connection, reference: str, version: VersionRow) -> None:
    """A version may be older than the requirement, or its key no longer trusted."""
    signer = msgspec.convert(version.metadata, Summary).signer
    if not is_trusted(connection, signer, version.digest):
        raise Conflict(not_trusted(reference, signer))
