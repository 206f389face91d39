"""Versions over HTTP: what is taken, what is refused, and that nothing is left of either but what was registered."""

from __future__ import annotations

import base64
import hashlib
import json
import pickle
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pandas as pd
import pytest
from typer.testing import CliRunner

from garcom import pack
from garcom.access.accounts import Accounts
from garcom.access.roles import Grant, Role
from garcom.cli import app
from garcom.client import Client, Rejected
from garcom.model.archive import zip_bundle
from garcom.storage.audit_rows import entries
from garcom.storage.database import Database
from tests.integration.server import models
from tests.integration.server.running import Running, running, wait_for
from tests.integration.server.wire import Answer, Connection, post, request
from tests.unit.model import raw_zip
from tests.unit.model.archive_corpus import corpus, good_files

MAX_BYTES = 2_000_000
PATH = "/v1/models/line/versions"
SILENCE_S = 1.0


class Place(NamedTuple):
    """A server, and keys by role; those of ``other`` are for another model."""

    server: Running
    keys: dict[str, str]

    def upload(self, data: bytes, path: str = PATH, role: str = "trainer", **headers: str) -> Answer:
        content_type = headers.pop("content_type", "application/zip")
        return self.server.ask(
            request("POST", path, data, content_type=content_type, Authorization=f"Bearer {self.keys[role]}", **headers)
        )

    def choose(self, version: int, role: str = "approver", model: str = "line") -> Answer:
        data = post(f"/v1/models/{model}/answers", {"version": version}, Authorization=f"Bearer {self.keys[role]}")
        return self.server.ask(data.replace(b"POST", b"PUT", 1))

    def predict(self, model: str = "line") -> Answer:
        return self.server.ask(
            post(f"/v1/models/{model}/predict", {"x": 3.0}, Authorization=f"Bearer {self.keys['admin']}")
        )

    def left(self) -> list[Path]:
        """What uploads have left on the disk."""
        return list((self.server.home / "uploads").rglob("*"))


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    folder = tmp_path_factory.mktemp("uploads")
    accounts = Accounts(Database.open(folder / "home"))
    keys = {
        role.value: accounts.create_key(role.value, [Grant(role)], by="test")[1].text
        for role in (Role.TRAINER, Role.APPROVER, Role.ADMIN)
    }
    keys["other"] = accounts.create_key("other", [Grant(Role.TRAINER, "other")], by="test")[1].text
    with running(
        folder,
        client_timeout_s=SILENCE_S,
        uploads_max_bytes=MAX_BYTES,
        uploads_max_unpacked_bytes=4 * MAX_BYTES,
    ) as server:
        yield Place(server, keys)


def line(folder: Path, slope: float) -> bytes:
    """The zip of a bundle that answers ``slope`` times x."""
    return zip_bundle(models.line(folder / f"line-{slope}", slope), folder / f"line-{slope}.zip").read_bytes()


def test_from_an_upload_to_an_answer(tmp_path: Path, place: Place) -> None:
    first, second = line(tmp_path, 1.0), line(tmp_path, 2.0)
    made = place.upload(first)
    assert (made.status, made.headers["location"]) == (201, f"{PATH}/1")
    assert (made.json["version"], made.json["answers"], made.json["existed"]) == (1, False, False)
    assert place.predict().status == 404  # an upload never answers by itself
    assert place.choose(1, "trainer").status == 403
    assert place.choose(1).json == {"model": "line", "answers": 1, "answered": None, "revision": 2}
    assert place.predict().json["prediction"] == 3.0
    assert place.upload(second).json["version"] == 2
    assert place.predict().json["version"] == 1
    assert place.choose(2).json["answered"] == 1
    wait_for(lambda: place.predict().json["prediction"] == 6.0)  # it is loaded beside the one that answers
    again = place.upload(second)
    assert (again.status, again.json["version"], again.json["existed"]) == (200, 2, True)
    assert place.choose(7).status == 404
    assert place.left() == []
    with Database.open(place.server.home).read() as connection:
        told = [(row.actor.partition(":")[0], row.address, row.action, row.target) for row in entries(connection)]
    assert ("key", "127.0.0.1", "model.register", "line:2") in told
    assert ("key", "127.0.0.1", "model.use", "line") in told


def test_the_path_names_the_model(tmp_path: Path, place: Place) -> None:
    data = line(tmp_path, 5.0)
    assert place.upload(data, "/v1/models/named-otherwise/versions").json["model"] == "named-otherwise"
    assert place.upload(data, "/v1/models/No%20Name/versions").status == 400
    assert place.upload(data, role="approver").status == 403
    assert place.upload(data, role="other").status == 404  # of which it may not even know


@pytest.mark.parametrize(
    ("what", "data"),
    [
        ("a pickle", pickle.dumps({"a": [1, 2]})),
        ("ONNX", b"\x08\x09\x12\x07skl2onnx" + b"\0" * 5000),
        ("gzip", b"\x1f\x8b\x08" + b"\0" * 5000),
        ("nothing", b""),
        ("three bytes", b"PK\x03"),
        ("a beginning", b"PK\x03\x04" + b"\0" * 300_000),
        ("a zip of something else", raw_zip.archive(raw_zip.plain({"x": b"x"}))),
    ],
)
def test_what_is_no_bundle_is_told_to_be_packed(place: Place, what: str, data: bytes) -> None:
    answer = place.upload(data)
    assert (answer.status, answer.json["type"]) == (422, "/docs/problems#bundle-refused"), what
    assert "garcom pack" in answer.json["detail"]
    assert place.left() == []


def test_what_the_head_tells_is_refused_at_once(place: Place) -> None:
    assert place.upload(b"PK\x03\x04", content_type="application/octet-stream").status == 415
    assert place.upload(b"PK\x03\x04", content_encoding="gzip").status == 415
    assert place.upload(b"PK\x03\x04" + b"\0" * MAX_BYTES).status == 413
    assert place.left() == []


def test_a_body_without_a_length_is_measured(place: Place) -> None:
    head = request(
        "POST",
        PATH,
        Authorization=f"Bearer {place.keys['trainer']}",
        Transfer_Encoding="chunked",
        Content_Type="application/zip",
    )
    piece = b"PK\x03\x04" + b"\0" * 65_532
    with Connection(place.server.port) as connection:
        connection.send(head)
        for _ in range(MAX_BYTES // len(piece) + 1):
            connection.send(b"%x\r\n%s\r\n" % (len(piece), piece))
        assert connection.send(b"0\r\n\r\n").answer().status == 413
    assert place.left() == []


def test_a_digest_that_is_told_has_to_fit(tmp_path: Path, place: Place) -> None:
    data = line(tmp_path, 7.0)
    right = base64.b64encode(hashlib.sha256(data).digest()).decode()
    wrong = base64.b64encode(hashlib.sha256(b"other").digest()).decode()
    path = "/v1/models/digests/versions"
    for name in ("Content-Digest", "Repr-Digest"):
        refused = place.upload(data, path, **{name: f"sha-512=:AAAA:, sha-256=:{wrong}:"})
        assert (refused.status, "changed on its way" in refused.json["detail"]) == (400, True)
        assert place.upload(data, path, **{name: "sha-256=:AAAA:"}).status == 400
    assert place.upload(data, path, **{"Content-Digest": f"sha-256=:{right}:;x=1"}).status == 201


def test_hostile_archives_end_in_a_refusal(tmp_path: Path, place: Place) -> None:
    cases = [case for case in corpus(good_files(tmp_path / "b"))[5::9] if len(case.make()) < MAX_BYTES]
    assert len(cases) > 35
    home = place.server.home

    def written() -> set[Path]:
        """All but what others write meanwhile: versions that are registered, and predictions that are drained."""
        theirs = {"bundles", "journal", "lake"}
        return {path for path in home.rglob("*") if path.relative_to(home).parts[0] not in theirs}

    before = written()
    for case in cases:
        answer = place.upload(case.make(), "/v1/models/hostile/versions")
        taken = {200, 201} if case.harmless else set()
        assert answer.status in {422} | taken, (case.name, answer)
    assert written() - before <= {home / "uploads"}
    assert place.left() == []
    assert place.server.get("/healthz")


def test_a_slow_sender_is_served_and_a_silent_one_is_not(tmp_path: Path, place: Place) -> None:
    data = line(tmp_path, 9.0)
    whole = request(
        "POST",
        "/v1/models/slow/versions",
        data,
        content_type="application/zip",
        Authorization=f"Bearer {place.keys['trainer']}",
    )
    with Connection(place.server.port) as connection:
        for start in range(0, len(whole), len(whole) // 3):  # longer than a body of another route may take
            connection.send(whole[start : start + len(whole) // 3])
            time.sleep(0.45 * SILENCE_S)
        assert connection.answer().status == 201
    with Connection(place.server.port) as connection:
        refused = connection.send(whole[:-10]).answer()
        assert refused.status == 400
        assert "without a pause of 1 s" in refused.json["detail"]
    assert place.left() == []


def test_only_a_version_is_chosen(place: Place) -> None:
    credential = f"Bearer {place.keys['approver']}"
    for body in ({}, {"version": "2"}, {"version": 0}, {"version": 1, "force": True}, [1]):
        data = post("/v1/models/line/answers", body, Authorization=credential).replace(b"POST", b"PUT", 1)
        assert place.server.ask(data).status == 400, json.dumps(body)


def test_the_client_and_the_command_upload(tmp_path: Path, place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    url = f"http://127.0.0.1:{place.server.port}"
    folder = models.line(tmp_path / "b", 11.0, name="by-client")
    with Client(url, api_key=place.keys["trainer"]) as client:
        made = client.upload(folder)
        assert (made.model, made.version, made.answers, made.signed_by) == ("by-client", 1, False, None)
        with pytest.raises(Rejected, match="may promote"):
            client.use("by-client:1")
    monkeypatch.setenv("GARCOM_API_KEY", place.keys["admin"])
    command = ["register", str(zip_bundle(folder, tmp_path / "b.zip")), "--name", "by-command", "--use", "--url", url]
    done = CliRunner().invoke(app, command)
    assert done.exit_code == 0, done.output
    assert "Registered by-command:1." in done.stdout
    with Client(url) as client:
        assert client.predict({"x": 2.0}, "by-command").prediction == 22.0
    rows = pd.DataFrame({"x": [1.0, 2.0, 3.0]})
    elsewhere = pack(None, rows, answers=rows["x"] * 2, name="elsewhere", out=tmp_path)
    done = CliRunner().invoke(app, ["register", str(elsewhere.path), "--use", "--url", url])
    assert done.exit_code == 0, done.output
    assert "logged at /v1/models/elsewhere/log" in " ".join(done.stdout.split())
    assert "answers" not in done.stdout
