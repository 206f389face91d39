"""The registry: bundles in, numbered versions out."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

from garcom.errors import BundleError, Conflict
from garcom.model.bundle import Bundle, read_bundle
from garcom.model.engines.external_data import refuse_external_data
from garcom.model.names import check_name
from garcom.model.signing import SIGNED
from garcom.registry.bundle_keys import is_trusted, not_trusted, signer_of
from garcom.registry.changes import register_version, remove_versions
from garcom.registry.facts import flat_metrics
from garcom.registry.loading import load_model, load_models, load_version
from garcom.registry.records import Model, Removal, Version
from garcom.registry.reference import parse_reference, require_model, require_version
from garcom.registry.routes import check_route
from garcom.storage import models, traffic, versions
from garcom.storage.audit import Actor, record
from garcom.storage.blobs import Blobs
from garcom.storage.database import Database


class Registry:
    """Models and versions of one home folder; several processes may use it at the same time."""

    def __init__(self, database: Database, blobs: Blobs, *, require_signature: bool = False) -> None:
        self.database = database
        self.blobs = blobs
        self.require_signature = require_signature

    @classmethod
    def open(cls, home: Path, *, require_signature: bool = False) -> Registry:
        """The registry under ``home``, made where there is none.

        ``require_signature``: it takes, and lets answer, only what a trusted key has signed.
        """
        return cls(Database.open(home), Blobs.under(home), require_signature=require_signature)

    def by(self, actor: Actor) -> Registry:
        """The same registry, whose changes the audit trail tells as this actor's."""
        return Registry(self.database.by(actor), self.blobs, require_signature=self.require_signature)

    def models(self) -> tuple[Model, ...]:
        """Every model with its versions, by name."""
        with self.database.read() as connection:
            return load_models(connection)

    def model(self, name: str) -> Model:
        """One model with its versions; raises :class:`~garcom.errors.ModelNotFound`."""
        with self.database.read() as connection:
            return load_model(connection, require_model(connection, name))

    def version(self, name: str, number: int) -> Version:
        """One version; raises :class:`~garcom.errors.ModelNotFound` or :class:`~garcom.errors.VersionNotFound`."""
        with self.database.read() as connection:
            model = require_model(connection, name)
            return load_version(connection, model, require_version(connection, model, number))

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
        use_first: bool = True,
    ) -> Version:
        """Store the bundle at ``path`` (a directory or a zip) as the next version of its model.

        ``name`` stands in for the bundle's own. The first version of a model answers at once unless ``use_first`` is
        false, a later one when ``use`` is true; the first model of all becomes the default. The same content registered
        again answers the version that exists (``existed``), with ``parameters`` written over its own. All of it
        happens, or nothing.

        Raises :class:`~garcom.errors.BundleError` for a damaged bundle or one whose signature does not fit or, where
        that is required, is not of a trusted key; :class:`~garcom.errors.InputError` for a name that cannot be one.
        """
        bundle = read_bundle(path)
        model_name = check_name(bundle.name if name is None else name)
        _check_contents(bundle)
        self._check_signer(bundle)
        with self.blobs.changing():
            self._store(bundle)
            with self.database.write() as connection:
                return register_version(connection, bundle, model_name, parameters or {}, use=use, use_first=use_first)

    def remove(self, reference: str, *, force: bool = False) -> Removal:
        """Remove a model (``wine``) or one version (``wine:1``), and the bundles that no version needs any more.

        The version that answers goes only with ``force``, and then nothing answers for the model; with its
        last version the model goes too. Raises :class:`~garcom.errors.Conflict`, or
        :class:`~garcom.errors.NotFound`.
        """
        name, number = parse_reference(reference)
        with self.blobs.changing():
            with self.database.write() as connection:
                removal = remove_versions(connection, require_model(connection, name), number, force)
            with self.database.read() as connection:
                needed = versions.living_digests(connection)
            self.blobs.keep_only(needed)
        return removal

    def set_default(self, name: str) -> None:
        """Let this model answer at ``/predict``; raises :class:`~garcom.errors.ModelNotFound`."""
        with self.database.write() as connection:
            model = require_model(connection, name)
            if not model.is_default:
                before = next((other.name for other in models.list_models(connection) if other.is_default), None)
                models.set_default(connection, model.id)
                record(connection, "model.default", name, {"default": before}, {"default": name})
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
                record(connection, "model.route", name, after={"route": path})
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
            record(connection, "model.route", name, before={"route": path})
            traffic.bump(connection)

    def _check_signer(self, bundle: Bundle) -> None:
        if not self.require_signature:
            return
        with self.database.read() as connection:
            signer = signer_of(connection, bundle)
            if not is_trusted(connection, signer, bundle.digest):
                raise BundleError(not_trusted(f"bundle {bundle.name!r}", signer))

    def _store(self, bundle: Bundle) -> None:
        if bundle.digest in self.blobs and _is_intact(self.blobs.path(bundle.digest)):
            return

        def fill(folder: Path) -> None:
            # Who signed it is the version's, not the content's.
            shutil.copytree(bundle.folder, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns(SIGNED))
            read_bundle(folder)  # what is stored is what was checked, even if the source changes meanwhile

        self.blobs.put(bundle.digest, fill)


def _check_contents(bundle: Bundle) -> None:
    """Refuse at once what no server would load."""
    flat_metrics(bundle.metrics)
    for name in bundle.manifest.files:
        if name.startswith("engines/") and name.endswith(".onnx"):
            refuse_external_data(bundle.read(name), f"{name} of bundle {bundle.name!r}")


def _is_intact(folder: Path) -> bool:
    try:
        read_bundle(folder)
    except BundleError:
        return False
    return True
