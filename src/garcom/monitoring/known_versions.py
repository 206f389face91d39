"""What has to be known of versions, read from the bundles that are stored."""

from __future__ import annotations

import logging
from typing import NamedTuple

import msgspec

from garcom.errors import BundleError
from garcom.model.bundle import Bundle, read_bundle
from garcom.model.signature import Signature
from garcom.profiles.layout import Layout
from garcom.storage.blobs import Blobs

logger = logging.getLogger("garcom.monitoring")

#: The bundle's file that tells how rows are profiled; older bundles have none.
LAYOUT = "layout.json"


class Known(NamedTuple):
    """What has to be known of a version so that its rows can be profiled."""

    signature: Signature
    layout: Layout


class KnownVersions:
    """The versions whose bundles are stored, by digest; what was found is kept in memory."""

    def __init__(self, blobs: Blobs) -> None:
        self._blobs = blobs
        self._found: dict[str, Known] = {}
        self._told: set[str] = set()

    def __call__(self, digest: str) -> Known | None:
        """The version of this digest; None, which is logged once, where its rows cannot be profiled."""
        if digest not in self._found:
            try:
                self._found[digest] = self._read(digest)
            except (BundleError, ValueError) as error:  # a digest that is none is a ValueError
                if digest not in self._told:
                    self._told.add(digest)
                    logger.warning("rows are not profiled", extra={"digest": digest, "why": str(error)})
                return None
        return self._found[digest]

    def _read(self, digest: str) -> Known:
        bundle = read_bundle(self._blobs.path(digest), verify=False)
        return Known(bundle.signature, read_layout(bundle))


def read_layout(bundle: Bundle) -> Layout:
    """How the rows of a bundle's model are profiled. Raises BundleError where it does not tell."""
    if LAYOUT not in bundle.manifest.files:
        raise BundleError(f"Bundle {bundle.name!r} has no reference profile. Pack the model again with reference rows.")
    try:
        return msgspec.json.decode(bundle.read(LAYOUT), type=Layout)
    except msgspec.DecodeError as error:
        raise BundleError(f"{LAYOUT} of bundle {bundle.name!r} cannot be read: {error}.") from error
