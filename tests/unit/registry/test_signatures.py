"""What a registry makes of signatures: who signed what, and refusing what no trusted key has signed."""

from __future__ import annotations

from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from garcom.errors import BundleError, Conflict, InputError, NotFound
from garcom.model.sealing import sign_bundle
from garcom.model.signing import SIGNED, fingerprint
from garcom.registry import Registry
from garcom.registry.bundle_keys import BundleKeys
from garcom.rollout.use import use
from tests.bundles import make_bundle

ANA, BIA = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()


def public(key: Ed25519PrivateKey) -> str:
    return key.public_key().public_bytes_raw().hex()


def signed(folder: Path, key: Ed25519PrivateKey | None, weights: bytes = b"weights") -> Path:
    made = make_bundle(folder, weights=weights)
    if key is not None:
        sign_bundle(made, key)
    return made


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    """One that trusts Ana, and takes only what she or another trusted key has signed."""
    made = Registry.open(tmp_path / "home", require_signature=True)
    BundleKeys(made.database).trust(public(ANA), "ana")
    return made


def test_a_version_tells_who_signed_it(tmp_path: Path) -> None:
    registry = Registry.open(tmp_path / "home")
    BundleKeys(registry.database).trust(public(ANA), "ana")
    by_ana = registry.register(signed(tmp_path / "1", ANA)).summary.signer
    by_bia = registry.register(signed(tmp_path / "2", BIA, b"2")).summary.signer
    assert by_ana is not None
    assert by_bia is not None
    assert (by_ana.name, by_ana.fingerprint) == ("ana", fingerprint(public(ANA)))
    assert (by_bia.name, by_bia.fingerprint) == (None, fingerprint(public(BIA)))
    assert registry.register(signed(tmp_path / "3", None, b"3")).summary.signer is None
    assert not list((tmp_path / "home" / "bundles").rglob(SIGNED))


def test_a_better_signature_is_added_and_none_is_lost(tmp_path: Path) -> None:
    registry = Registry.open(tmp_path / "home")
    BundleKeys(registry.database).trust(public(ANA), "ana")
    registry.register(signed(tmp_path / "1", None))
    names = []
    for number, key in enumerate([BIA, ANA, BIA, None]):
        version = registry.register(signed(tmp_path / f"again-{number}", key))
        assert (version.number, version.existed) == (1, True)
        names.append(None if version.summary.signer is None else version.summary.signer.name)
    assert names == [None, "ana", "ana", "ana"]
    assert registry.version("wine", 1).summary.signer is not None


@pytest.mark.parametrize(("key", "said"), [(None, "signed by nobody"), (BIA, "signed with another key")])
def test_only_known_signatures_are_registered(
    tmp_path: Path, registry: Registry, key: Ed25519PrivateKey | None, said: str
) -> None:
    with pytest.raises(BundleError, match=said):
        registry.register(signed(tmp_path / "b", key))
    assert registry.models() == ()
    assert not list((tmp_path / "home" / "bundles").glob("*"))
    assert registry.register(signed(tmp_path / "good", ANA)).number == 1


def test_a_stripped_or_swapped_signature_is_refused(tmp_path: Path, registry: Registry) -> None:
    one, other = signed(tmp_path / "1", ANA), signed(tmp_path / "2", ANA, b"2")
    (other / SIGNED).write_bytes((one / SIGNED).read_bytes())
    with pytest.raises(BundleError, match="that key did not sign this bundle"):
        registry.register(other)
    (other / SIGNED).unlink()
    with pytest.raises(BundleError, match="signed by nobody"):
        registry.register(other)


def test_a_key_that_is_trusted_no_longer_lets_nothing_new_answer(tmp_path: Path, registry: Registry) -> None:
    registry.register(signed(tmp_path / "1", ANA))
    registry.register(signed(tmp_path / "2", ANA, b"2"))
    BundleKeys(registry.database).remove("ana")
    with pytest.raises(Conflict, match="signed with another key"):
        use(registry.database, "wine:2", require_signature=True)
    assert registry.model("wine").answers == 1
    assert use(registry.database, "wine:1", require_signature=True).answers == 1  # it does already
    BundleKeys(registry.database).trust(public(ANA), "ana-again")
    assert use(registry.database, "wine:2", require_signature=True).answers == 2


def test_versions_from_before_the_requirement_cannot_be_let_answer(tmp_path: Path, registry: Registry) -> None:
    lax = Registry.open(tmp_path / "home")
    for number in (1, 2):
        lax.register(signed(tmp_path / str(number), None, b"%d" % number))
    with pytest.raises(Conflict, match=r"wine:2 to be signed .* signed by nobody"):
        use(registry.database, "wine:2", require_signature=True)
    assert use(registry.database, "wine:2").answers == 2


def test_keys_have_one_name_each(tmp_path: Path, registry: Registry) -> None:
    keys = BundleKeys(registry.database)
    assert keys.trust(public(ANA), "ana") == keys.all()[0]
    with pytest.raises(Conflict, match="trusted already, under the name 'ana'"):
        keys.trust(public(ANA), "other")
    with pytest.raises(Conflict, match="The name 'ana' is another key's"):
        keys.trust(public(BIA), "ana")
    with pytest.raises(InputError, match="Expected the name of a key"):
        keys.trust(public(BIA), "../x")
    with pytest.raises(NotFound, match="These are: ana"):
        keys.remove("bia")
