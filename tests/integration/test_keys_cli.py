"""``garcom keys`` and ``garcom sign``: from a new key to a version that tells who signed it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from garcom.cli import app
from garcom.errors import BundleError, Conflict, GarcomError, NotFound
from garcom.model.archive import zip_bundle
from tests.bundles import make_bundle


class Terminal:
    """Runs commands with one home folder, where a signature is required."""

    def __init__(self, home: Path) -> None:
        home.mkdir()
        (home / "garcom.toml").write_text("[uploads]\nrequire_signature = true\n")
        self.environment = {"GARCOM_HOME": str(home), "COLUMNS": "200"}

    def __call__(self, *arguments: str | Path) -> str:
        result = CliRunner().invoke(app, [str(each) for each in arguments], env=self.environment)
        if isinstance(result.exception, GarcomError):
            raise result.exception
        assert result.exit_code == 0, result.output
        return result.stdout

    def json(self, *arguments: str | Path) -> Any:
        return json.loads(self(*arguments, "--json"))


@pytest.fixture
def garcom(tmp_path: Path) -> Terminal:
    return Terminal(tmp_path / "home")


def test_from_a_new_key_to_a_version_that_it_signed(tmp_path: Path, garcom: Terminal) -> None:
    keys, bundle = tmp_path / "keys", make_bundle(tmp_path / "wine.bundle")
    made = garcom.json("keys", "new", "ana", "--out", keys)
    assert (keys / "ana.key").stat().st_mode & 0o777 == 0o600
    assert not (tmp_path / "home" / "secrets" / "ana.key").exists()
    with pytest.raises(BundleError, match="signed by nobody"):
        garcom("register", bundle)
    assert made["fingerprint"] in garcom("sign", bundle, "--key", keys / "ana.key")
    with pytest.raises(BundleError, match="signed with another key"):
        garcom("register", bundle)
    assert "is trusted to sign bundles" in garcom("keys", "trust", keys / "ana.pub")
    assert [key["name"] for key in garcom.json("keys", "list")] == ["ana"]
    assert made["fingerprint"] in garcom("keys", "list")
    version = garcom.json("register", bundle)
    assert version["summary"]["signer"]["name"] == "ana"
    assert f"Signed by ana (key {made['fingerprint'][:16]})." in garcom("show", "wine")
    assert f"Signed with the key {made['fingerprint']}." in garcom("show", bundle)
    assert garcom.json("show", bundle)["bundle"]["signed_with"] == made["fingerprint"]


def test_a_key_that_is_removed(tmp_path: Path, garcom: Terminal) -> None:
    garcom("keys", "new", "ana", "--out", tmp_path)
    garcom("keys", "trust", tmp_path / "ana.pub", "--name", "training")
    for number in (1, 2):
        archive = zip_bundle(make_bundle(tmp_path / str(number), weights=b"%d" % number), tmp_path / f"{number}.zip")
        garcom("sign", archive, "--key", tmp_path / "ana.key")
        garcom("register", archive)
    assert "is trusted no longer" in garcom("keys", "remove", "training")
    assert "Signed with a key that is not trusted here" in garcom("show", "wine:1")
    with pytest.raises(Conflict, match="Expected wine:2 to be signed"):
        garcom("use", "wine:2")
    with pytest.raises(NotFound, match="These are: none"):
        garcom("keys", "remove", "training")
    trail = [json.loads(line) for line in garcom("audit", "tail", "--json").splitlines()]
    told = {(entry["action"], entry["target"]): entry for entry in trail}
    assert {("bundle_key.trust", "training"), ("bundle_key.remove", "training")} <= set(told)
    assert told["model.register", "wine:2"]["after"]["signed_by"]["name"] == "training"


def test_no_key_is_written_over(tmp_path: Path, garcom: Terminal) -> None:
    garcom("keys", "new", "ana", "--out", tmp_path)
    before = (tmp_path / "ana.key").read_bytes()
    with pytest.raises(Conflict, match="a file is there"):
        garcom("keys", "new", "ana", "--out", tmp_path)
    assert (tmp_path / "ana.key").read_bytes() == before
