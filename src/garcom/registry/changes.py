"""The changes of the registry, each within the caller's transaction."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec
from sqlalchemy import Connection

from garcom.errors import Conflict
from garcom.model.bundle import Bundle
from garcom.registry.bundle_keys import signer_of
from garcom.registry.facts import flat_metrics, summarise
from garcom.registry.loading import load_version
from garcom.registry.records import Removal, Signer, Summary, Version
from garcom.registry.reference import require_model, require_version
from garcom.storage import models, traffic, versions
from garcom.storage.audit import record
from garcom.storage.models import ModelRow
from garcom.storage.versions import Facts, VersionRow


def register_version(
    connection: Connection,
    bundle: Bundle,
    name: str,
    parameters: Mapping[str, str],
    *,
    use: bool,
    use_first: bool = True,
) -> Version:
    """Write a stored bundle down as the model's next version, or find the version that has its content.

    It answers from now on when ``use`` is true, or as the first of its model when ``use_first`` is.
    """
    found = models.find_model(connection, name)
    model = _make_model(connection, name) if found is None else found
    signer = signer_of(connection, bundle)
    existing = versions.find_digest(connection, model.id, bundle.digest)
    if existing is None:
        version = _add_version(connection, model, bundle, parameters, signer)
    else:
        versions.set_parameters(connection, existing.id, parameters)
        version = _sign(connection, existing, signer)
    if version != existing or parameters:
        told = {
            "digest": bundle.digest,
            "existed": existing is not None,
            "parameters": dict(parameters),
            "signed_by": None if signer is None else {"name": signer.name, "fingerprint": signer.fingerprint},
        }
        record(connection, "model.register", f"{name}:{version.number}", after=told)
    switches = (use or (use_first and found is None)) and model.answers != version.number
    if switches:
        traffic.answer_with(connection, model.id, version.id)
        record(connection, "model.use", name, {"answers": model.answers}, {"answers": version.number})
    if switches or existing is None:
        traffic.bump(connection)
    registered = load_version(connection, require_model(connection, name), version)
    return msgspec.structs.replace(registered, existed=existing is not None)


def _sign(connection: Connection, version: VersionRow, signer: Signer | None) -> VersionRow:
    """The version with this signature, where it is worth more than the one it has: a known key's, or the first."""
    known = msgspec.convert(version.metadata, Summary).signer
    if signer is None or signer == known or (known is not None and signer.name is None):
        return version
    metadata = version.metadata | {"signer": msgspec.to_builtins(signer)}
    versions.set_metadata(connection, version.id, metadata)
    return version._replace(metadata=metadata)


def _make_model(connection: Connection, name: str) -> ModelRow:
    others = models.list_models(connection)
    first = not others
    if len(others) == 1 and not others[0].is_default:
        # It answers at /predict because it is alone, and must not cease to because another comes.
        models.set_default(connection, others[0].id)
        record(connection, "model.default", others[0].name, {"default": None}, {"default": others[0].name})
    model_id = models.make_model(connection, name, datetime.now(UTC))
    if first:
        # Marked, so that /predict goes on answering when a second model comes.
        models.set_default(connection, model_id)
        record(connection, "model.default", name, {"default": None}, {"default": name})
    return require_model(connection, name)


def _add_version(
    connection: Connection, model: ModelRow, bundle: Bundle, parameters: Mapping[str, str], signer: Signer | None
) -> VersionRow:
    number = models.next_number(connection, model.id)
    versions.add_version(
        connection,
        model_id=model.id,
        number=number,
        digest=bundle.digest,
        task=bundle.signature.output.task,
        created=datetime.now(UTC),
        metadata=msgspec.to_builtins(summarise(bundle, signer)),
        facts=Facts(flat_metrics(bundle.metrics), dict(parameters), bundle.lineage),
    )
    return require_version(connection, model, number)


def _tell_removal(connection: Connection, model: ModelRow, numbers: list[int], *, whole: bool, answered: bool) -> None:
    before: dict[str, Any] = {"versions": numbers, "answers": model.answers}
    if whole:
        before |= {"default": model.is_default, "routes": models.list_routes(connection).get(model.id, ())}
    target = model.name if whole else f"{model.name}:{numbers[0]}"
    record(connection, "model.remove", target, before, {"answers": None if answered else model.answers})


def remove_versions(connection: Connection, model: ModelRow, number: int | None, force: bool) -> Removal:
    """Mark one version of the model, or all, as removed; with the last one the model goes."""
    living = versions.list_versions(connection, model.id)
    leaving = living if number is None else [require_version(connection, model, number)]
    whole = len(leaving) == len(living)
    answered = model.answers in {version.number for version in leaving}
    if answered and number is not None and not force:
        raise Conflict(
            f"{model.name}:{number} is the version that answers. Let another answer first "
            f"(`garcom use {model.name}:N`), remove the whole model (`garcom remove {model.name}`), or add --force."
        )
    now = datetime.now(UTC)
    _tell_removal(connection, model, [version.number for version in leaving], whole=whole, answered=answered)
    if answered:
        traffic.answer_with(connection, model.id, None)
    for version in leaving:
        versions.remove_version(connection, version.id, now)
    if whole:
        models.remove_model(connection, model.id, now)
    traffic.bump(connection)
    return Removal(
        model=model.name,
        numbers=tuple(version.number for version in leaving),
        whole_model=whole,
        answered=answered,
    )
