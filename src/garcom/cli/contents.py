"""A bundle's records, as ``garcom show --json`` prints them."""

from __future__ import annotations

from typing import Any

import msgspec

from garcom.model.bundle import Bundle, Choice
from garcom.model.engines.base import EngineSpec
from garcom.model.proof import Proof
from garcom.model.signature import Signature


class Contents(msgspec.Struct, frozen=True, kw_only=True):
    """Everything in a bundle but its engine files and its texts."""

    name: str
    digest: str
    size_bytes: int
    #: The fingerprint of the key that signed it; a registered version's is in ``version.summary.signer``.
    signed_with: str | None
    engines: tuple[EngineSpec, ...]
    choice: tuple[Choice, ...]
    signature: Signature
    proof: Proof
    proved_on_real_rows: bool
    metrics: dict[str, Any]
    lineage: dict[str, Any]


def contents(bundle: Bundle) -> Contents:
    """The records of a bundle that has been read."""
    return Contents(
        name=bundle.name,
        digest=bundle.digest,
        size_bytes=bundle.size_bytes,
        signed_with=None if bundle.signed is None else bundle.signed.fingerprint,
        engines=bundle.manifest.engines,
        choice=bundle.manifest.choice,
        signature=bundle.signature,
        proof=bundle.proof,
        proved_on_real_rows=bundle.proof.on_real_rows,
        metrics=bundle.metrics,
        lineage=bundle.lineage,
    )
