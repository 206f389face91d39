"""A server to ask at random: two models, predictions in the lake, a user and an API key of each role."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from garcom.access.accounts import Accounts
from garcom.access.roles import Grant, Role
from garcom.model.archive import zip_bundle
from garcom.registry.registry import Registry
from tests.integration.server import models, wire
from tests.integration.server.running import Running, running, wait_for
from tests.integration.server.wire import post, request

#: Whoever says nothing of who it is.
NOBODY = "nobody"
#: May do everything, but only with one model.
OF_ONE_MODEL = "admin of wine"
ADMIN = str(Role.ADMIN)


class Ground(NamedTuple):
    """What is asked: the server, the key of each caller (none: nobody), and a zip to upload for each model."""

    server: Running
    keys: dict[str, str]
    bundles: dict[str, bytes]

    @property
    def url(self) -> str:
        return f"{'https' if self.server.port in wire.secured else 'http'}://127.0.0.1:{self.server.port}"

    def document(self) -> dict[str, Any]:
        """The whole document, as an administrator sees it now."""
        answer = self.server.ask(request("GET", "/openapi.json", X_API_Key=self.keys[ADMIN]))
        assert answer.status == 200, answer
        return dict(answer.json)

    @property
    def trusted(self) -> str | bool:
        """The certificate that a server behind TLS shows; as clients have it."""
        return str(self.server.home / "self-signed.pem") if self.server.port in wire.secured else True


@contextmanager
def ground(folder: Path) -> Iterator[Ground]:
    """Serve until the block ends; the controller is there when it begins."""
    bundles = models.wine(folder / "wine"), models.line(folder / "line", 2.0)
    keys = _make_callers(folder / "home")
    with running(folder, "--workers", "1", register=bundles) as server:
        _serve_something(server, keys[ADMIN])
        yield Ground(server, keys, _to_upload(folder))


def _make_callers(home: Path) -> dict[str, str]:
    accounts = Accounts(Registry.open(home).database)
    grants = {str(role): Grant(role) for role in Role} | {OF_ONE_MODEL: Grant(Role.ADMIN, "wine")}
    keys = {NOBODY: ""}
    for name, grant in grants.items():
        accounts.create_user(name.replace(" ", "-"), [grant], None)
        _, made = accounts.create_key(name.replace(" ", "-"), [grant], by="user:admin")
        keys[name] = made.text
    return keys


def _serve_something(server: Running, key: str) -> None:
    """A prediction with its actual, found again: the controller answers, and the lake exists."""
    answer = server.ask(post("/v1/models/line/predict", {"x": 1.5}, X_API_Key=key))
    assert answer.status == 200, answer
    found = request("GET", f"/v1/predictions/{answer.json['id']}", X_API_Key=key)
    seen = []

    def is_found() -> bool:
        seen.append(server.ask(found))
        return seen[-1].status == 200

    try:
        wait_for(is_found, timeout_s=100)
    except AssertionError as error:
        raise AssertionError(f"{seen[-1]}\n{server.log()[-5:]}") from error
    actuals = [{"id": answer.json["id"], "actual": 3.0}]
    answer = server.ask(post("/v1/models/line/actuals", actuals, X_API_Key=key))
    assert answer.status == 200, answer


def _to_upload(folder: Path) -> dict[str, bytes]:
    wine, line = folder / "more-wine", folder / "more-line"
    wine.mkdir()
    (wine / "padding.bin").touch()  # else it would be the version that is there already
    bundles = {"wine": models.wine(wine), "line": models.line(line, 3.0)}
    return {name: zip_bundle(bundle, folder / f"{name}.zip").read_bytes() for name, bundle in bundles.items()}
