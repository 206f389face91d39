from __future__ import annotations

import logging
import shutil
from pathlib import Path

import msgspec
import numpy as np
import pytest

from garcom.model.bundle import read_bundle
from garcom.model.reference_profile import PROFILE, ReferenceProfile, reference_profile
from garcom.monitoring.known_versions import KnownVersions
from garcom.records import Batch, Outputs
from garcom.storage.blobs import Blobs
from tests.integration.server.models import NUMBER, line


def stored(home: Path, profile: bytes | None = None) -> str:
    """The digest of a stored bundle; its profile is put there afterwards, as its files are not verified again."""
    bundle = read_bundle(line(home / "line", 2.0))
    folder = Blobs.under(home).path(bundle.digest)
    shutil.copytree(home / "line", folder)
    if profile is not None:
        (folder / PROFILE).write_bytes(profile)
    return bundle.digest


def reference() -> ReferenceProfile:
    x = np.linspace(0.0, 10.0, 50).reshape(-1, 1)
    answers = Outputs(labels=None, probabilities=None, values=2 * x)
    return reference_profile(Batch(x, np.empty((50, 0), object)), answers, NUMBER)


def test_a_version_is_known_by_its_digest(tmp_path: Path) -> None:
    made = reference()
    known = KnownVersions(Blobs.under(tmp_path))(stored(tmp_path, msgspec.msgpack.encode(made)))
    assert known is not None
    assert known.layout.digest == made.layout.digest
    assert known.signature == NUMBER


@pytest.mark.parametrize(
    ("profile", "why"), [(None, "Pack the model again"), (b"spoilt", "reference profile")], ids=["none", "damaged"]
)
def test_a_version_without_a_reference_is_told_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, profile: bytes | None, why: str
) -> None:
    digest, versions = stored(tmp_path, profile), KnownVersions(Blobs.under(tmp_path))
    with caplog.at_level(logging.WARNING, "garcom.monitoring"):
        assert (versions(digest), versions(digest)) == (None, None)
    (record,) = caplog.records
    assert why in vars(record)["why"]


@pytest.mark.parametrize("digest", ["", "../../etc", "0" * 64], ids=["empty", "path", "unknown"])
def test_what_is_not_stored_is_unknown(tmp_path: Path, digest: str) -> None:
    assert KnownVersions(Blobs.under(tmp_path))(digest) is None


def test_a_bundle_that_comes_later_is_found(tmp_path: Path) -> None:
    versions = KnownVersions(Blobs.under(tmp_path))
    digest = read_bundle(line(tmp_path / "later", 2.0)).digest
    assert versions(digest) is None
    assert stored(tmp_path, msgspec.msgpack.encode(reference())) == digest
    assert versions(digest) is not None
