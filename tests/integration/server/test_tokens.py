"""Tokens through a real server: asked for, used, exchanged, revoked; forged ones, and floods of logins."""

from __future__ import annotations

import base64
import contextlib
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import jwt
import pytest

from garcom.access.accounts import Accounts
from garcom.access.api_keys import NewKey
from garcom.access.roles import Grant, Role
from garcom.access.signing_keys import SigningKeys
from garcom.access.tokens import SigningKey
from garcom.storage.database import Database
from tests.integration.server.running import Running, running, wait_for
from tests.integration.server.wire import Answer, Connection, request
from tests.unit.access.forgery import Forger

PASSWORD = "correct horse battery"
FORM = "application/x-www-form-urlencoded"


class Service:
    """The server, the accounts that it knows, and an API key."""

    def __init__(self, server: Running, accounts: Accounts, key: NewKey) -> None:
        self.server = server
        self.accounts = accounts
        self.key = key

    def ask(self, data: bytes) -> Answer:
        return self.server.ask(data)

    @property
    def signing_keys(self) -> SigningKeys:
        return SigningKeys(Database.open(self.server.home))

    @property
    def n_keys(self) -> int:
        return len(self.server.get("/.well-known/jwks.json")["keys"])

    def token(self, path: str = "/v1/token", *, authorization: str = "", **fields: str) -> Answer:
        headers = {"authorization": authorization} if authorization else {}
        return self.ask(request("POST", path, urlencode(fields).encode(), content_type=FORM, **headers))

    def log_in(self, name: str = "ana") -> Any:
        answer = self.token(grant_type="password", username=name, password=PASSWORD)
        assert answer.status == HTTPStatus.OK, answer
        return answer.json

    def status(self, bearer: str, path: str = "/v1/models") -> int:
        return self.ask(request("GET", path, authorization=f"Bearer {bearer}")).status


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory, bundles: dict[str, Path]) -> Iterator[Service]:
    folder = tmp_path_factory.mktemp("tokens")
    accounts = Accounts(Database.open(folder / "home"))
    accounts.create_user("boss", [Grant(Role.ADMIN)], None)
    for name in ("ana", "bob"):
        accounts.create_user(name, [Grant(Role.VIEWER)], PASSWORD)
    _, key = accounts.create_key("service", [Grant(Role.VIEWER)], by="user:boss")
    with running(folder, register=(bundles["line-1"],), workers=2) as server:
        yield Service(server, accounts, key)


def refused(answer: Answer, status: int, error: str) -> None:
    assert (answer.status, answer.json["error"]) == (status, error), answer
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["content-type"] == "application/json"
    assert set(answer.json) == {"error", "error_description"}


def test_the_first_token_is_known_to_every_worker(service: Service) -> None:
    answer = service.token(grant_type="password", username="ana", password=PASSWORD)
    assert answer.headers["cache-control"] == "no-store"
    assert [service.status(answer.json["access_token"]) for _ in range(10)] == [200] * 10


def test_a_key_gives_tokens_in_the_header_and_in_the_body(service: Service) -> None:
    prefix, key = service.key.prefix, service.key.text
    basic = "Basic " + base64.b64encode(f"{prefix}:{key}".encode()).decode()
    for answer in (
        service.token(grant_type="client_credentials", authorization=basic),
        service.token(grant_type="client_credentials", client_id=prefix, client_secret=key),
    ):
        assert answer.status == HTTPStatus.OK, answer
        assert service.status(answer.json["access_token"]) == HTTPStatus.OK
    both = service.token(grant_type="client_credentials", client_secret=key, authorization=basic)
    refused(both, 400, "invalid_request")
    wrong = "Basic " + base64.b64encode(f"{prefix}:{key[:-1]}".encode()).decode()
    answer = service.token(grant_type="client_credentials", authorization=wrong)
    refused(answer, 401, "invalid_client")
    assert answer.headers["www-authenticate"].startswith("Basic ")


def test_a_refresh_token_is_good_once(service: Service) -> None:
    first = service.log_in()
    second = service.token(grant_type="refresh_token", refresh_token=first["refresh_token"]).json
    assert service.status(second["access_token"]) == HTTPStatus.OK
    again = service.token(grant_type="refresh_token", refresh_token=first["refresh_token"])
    refused(again, 400, "invalid_grant")
    wait_for(lambda: {service.status(given["access_token"]) for given in (first, second)} == {401})
    refused(service.token(grant_type="refresh_token", refresh_token=second["refresh_token"]), 400, "invalid_grant")


def test_a_revoked_token_is_refused_by_every_worker(service: Service) -> None:
    given, other = service.log_in(), service.log_in()
    answer = service.token("/v1/token/revoke", token=given["access_token"])
    assert (answer.status, answer.body) == (200, b"")
    assert service.token("/v1/token/revoke", token="unknown").status == HTTPStatus.OK
    refused(service.token("/v1/token/revoke", token=""), 400, "invalid_request")
    wait_for(lambda: {service.status(given["access_token"]) for _ in range(10)} == {401})
    assert service.status(other["access_token"]) == HTTPStatus.OK


@pytest.mark.parametrize(
    ("data", "status", "error"),
    [
        (request("POST", "/v1/token", b"{}"), 400, "invalid_request"),
        (request("POST", "/v1/token", b"", content_type=FORM), 400, "invalid_request"),
        (request("POST", "/v1/token", b"a=" + b"x" * 20_000, content_type=FORM), 400, "invalid_request"),
        (request("POST", "/v1/token?grant_type=password", b"a=b", content_type=FORM), 400, "invalid_request"),
        (request("POST", "/v1/token", b"grant_type=x", content_type=FORM), 400, "unsupported_grant_type"),
        (
            request("POST", "/v1/token", b"grant_type=client_credentials", content_type=FORM, authorization="Bearer x"),
            401,
            "invalid_client",
        ),
    ],
    ids=["json", "empty", "long", "query", "type", "bearer"],
)
def test_what_is_no_request_is_refused(service: Service, data: bytes, status: int, error: str) -> None:
    refused(service.ask(data), status, error)


def test_no_forgery_passes_a_server(service: Service) -> None:
    now = datetime.now(UTC)
    key = service.signing_keys.signer(now)
    stranger = SigningKey.make()
    forger = Forger(key, stranger, stranger, "user:ana", now)
    assert service.status(forger.token()) == HTTPStatus.OK
    given = service.log_in()
    forged = forger.all() | {"a refresh token": given["refresh_token"], "a key cut short": service.key.text[:-1]}
    found: dict[str, int] = {}
    with Connection(service.server.port) as connection:
        for name, token in forged.items():
            if token.isprintable() and token.isascii() and token == token.strip() and 0 < len(token) < 8000:
                connection.send(request("GET", "/v1/models", authorization=f"Bearer {token}"))
                found[name] = connection.answer().status
    assert len(found) > 200
    assert {name: status for name, status in found.items() if status != HTTPStatus.UNAUTHORIZED} == {}


def test_the_keys_are_told_to_everybody(service: Service) -> None:
    given = service.log_in()
    (key,) = service.server.get("/.well-known/jwks.json")["keys"]
    assert set(key) == {"kty", "crv", "use", "alg", "kid", "x"}
    public = jwt.PyJWK(key)  # another's library, as others will use
    claims = jwt.decode(given["access_token"], public, ["EdDSA"], audience="garcom", issuer="garcom")
    assert claims["sub"] == "user:ana"


def test_a_rotation_is_not_noticed_and_one_that_ends_all_is(service: Service) -> None:
    before = service.log_in()["access_token"]
    service.signing_keys.rotate(datetime.now(UTC))
    between = service.log_in()["access_token"]
    wait_for(lambda: service.n_keys == 2)
    assert [service.status(token) for token in (before, between)] == [200, 200]
    service.signing_keys.rotate(datetime.now(UTC), end_all=True)
    wait_for(lambda: {service.status(token) for token in (before, between) for _ in range(5)} == {401})
    wait_for(lambda: service.status(service.log_in()["access_token"]) == HTTPStatus.OK)


def test_a_flood_of_logins_is_slowed_and_starves_nobody(service: Service) -> None:
    """From one address; the bounded number of hashes at a time is what leaves the controller free for the others."""
    found: list[Answer] = []

    def attack() -> None:
        found.extend(service.token(grant_type="password", username="bob", password="wrong") for _ in range(3))

    threads = [threading.Thread(target=attack) for _ in range(10)]
    for thread in threads:
        thread.start()
    key = service.token(grant_type="client_credentials", client_id=service.key.prefix, client_secret=service.key.text)
    for thread in threads:
        thread.join(60)
    assert key.status == HTTPStatus.OK
    assert len(found) == 30
    looked_at = [answer for answer in found if answer.status == HTTPStatus.BAD_REQUEST]
    slowed = [answer for answer in found if answer.status == HTTPStatus.TOO_MANY_REQUESTS]
    assert len(looked_at) + len(slowed) == len(found)
    assert 4 <= len(looked_at) <= 10
    for answer in slowed:
        refused(answer, 429, "temporarily_unavailable")
        assert int(answer.headers["retry-after"]) >= 1
    assert service.log_in("ana")


def test_nothing_secret_is_written_down(service: Service) -> None:
    given = service.log_in()
    service.status(given["access_token"])
    expires = datetime.now(UTC) + timedelta(days=1)
    _, key = service.accounts.create_key("canary", [Grant(Role.VIEWER)], by="user:boss", expires=expires)
    service.token(grant_type="client_credentials", client_id=key.prefix, client_secret=key.text)
    written = (service.server.home.parent / "log").read_bytes()
    for path in filter(Path.is_file, service.server.home.rglob("*")):
        with contextlib.suppress(FileNotFoundError):  # a file of the moment
            written += path.read_bytes()
    for secret in (given["access_token"], given["refresh_token"], key.text, PASSWORD):
        assert secret.encode() not in written
