"""Signatures under bundles: forged, swapped, stripped, and what each is worth."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from garcom.errors import BundleError, InputError
from garcom.model.archive import unpack_bundle, zip_bundle
from garcom.model.bundle import read_bundle
from garcom.model.sealing import sign_bundle
from garcom.model.signing import SIGNED, BundleSignature, private_pem, public_pem, read_private_key, read_public_key
from tests.bundles import make_bundle

ANA, MALLORY = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()


def test_a_signature_changes_neither_the_digest_nor_the_files(tmp_path: Path) -> None:
    folder = make_bundle(tmp_path / "b")
    before = read_bundle(folder)
    assert before.signed is None
    told = sign_bundle(folder, ANA)
    after = read_bundle(folder)
    assert after.signed is not None
    assert (after.digest, after.signed.fingerprint) == (before.digest, told.fingerprint) == tuple(told)
    sign_bundle(folder, MALLORY)  # replaced, whoever signed before
    signed = read_bundle(folder).signed
    assert signed is not None
    assert signed.fingerprint != told.fingerprint


def test_the_zip_carries_the_signature(tmp_path: Path) -> None:
    folder = make_bundle(tmp_path / "b")
    path = zip_bundle(folder, tmp_path / "b.zip")
    told = sign_bundle(path, ANA)
    signed = read_bundle(path).signed
    assert signed is not None
    assert signed.fingerprint == told.fingerprint
    assert not (folder / SIGNED).exists()
    (tmp_path / "unpacked").mkdir()
    unpack_bundle(path, tmp_path / "unpacked")
    sign_bundle(folder, ANA)
    assert (tmp_path / "unpacked" / SIGNED).read_bytes() == (folder / SIGNED).read_bytes()


def _change(**fields: Any) -> Callable[[dict[str, Any]], bytes]:
    return lambda document: msgspec.json.encode(document | fields)


def _flip(document: dict[str, Any]) -> bytes:
    first = document["signature"][0]
    return msgspec.json.encode(document | {"signature": ("1" if first != "1" else "2") + document["signature"][1:]})


#: Ways to change ``signed.json``, and what is said.
CHANGES: dict[str, tuple[Callable[[dict[str, Any]], bytes], str]] = {
    "a bit": (_flip, "that key did not sign this bundle"),
    "another key": (_change(public_key=MALLORY.public_key().public_bytes_raw().hex()), "did not sign this bundle"),
    "zeros": (_change(signature="0" * 128), "did not sign this bundle"),
    "no point": (_change(public_key="ff" * 32), "did not sign this bundle"),
    "short": (_change(signature="ab"), "is no signature"),
    "capitals": (_change(signature="AB" * 64), "is no signature"),
    "empty": (_change(signature=""), "is no signature"),
    "another format": (_change(format=2), "is no signature"),
    "more fields": (_change(digest="0" * 64), "is no signature"),
    "not JSON": (lambda _: b"\x80\x04", "is no signature"),
    "nothing": (lambda _: b"", "is no signature"),
    "long": (
        lambda document: msgspec.json.encode(document) + b" " * 5000,
        "is longer than 4,096 bytes|is no signature",
    ),
}


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("form", ["folder", "zip"])
def test_a_forged_signature_is_refused(tmp_path: Path, change: str, form: str) -> None:
    folder = make_bundle(tmp_path / "b")
    sign_bundle(folder, ANA)
    make, said = CHANGES[change]
    (folder / SIGNED).write_bytes(make(msgspec.json.decode((folder / SIGNED).read_bytes())))
    path = folder if form == "folder" else zip_bundle(folder, tmp_path / "b.zip")
    with pytest.raises(BundleError, match=said):
        read_bundle(path)


def test_the_signature_of_another_bundle_is_refused(tmp_path: Path) -> None:
    one, other = make_bundle(tmp_path / "one"), make_bundle(tmp_path / "other", weights=b"other")
    sign_bundle(one, ANA)
    shutil.copy(one / SIGNED, other / SIGNED)
    with pytest.raises(BundleError, match="that key did not sign this bundle"):
        read_bundle(other)


def test_a_signature_of_anything_else_is_none_of_a_bundle(tmp_path: Path) -> None:
    """The digest alone, signed with the same key in another place, is no signature under the bundle."""
    folder = make_bundle(tmp_path / "b")
    digest = read_bundle(folder).digest
    public = ANA.public_key().public_bytes_raw().hex()
    with pytest.raises(BundleError, match="did not sign this bundle"):
        BundleSignature(public_key=public, signature=ANA.sign(digest.encode()).hex()).verify(digest, "it")


def test_a_link_in_place_of_a_signature_is_no_bundle(tmp_path: Path) -> None:
    folder = make_bundle(tmp_path / "b")
    sign_bundle(folder, ANA)
    (folder / SIGNED).rename(tmp_path / SIGNED)
    (folder / SIGNED).symlink_to(tmp_path / SIGNED)
    with pytest.raises(BundleError, match=r"signed\.json is not a plain file"):
        read_bundle(folder)


def test_keys_are_files_that_other_tools_read(tmp_path: Path) -> None:
    (tmp_path / "ana.key").write_bytes(private_pem(ANA))
    (tmp_path / "ana.pub").write_bytes(public_pem(ANA.public_key()))
    read = read_private_key(tmp_path / "ana.key")
    assert read.private_bytes_raw() == ANA.private_bytes_raw()
    assert read_public_key(tmp_path / "ana.pub") == ANA.public_key().public_bytes_raw().hex()


def test_what_is_no_key_says_so(tmp_path: Path) -> None:
    other = generate_private_key(SECP256R1())
    (tmp_path / "ec.key").write_bytes(other.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    (tmp_path / "ec.pub").write_bytes(other.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    (tmp_path / "ana.key").write_bytes(private_pem(ANA))
    (tmp_path / "text").write_text("secret")
    for name in ("ec.key", "text"):
        with pytest.raises(InputError, match="Expected an Ed25519 private key") as caught:
            read_private_key(tmp_path / name)
        assert "secret" not in str(caught.value)
    for name in ("ec.pub", "text", "ana.key"):
        with pytest.raises(InputError, match="Expected an Ed25519 public key"):
            read_public_key(tmp_path / name)
    with pytest.raises(InputError, match="cannot be read"):
        read_private_key(tmp_path / "none")
