"""Versions that workers have received: unpacked, verified, registered; and which of them answers."""

from __future__ import annotations

import logging
import re
import shutil
from pathlib import Path

import msgspec

from garcom.controller.messages import UPLOADED_ARCHIVE, UPLOADS_FOLDER, Change, RegisterUpload, Reply, UseVersion
from garcom.errors import BundleError, BundleRefused, SettingsError, Unavailable
from garcom.model.archive import unpack_bundle
from garcom.registry.records import Version
from garcom.registry.registry import Registry
from garcom.rollout.records import SignedBy, Uploaded
from garcom.rollout.use import use
from garcom.settings import UploadSettings
from garcom.storage.audit import Actor

logger = logging.getLogger("garcom.controller")

#: The folder in that of an upload into which it is unpacked; messages show its name.
_UNPACKED = "upload"
_UPLOAD = re.compile(r"[0-9a-f]{32}")
_ROOM_S = 60


class VersionDesk:
    """Answers over one registry."""

    def __init__(self, registry: Registry, home: Path, settings: UploadSettings) -> None:
        self._registry = registry
        self._home = home
        self._settings = settings

    def register(self, question: RegisterUpload) -> tuple[Reply, bytes]:
        """The version of an upload. Raises BundleRefused, and Unavailable where it cannot be stored."""
        if not _UPLOAD.fullmatch(question.upload):
            raise BundleRefused(f"Expected the name of an upload, got {question.upload[:50]!r}.")
        place = self._home / UPLOADS_FOLDER / question.upload
        try:
            version = self._unpack(question, place)
        except BundleError as error:
            raise BundleRefused(str(error)) from error
        except (OSError, SettingsError) as error:
            logger.error("upload cannot be stored", extra={"why": str(error)})
            raise Unavailable("The server cannot store the bundle now; its log says why.", _ROOM_S) from error
        finally:
            shutil.rmtree(place / _UNPACKED, ignore_errors=True)
        return Reply(), msgspec.json.encode(_told(version))

    def use(self, question: UseVersion) -> tuple[Reply, bytes]:
        """Let a version answer. Raises ModelNotFound, VersionNotFound, Conflict."""
        reference = f"{question.model}:{question.version}"
        try:
            self._registry.bundle(
                question.model, question.version
            )  # a damaged one is refused before any worker is told
        except BundleError as error:
            logger.error("stored bundle is damaged", extra={"version": reference, "why": str(error)})
            raise
        database = self._registry.database.by(_actor(question))
        switch = use(database, reference, require_signature=self._registry.require_signature)
        return Reply(), msgspec.json.encode(switch)

    def _unpack(self, question: RegisterUpload, place: Path) -> Version:
        folder = place / _UNPACKED
        folder.mkdir()
        unpack_bundle(place / UPLOADED_ARCHIVE, folder, self._settings.max_unpacked_bytes, origin="the upload")
        return self._registry.by(_actor(question)).register(folder, name=question.model, use_first=False)


def _actor(question: Change) -> Actor:
    return Actor(question.by, question.address)


def _told(version: Version) -> Uploaded:
    signer = version.summary.signer
    return Uploaded(
        model=version.model,
        version=version.number,
        existed=version.existed,
        answers=version.answers,
        served_elsewhere=version.summary.is_served_elsewhere,
        digest=version.digest,
        task=version.task,
        needs_python=version.summary.needs_python,
        signed_by=None if signer is None else SignedBy(name=signer.name, fingerprint=signer.fingerprint),
    )
