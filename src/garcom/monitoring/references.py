"""The references of versions, read from their stored bundles and kept in memory."""

from __future__ import annotations

import functools
from typing import NamedTuple

from garcom.errors import BundleError
from garcom.model.bundle import read_bundle
from garcom.model.reference_profile import ReferenceProfile, read_reference_profile
from garcom.model.signature import Signature
from garcom.profiles.layout import Layout
from garcom.profiles.profile import Profile
from garcom.storage.blobs import Blobs

#: So many versions are kept in memory.
_KEPT = 64


class Training(NamedTuple):
    """The rows that a version was packed with: what was told of them, and their profile."""

    told: ReferenceProfile
    profile: Profile


class Reference(NamedTuple):
    """What a version takes and answers, and what it was packed with; None where that was without rows."""

    signature: Signature
    training: Training | None

    @property
    def layout(self) -> Layout | None:
        """How rows are profiled."""
        return None if self.training is None else self.training.told.layout


class References:
    """The references of the bundles that are stored, by digest."""

    def __init__(self, blobs: Blobs) -> None:
        self._blobs = blobs
        self.of = functools.lru_cache(_KEPT)(self._read)

    def _read(self, digest: str) -> Reference:
        """Raises BundleError for a bundle that is damaged or gone."""
        try:
            folder = self._blobs.path(digest)
        except ValueError as error:
            raise BundleError(f"Expected the digest of a bundle, got {digest[:80]!r}.") from error
        bundle = read_bundle(folder, verify=False)
        told = read_reference_profile(folder)
        return Reference(bundle.signature, None if told is None else Training(told, told.profile))
