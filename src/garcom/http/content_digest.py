"""``Content-Digest`` and ``Repr-Digest`` (RFC 9530): what a body is to be, told by whoever sends it."""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Iterable

from garcom.errors import InputError

_SHA_256_BYTES = 32


def told_digests(fields: Iterable[str]) -> tuple[bytes, ...]:
    """The SHA-256 digests among the values of such fields; other algorithms beside it are left alone (RFC 9530 §2).

    A value is a dictionary of byte sequences: ``sha-256=:X48E9q…=:, sha-512=:…:`` (RFC 8941 §3.2 and §3.3.5). Raises
    InputError for a sha-256 that is none, and where there is no sha-256 at all: whoever tells a digest relies on it.
    """
    fields = tuple(fields)
    found = []
    for member in (member for field in fields for member in field.split(",")):
        name, _, value = member.strip().partition("=")
        if name == "sha-256":
            found.append(_decoded(value.partition(";")[0].strip()))
    if not found and any(field.strip() for field in fields):
        raise _none()
    return tuple(found)


def check_digests(told: Iterable[bytes], sha256: bytes) -> None:
    """Raise InputError where something else was told than what came."""
    if not all(hmac.compare_digest(each, sha256) for each in told):
        raise InputError(
            f"Expected the body that Content-Digest tells, got one with the SHA-256 {sha256.hex()}: it was changed on "
            "its way. Send it again."
        )


def _decoded(value: str) -> bytes:
    try:
        digest = base64.b64decode(value[1:-1], validate=True)
    except (binascii.Error, ValueError):
        digest = b""
    if value[:1] != ":" or value[-1:] != ":" or len(digest) != _SHA_256_BYTES:
        raise _none()
    return digest


def _none() -> InputError:
    return InputError(
        "Expected Content-Digest as sha-256=:BASE64:, with the 32 bytes of the body's digest, got something else."
    )
