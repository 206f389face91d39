from __future__ import annotations

import base64
import hashlib

import pytest

from garcom.errors import InputError
from garcom.http.content_digest import check_digests, told_digests

DIGEST = hashlib.sha256(b"body").digest()
TOLD = f"sha-256=:{base64.b64encode(DIGEST).decode()}:"


@pytest.mark.parametrize(
    ("fields", "found"),
    [
        ([], ()),
        ([""], ()),
        ([TOLD], (DIGEST,)),
        ([f"  {TOLD} ; q=1 , sha-512=:AAAA:"], (DIGEST,)),
        (["md5=:AAAA:", TOLD], (DIGEST,)),
    ],
)
def test_what_is_told(fields: list[str], found: tuple[bytes, ...]) -> None:
    assert told_digests(fields) == found


@pytest.mark.parametrize(
    "value", ["", ":", "::", ":AAAA:", TOLD[8:-1], f'"{DIGEST.hex()}"', DIGEST.hex(), ":ä:", ":****:"]
)
def test_what_is_no_digest(value: str) -> None:
    with pytest.raises(InputError, match="Expected Content-Digest as"):
        told_digests([f"sha-256={value}"])


@pytest.mark.parametrize("field", ["sha-512=:AAAA:", "md5=:AAAA:", "garbage"])
def test_a_digest_that_is_not_checked_is_not_taken_as_if_it_were(field: str) -> None:
    with pytest.raises(InputError, match="sha-256"):
        told_digests([field])


def test_every_digest_has_to_fit() -> None:
    check_digests((), DIGEST)
    check_digests((DIGEST, DIGEST), DIGEST)
    with pytest.raises(InputError, match="changed on its way"):
        check_digests((DIGEST, bytes(32)), DIGEST)
