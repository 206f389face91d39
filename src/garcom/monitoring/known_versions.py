"""What has to be known of versions, read from the bundles that are stored."""

from __future__ import annotations

import logging
from typing import NamedTuple

from garcom.errors import BundleError
from garcom.model.signature import Signature
from garcom.monitoring.references import References
from garcom.profiles.layout import Layout
from garcom.storage.blobs import Blobs

logger = logging.getLogger("garcom.monitoring")


class Known(NamedTuple):
    """What has to be known of a version so that its rows can be profiled."""

    signature: Signature
    layout: Layout


class KnownVersions:
    """The versions whose bundles are stored, by digest; what was found is kept in memory."""

    def __init__(self, blobs: Blobs) -> None:
        self._references = References(blobs)
        self._found: dict[str, Known] = {}
        self._told: set[str] = set()

    def __call__(self, digest: str) -> Known | None:
        """The version of this digest; None, which is logged once, where its rows cannot be profiled."""
        if digest not in self._found:
            try:
                self._found[digest] = self._read(digest)
            except (BundleError, ValueError) as error:  # a text that is no digest is a ValueError
                if digest not in self._told:
                    self._told.add(digest)
                    logger.warning("rows of a version are not profiled", extra={"digest": digest, "why": str(error)})
                return None
        return self._found[digest]

    def _read(self, digest: str) -> Known:
        reference = self._references.of(digest)
        if reference.layout is None:
            raise BundleError(
                f"Bundle {digest[:12]} has no reference profile: it was packed without rows, or by an older Garçom. "
                "Pack the model again, with rows."
            )
        return Known(reference.signature, reference.layout)
