"""Users and API keys over HTTP, at a real server."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from garcom.access.accounts import Accounts
from garcom.access.api_keys import is_key
from garcom.access.roles import Grant, Role
from garcom.storage.audit_rows import entries
from garcom.storage.database import Database
from tests.integration.server.running import Running, running, wait_for
from tests.integration.server.wire import Answer, post, request

CANARY = "c4nary pass phrase"


class Office(NamedTuple):
    """A server, and the key of an administrator."""

    server: Running
    key: str

    def get(self, path: str, key: str = "") -> Answer:
        return self.server.ask(request("GET", path, Authorization=self._credential(key)))

    def send(self, method: str, path: str, value: Any = None, key: str = "") -> Answer:
        if value is None:
            return self.server.ask(request(method, path, Authorization=self._credential(key)))
        data = post(path, value, Authorization=self._credential(key))
        return self.server.ask(data.replace(b"POST", method.encode(), 1))

    def listed(self, name: str) -> dict[str, Any]:
        """The user of this name, as the list tells it; nothing where there is none."""
        return next((user for user in self.get("/v1/users").json["users"] if user["name"] == name), {})

    def told(self) -> list[tuple[str, str, str]]:
        """Actor, action and target of every row of the audit trail."""
        with Database.open(self.server.home).read() as connection:
            return [(row.actor, row.action, row.target) for row in entries(connection)]

    def _credential(self, key: str) -> str:
        return f"Bearer {key or self.key}"


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    folder = tmp_path_factory.mktemp("office")
    accounts = Accounts(Database.open(folder / "home"))
    key = accounts.create_key("root", [Grant(Role.ADMIN)], by="test")[1].text
    with running(folder, "--access-log", workers=1) as server:
        yield Office(server, key)


def test_a_user_from_beginning_to_end(office: Office) -> None:
    grants = [{"role": "viewer"}, {"role": "client", "model": "wine"}]
    made = office.send("POST", "/v1/users", {"name": "ana", "password": CANARY, "grants": grants})
    assert (made.status, made.headers["location"]) == (201, "/v1/users/ana")
    assert made.json["has_password"]
    assert made.json == office.get("/v1/users/ana").json == office.listed("ana")
    assert made.json["grants"] == [{"role": "client", "model": "wine"}, {"role": "viewer", "model": "*"}]
    granted = office.send("POST", "/v1/users/ana/grants", {"role": "trainer", "model": "wine"})
    assert granted.status == 201
    assert {"role": "trainer", "model": "wine"} in granted.json["grants"]
    for grant in ("trainer:wine", "viewer", "client:wine"):
        assert office.send("DELETE", f"/v1/users/ana/grants/{grant}").status == 204
    assert office.listed("ana")["grants"] == []
    assert office.send("PATCH", "/v1/users/ana", {"disabled": True}).json["disabled_at"] is not None
    assert office.send("PATCH", "/v1/users/ana", {"disabled": False}).json["disabled_at"] is None
    assert office.send("PATCH", "/v1/users/ana", {"password": CANARY + "!"}).status == 200
    assert office.send("DELETE", "/v1/users/ana").status == 204
    assert office.get("/v1/users/ana").status == 404
    assert office.listed("ana") == {}
    actor = f"key:{office.key[:11]}"
    done = [action for by, action, target in office.told() if (by, target) == (actor, "user:ana")]
    assert done == [
        "user.create",
        "user.grant",
        *["user.revoke"] * 3,
        "user.disable",
        "user.enable",
        "user.password",
        "user.remove",
    ]


def test_a_key_is_shown_once_works_and_is_revoked(office: Office) -> None:
    limits = {"requests": "1000/1s", "daily_rows": 10}
    asked = {"name": "pricing", "grants": [{"role": "viewer"}], "expires_in_s": 3600, "limits": limits}
    made = office.send("POST", "/v1/api-keys", asked)
    assert made.status == 201
    assert made.headers["cache-control"] == "no-store"
    key = made.json["key"]
    assert is_key(key)
    assert made.json["created_by"] == f"key:{office.key[:11]}"
    life = datetime.fromisoformat(made.json["expires_at"]) - datetime.fromisoformat(made.json["created_at"])
    assert 3590 < life.total_seconds() <= 3600
    me = wait_for(lambda: (answer := office.get("/v1/me", key)).status == 200 and answer.json)
    assert me == {
        "kind": "key",
        "name": key[:11],
        "grants": [{"role": "viewer", "model": "*"}],
        "limits": limits,
    }
    listed = office.get("/v1/api-keys")
    assert key[12:] not in listed.body.decode()
    shown = {entry["prefix"]: entry for entry in listed.json["keys"]}
    assert shown[key[:11]]["limits"] == limits
    assert office.get("/v1/users", key).status == 403
    assert office.send("DELETE", f"/v1/api-keys/{key[:11]}").status == 204
    wait_for(lambda: office.get("/v1/me", key).status == 401)
    again = office.send("DELETE", f"/v1/api-keys/{key[:11]}")
    assert (again.status, "revoked already" in again.json["detail"]) == (409, True)


def test_names_are_taken_once(office: Office) -> None:
    assert office.send("POST", "/v1/users", {"name": "Bia"}).status == 201
    taken = office.send("POST", "/v1/users", {"name": "bia", "grants": [{"role": "admin"}]})
    assert (taken.status, taken.json["type"]) == (409, "/docs/problems#conflict")
    assert office.send("DELETE", "/v1/users/Bia").status == 204


def test_lists_come_in_pages(office: Office) -> None:
    names = [f"page{number}" for number in range(3)]
    for name in names:
        office.send("POST", "/v1/users", {"name": name})
    first = office.get("/v1/users?limit=2&after=page").json
    assert [user["name"] for user in first["users"]] == names[:2]
    second = office.get(f"/v1/users?limit=2&after={first['next']}").json
    assert ([user["name"] for user in second["users"]], second["next"]) == (names[2:], None)
    for query in ("limit=0", "limit=1001", "limit=x", f"after={'x' * 101}"):
        assert office.get(f"/v1/users?{query}").status == 400
    assert office.get("/v1/api-keys?after=gk_AAAAAAAA").status == 404


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "said"),
    [
        ("POST", "/v1/users", {}, 400, "name: expected this field"),
        ("POST", "/v1/users", [], 400, "expected object, got array"),
        ("POST", "/v1/users", {"name": "a", "role": "admin"}, 400, "role: expected no such field"),
        ("POST", "/v1/users", {"name": "a", "grants": [{"role": "root"}]}, 400, "grants[0].role"),
        ("POST", "/v1/users", {"name": "a", "grants": [{"role": "admin", "modle": "x"}]}, 400, "grants[0].modle"),
        ("POST", "/v1/users", {"name": "a", "grants": [{"role": "admin", "model": "../x"}]}, 400, "grants[0].model"),
        ("POST", "/v1/users", {"name": "a\n"}, 400, "name of a user"),
        ("POST", "/v1/users", {"name": "a" * 101}, 400, "name"),
        ("POST", "/v1/users", {"name": "a", "password": "c4nary"}, 400, "password: expected"),
        ("POST", "/v1/users", {"name": "a", "password": 4242424242}, 400, "password: expected"),
        ("POST", "/v1/users", {"name": "a", "password": "password123"}, 400, "first that anybody tries"),
        ("PATCH", "/v1/users/nobody", {"password": CANARY}, 404, "nobody"),
        ("PATCH", "/v1/users/nobody", {}, 400, "one change"),
        ("PATCH", "/v1/users/nobody", {"password": CANARY, "disabled": True}, 400, "one change"),
        ("PATCH", "/v1/users/nobody", {"name": "root"}, 400, "name: expected no such field"),
        ("PATCH", "/v1/users/nobody", {"disabled": "yes"}, 400, "disabled: expected bool"),
        ("DELETE", "/v1/users/nobody", None, 404, "nobody"),
        ("DELETE", "/v1/users/nobody/grants/root", None, 400, "Expected a role"),
        ("POST", "/v1/api-keys", {"name": "k", "expires_in_s": 0}, 400, "expires_in_s"),
        ("POST", "/v1/api-keys", {"name": "k", "expires_in_s": 1e300}, 400, "expires_in_s"),
        ("POST", "/v1/api-keys", {"name": "k", "limits": {"requests": "fast"}}, 400, "limits.requests"),
        ("POST", "/v1/api-keys", {"name": "k", "limits": {"nonsense": 1}}, 400, "limits.nonsense"),
        ("DELETE", "/v1/api-keys/gk_AAAAAAAA", None, 404, "gk_AAAAAAAA"),
    ],
)
def test_what_cannot_be_is_refused(office: Office, method: str, path: str, body: Any, status: int, said: str) -> None:
    answer = office.send(method, path, body)
    assert (answer.status, said in answer.json["detail"]) == (status, True), answer
    assert "c4nary" not in answer.body.decode()
    assert "4242424242" not in answer.body.decode()


@pytest.mark.parametrize(
    ("body", "content_type", "status"),
    [
        (b"", "application/json", 400),
        (b'{"name": "a"', "application/json", 400),
        (b'{"name": "a", "name": "b"}', "application/json", 400),
        (b'{"name": "\\ud800"}', "application/json", 400),
        (b'{"name": "a\xff"}', "application/json", 400),
        (b"\xef\xbb\xbf{}", "application/json", 400),
        (b"[" * 50_000, "application/json", 400),
        (b'{"name": NaN}', "application/json", 400),
        (b'{"name": "' + b"a" * 200_000 + b'"}', "application/json", 413),
        (b'{"name": "a"}', "text/plain", 415),
        (b"name=a", "application/x-www-form-urlencoded", 415),
    ],
)
def test_bodies_that_are_no_json(office: Office, body: bytes, content_type: str, status: int) -> None:
    data = request("POST", "/v1/users", body, content_type=content_type, Authorization=f"Bearer {office.key}")
    answer = office.server.ask(data)
    assert answer.status == status, answer
    assert office.listed("a") == {}


def test_the_last_use_of_a_key_is_told(office: Office) -> None:
    # It is written down each few seconds, which have mostly gone by with the tests before.
    def used() -> Any:
        return office.get("/v1/api-keys").json["keys"][0]["last_used_at"]

    assert wait_for(used)


def test_no_password_and_no_key_is_in_the_log(office: Office) -> None:
    log = json.dumps(office.server.log())
    assert "/v1/users" in log
    assert "c4nary" not in log
    assert office.key[12:] not in log


def test_a_start_tells_of_open_secrets_and_that_nobody_administers(tmp_path: Path) -> None:
    home = tmp_path / "home"
    Accounts(Database.open(home)).create_user("rui", [Grant(Role.VIEWER)], None)
    (home / "secrets").chmod(0o755)
    with running(tmp_path) as server:
        assert server.process.stdout is not None
        assert b"`garcom user grant NAME admin`" in server.process.stdout.readline()
        (warning,) = server.logged("secrets are open to other users of this machine")
        assert f"chmod -R o= {home}/secrets" in warning["why"]
