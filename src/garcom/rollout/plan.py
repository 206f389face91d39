"""The traffic plan: which version of each model answers, as one file that the web workers read.

The supervisor writes it when the database's revision changes; a worker needs neither SQLAlchemy nor the
database to follow it.
"""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from garcom.storage.database import Database


class ModelPlan(msgspec.Struct, frozen=True, kw_only=True):
    """One model: the number that answers (None: none does), the digest of each version, its own routes."""

    answers: int | None
    versions: dict[int, str]
    routes: tuple[str, ...] = ()


class TrafficPlan(msgspec.Struct, frozen=True, kw_only=True):
    """What answers, at one revision.

    ``default`` is the model that answers at ``/predict``: the one marked so, or the only one there is; None
    otherwise. The bundle of a version is the folder ``<bundles>/<digest>``.
    """

    revision: int
    default: str | None
    models: dict[str, ModelPlan]
    bundles: str

    def folder(self, name: str, number: int) -> Path:
        """The bundle's folder of a version in the plan; raises KeyError for one that is not."""
        return Path(self.bundles, self.models[name].versions[number])

    def of(self, names: frozenset[str] | None) -> TrafficPlan:
        """The plan as it is for somebody who knows of these models only; None is all."""
        if names is None:
            return self
        return msgspec.structs.replace(
            self,
            default=self.default if self.default in names else None,
            models={name: model for name, model in self.models.items() if name in names},
        )


def current_revision(database: Database) -> int:
    """The number of the last change to what answers: one indexed read."""
    from garcom.storage import traffic

    with database.read() as connection:
        return traffic.revision(connection)


def current_plan(database: Database) -> TrafficPlan:
    """The plan as the database has it now."""
    # The workers import this module for the file only, so the database is loaded where it is asked.
    from garcom.storage import models, traffic, versions
    from garcom.storage.blobs import Blobs

    with database.read() as connection:
        revision = traffic.revision(connection)
        rows = models.list_models(connection)
        routes = models.list_routes(connection)
        digests: dict[int, dict[int, str]] = defaultdict(dict)
        for model_id, number, digest in versions.list_digests(connection):
            digests[model_id][number] = digest
    marked = next((row.name for row in rows if row.is_default), None)
    # One that is left alone after the default was removed answers too.
    return TrafficPlan(
        revision=revision,
        default=rows[0].name if len(rows) == 1 else marked,
        models={
            row.name: ModelPlan(answers=row.answers, versions=digests[row.id], routes=routes.get(row.id, ()))
            for row in rows
        },
        bundles=str(Blobs.under(database.home).folder),
    )
