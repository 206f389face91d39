"""What the controller makes of uploads: refusals that are the sender's, and faults that tell no place."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from garcom.controller.messages import RegisterUpload, UseVersion
from garcom.controller.version_desk import VersionDesk
from garcom.errors import BundleRefused, Conflict, ModelNotFound, Unavailable
from garcom.model.archive import zip_bundle
from garcom.model.sealing import sign_bundle
from garcom.registry import Registry
from garcom.registry.bundle_keys import BundleKeys
from garcom.rollout.records import Uploaded
from garcom.settings import UploadSettings
from tests.bundles import make_bundle

ANA = Ed25519PrivateKey.generate()
NAME = "0" * 32


def desk(home: Path, *, require_signature: bool = False, max_unpacked_bytes: int = 10**6) -> VersionDesk:
    settings = UploadSettings(require_signature=require_signature, max_unpacked_bytes=max_unpacked_bytes)
    return VersionDesk(Registry.open(home, require_signature=require_signature), home, settings)


def upload(home: Path, bundle: Path) -> RegisterUpload:
    place = home / "uploads" / NAME
    place.mkdir(parents=True, exist_ok=True)
    zip_bundle(bundle, place / "upload.zip")
    return RegisterUpload(by="key:gk_x", address="203.0.113.7", model="wine", upload=NAME)


def told(desk: VersionDesk, question: RegisterUpload) -> Uploaded:
    return msgspec.json.decode(desk.register(question)[1], type=Uploaded)


def test_only_signed_uploads_where_a_signature_is_required(tmp_path: Path) -> None:
    home, bundle = tmp_path / "home", make_bundle(tmp_path / "b")
    strict = desk(home, require_signature=True)
    with pytest.raises(BundleRefused, match="signed by nobody"):
        strict.register(upload(home, bundle))
    sign_bundle(bundle, ANA)
    with pytest.raises(BundleRefused, match="signed with another key"):
        strict.register(upload(home, bundle))
    BundleKeys(Registry.open(home).database).trust(ANA.public_key().public_bytes_raw().hex(), "ana")
    made = told(strict, upload(home, bundle))
    assert made.signed_by is not None
    assert (made.version, made.signed_by.name) == (1, "ana")
    BundleKeys(Registry.open(home).database).remove("ana")
    with pytest.raises(Conflict, match="Expected wine:1 to be signed"):
        strict.use(UseVersion(by="key:gk_x", address="", model="wine", version=1))


def test_an_upload_takes_nothing_from_what_answers_at_predict(tmp_path: Path) -> None:
    """A model that is alone answers there without being marked; it goes on when another comes."""
    home = tmp_path / "home"
    registry = Registry.open(home)
    for name in ("first", "alone"):
        registry.register(make_bundle(tmp_path / name, weights=name.encode()), name=name)
    registry.remove("first")
    told(desk(home), upload(home, make_bundle(tmp_path / "b")))
    assert [(model.name, model.is_default, model.answers) for model in registry.models()] == [
        ("alone", True, 1),
        ("wine", False, None),
    ]


def test_what_is_too_large_once_unpacked_is_refused(tmp_path: Path) -> None:
    home = tmp_path / "home"
    with pytest.raises(BundleRefused, match="more than the 1,000 allowed"):
        desk(home, max_unpacked_bytes=1000).register(upload(home, make_bundle(tmp_path / "b", weights=b"x" * 2000)))
    assert [path.name for path in (home / "uploads" / NAME).iterdir()] == ["upload.zip"]


def test_a_place_elsewhere_is_none(tmp_path: Path) -> None:
    home = tmp_path / "home"
    for name in ("../bundles", "", "/etc", NAME.upper() + "x"):
        question = RegisterUpload(by="", address="", model="wine", upload=name)
        with pytest.raises(BundleRefused, match="Expected the name of an upload"):
            desk(home).register(question)
    with pytest.raises(Unavailable) as caught:  # the worker has gone, and its file with it
        desk(home).register(RegisterUpload(by="", address="", model="wine", upload=NAME))
    assert str(tmp_path) not in str(caught.value)


def test_a_version_of_no_model_is_not_chosen(tmp_path: Path) -> None:
    with pytest.raises(ModelNotFound):
        desk(tmp_path / "home").use(UseVersion(by="", address="", model="wine", version=1))
