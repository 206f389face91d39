"""The registry: bundles in, numbered versions out."""

from __future__ import annotations

import shutil
from collections import defaultdict
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import msgspec
from sqlalchemy import Connection

from garcom.errors import BundleError, Conflict
from garcom.model.bundle import Bundle, read_bundle
from garcom.model.names import check_name
from garcom.registry.facts import flat_metrics, summarise
from garcom.registry.records import Model, Removal, Version
from garcom.registry.reference import parse_reference, require_model, require_version
from garcom.registry.routes import check_route
from garcom.storage import models, traffic, versions
from garcom.storage.blobs import Blobs
from garcom.storage.database import Database
from garcom.storage.models import ModelRow
from garcom.storage.versions import Facts, VersionRow

_NOTHING_KNOWN = Facts({}, {}, {})


class Registry:
    """Models and versions of one home folder; several processes may use it at the same time."""

    def __init__(self, database: Database, blobs: Blobs) -> None:
        self.database = database
        self.blobs = blobs

    @classmethod
    def open(cls, home: Path) -> Registry:
        """The registry under ``home``, made where there is none."""
        return cls(Database.open(home), Blobs.under(home))

    def models(self) -> tuple[Model, ...]:
        """Every model with its versions, by name."""
        with self.database.read() as connection:
            routes = models.list_routes(connection)
            facts = versions.list_facts(connection)
            by_model: dict[int, list[VersionRow]] = defaultdict(list)
            for row in versions.list_versions(connection):
                by_model[row.model_id].append(row)
            return tuple(
                _model(row, routes.get(row.id, ()), by_model[row.id], facts) for row in models.list_models(connection)
            )

    def model(self, name: str) -> Model:
        """One model with its versions; raises :class:`~garcom.errors.ModelNotFound`."""
        with self.database.read() as connection:
            row = require_model(connection, name)
            found = versions.list_versions(connection, row.id)
            facts = versions.list_facts(connection, [version.id for version in found])
            return _model(row, models.list_routes(connection).get(row.id, ()), found, facts)

    def version(self, name: str, number: int) -> Version:
        """One version; raises :class:`~garcom.errors.ModelNotFound` or :class:`~garcom.errors.VersionNotFound`."""
        with self.database.read() as connection:
            model = require_model(connection, name)
            return _load(connection, model, require_version(connection, model, number))

    def bundle(self, name: str, number: int) -> Bundle:
        """The stored bundle of a version, every file verified."""
        return read_bundle(self.blobs.path(self.version(name, number).digest))

    def register(
        self,
        path: str | Path,
        *,
        name: str | None = None,
        parameters: Mapping[str, str] | None = None,
        use: bool = False,
    ) -> Version:
        """Store the bundle at ``path`` (a directory or a zip) as the next version of its model.

        ``name`` stands in for the bundle's own. The first version of a model answers at once, a later one when
        ``use`` is true; the first model of all becomes the default. The same content registered again answers
        the version that exists (``existed``), with ``parameters`` written over its own. All of it happens, or
        nothing.

        Raises :class:`~garcom.errors.BundleError` for a damaged bundle, :class:`~garcom.errors.InputError`
        for a name that cannot be one.
        """
        bundle = read_bundle(path)
        model_name = check_name(bundle.name if name is None else name)
        with self.blobs.changing():
            self._store(bundle)
            with self.database.write() as connection:
                return _register(connection, bundle, model_name, dict(parameters or {}), use)

    def remove(self, reference: str, *, force: bool = False) -> Removal:
        """Remove a model (``wine``) or one version (``wine:1``), and the bundles that no version needs any more.

        The version that answers goes only with ``force``, and then nothing answers for the model; with its
        last version the model goes too. Raises :class:`~garcom.errors.Conflict`, or
        :class:`~garcom.errors.NotFound`.
        """
        name, number = parse_reference(reference)
        with self.blobs.changing():
            with self.database.write() as connection:
                removal = _remove(connection, require_model(connection, name), number, force)
            with self.database.read() as connection:
                needed = versions.living_digests(connection)
            self.blobs.keep_only(needed)
        return removal

    def set_default(self, name: str) -> None:
        """Let this model answer at ``/predict``; raises :class:`~garcom.errors.ModelNotFound`."""
        with self.database.write() as connection:
            model = require_model(connection, name)
            if not model.is_default:
                models.set_default(connection, model.id)
                traffic.bump(connection)

    def add_route(self, name: str, path: str) -> None:
        """Give the model a path of its own; nothing happens when it has it.

        Raises :class:`~garcom.errors.InputError` for a path that cannot be one, and
        :class:`~garcom.errors.Conflict` for another model's.
        """
        check_route(path)
        with self.database.write() as connection:
            model = require_model(connection, name)
            owner = models.route_owner(connection, path)
            if owner is None:
                models.add_route(connection, model.id, path)
                traffic.bump(connection)
            elif owner != name:
                raise Conflict(
                    f"The route {path} is model {owner!r}'s. Choose another, or free it with "
                    f"`garcom use {owner} --drop-route {path}`."
                )

    def remove_route(self, name: str, path: str) -> None:
        """Take a route away from the model; raises :class:`~garcom.errors.Conflict` when it has no such route."""
        with self.database.write() as connection:
            require_model(connection, name)
            if models.route_owner(connection, path) != name:
                raise Conflict(f"Model {name!r} has no route {path}. `garcom show {name}` lists those it has.")
            models.remove_route(connection, path)
            traffic.bump(connection)

    def _store(self, bundle: Bundle) -> None:
        if bundle.digest in self.blobs and _is_intact(self.blobs.path(bundle.digest)):
            return

        def fill(folder: Path) -> None:
            shutil.copytree(bundle.folder, folder, dirs_exist_ok=True)
            read_bundle(folder)  # what is stored is what was checked, even if the source changes meanwhile

        self.blobs.put(bundle.digest, fill)


def _is_intact(folder: Path) -> bool:
    try:
        read_bundle(folder)
    except BundleError:
        return False
    return True


def _register(connection: Connection, bundle: Bundle, name: str, parameters: dict[str, str], use: bool) -> Version:
    now = datetime.now(UTC)
    model = models.find_model(connection, name)
    alone = not models.list_models(connection)
    model_id = models.make_model(connection, name, now) if model is None else model.id
    if alone:
        # Marked, so that /predict goes on answering when a second model comes.
        models.set_default(connection, model_id)
    existing = versions.find_digest(connection, model_id, bundle.digest)
    if existing is not None:
        versions.set_parameters(connection, existing.id, parameters)
        version_id, number = existing.id, existing.number
    else:
        number = models.next_number(connection, model_id)
        version_id = versions.add_version(
            connection,
            model_id=model_id,
            number=number,
            digest=bundle.digest,
            task=bundle.signature.output.task,
            created=now,
            metadata=msgspec.to_builtins(summarise(bundle)),
            facts=Facts(flat_metrics(bundle.metrics), parameters, bundle.lineage),
        )
    switches = (model is None or use) and (model is None or model.answers != number)
    if switches:
        traffic.answer_with(connection, model_id, version_id)
    if switches or existing is None:
        traffic.bump(connection)
    present = require_model(connection, name)
    version = _load(connection, present, require_version(connection, present, number))
    return msgspec.structs.replace(version, existed=existing is not None)


def _remove(connection: Connection, model: ModelRow, number: int | None, force: bool) -> Removal:
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


def _load(connection: Connection, model: ModelRow, row: VersionRow) -> Version:
    facts = versions.list_facts(connection, [row.id])
    return _version(model, row, facts.get(row.id, _NOTHING_KNOWN))


def _model(row: ModelRow, routes: tuple[str, ...], found: list[VersionRow], facts: Mapping[int, Facts]) -> Model:
    return Model(
        name=row.name,
        created=row.created,
        is_default=row.is_default,
        answers=row.answers,
        routes=routes,
        versions=tuple(_version(row, version, facts.get(version.id, _NOTHING_KNOWN)) for version in found),
    )


def _version(model: ModelRow, row: VersionRow, facts: Facts) -> Version:
    return msgspec.convert(
        {
            "model": model.name,
            "number": row.number,
            "digest": row.digest,
            "task": row.task,
            "created": row.created,
            "answers": model.answers == row.number,
            "summary": row.metadata,
            **facts._asdict(),
        },
        Version,
    )
