"""The corpus of JSON documents through every route that takes JSON: nothing that is none is read anywhere."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from garcom.access.accounts import Accounts
from garcom.access.roles import Grant, Role
from garcom.http.policy import POLICY
from tests.integration.server.json_corpus import LEFT_OPEN, MUST_ACCEPT, MUST_REJECT
from tests.integration.server.running import running, wait_for
from tests.integration.server.wire import Answer, Connection, request

_numbers = itertools.count()


class Target(NamedTuple):
    """A route, and a good document for it; ``{n}`` in its texts is another number each time."""

    method: str
    path: str
    document: Any


RECORD = {"x": 3.0}
TARGETS = {
    "/predict": Target("POST", "/predict", RECORD),
    "/predict, a list": Target("POST", "/predict", [RECORD, RECORD]),
    "/v1/models/{model}/predict": Target("POST", "/v1/models/line/predict", RECORD),
    "/v1/models/{model}/versions/{version}/predict": Target("POST", "/v1/models/line/versions/1/predict", RECORD),
    "/v1/models/{model}/actuals": Target("POST", "/v1/models/line/actuals", [{"key": "k{n}", "actual": 1.5}]),
    "/v1/models/{model}/answers": Target("PUT", "/v1/models/line/answers", {"version": 1}),
    "/v1/users": Target("POST", "/v1/users", {"name": "user{n}", "grants": []}),
    "/v1/users/{name}": Target("PATCH", "/v1/users/somebody", {"disabled": False}),
    "/v1/users/{name}/grants": Target("POST", "/v1/users/somebody/grants", {"role": "viewer", "model": "m{n}"}),
    "/v1/models/{model}/log": Target("POST", "/v1/models/line/log", [{"input": RECORD, "prediction": 1.5}]),
    "/v1/alerts/rules": Target("POST", "/v1/alerts/rules", {"name": "rule{n}", "rule": "line.rows > {n}"}),
    "/v1/alerts/rules/{rule}": Target("PUT", "/v1/alerts/rules/mine", {"rule": "line.rows > {n}"}),
    "/v1/alerts/rules/{rule}/models/{model}": Target("PUT", "/v1/alerts/rules/drift/models/line", {"enabled": True}),
    "/v1/alerts/silences": Target("POST", "/v1/alerts/silences", {"until": "2h", "reason": "n{n}"}),
    "/v1/api-keys": Target("POST", "/v1/api-keys", {"name": "key{n}", "grants": []}),
}

#: Routes whose body is no JSON, and so for other tests.
OTHER_BODIES = {"/v1/token", "/v1/token/revoke", "/login", "/logout", "/v1/models/{model}/versions"}
#: Routes that change something and take no body.
NO_BODIES = {"/v1/alerts/{id}/acknowledge", "/v1/alerts/messages/{id}/retry"}

#: What of the cases that the RFC leaves open cannot be read as rows at all. None of the cases is accepted anywhere.
UNREADABLE_ROWS = {
    "a byte order mark",
    "nested deeply",
    "objects nested deeply",
    "open lists only",
    "a text",
    "a number",
    "true",
    "null",
    "an empty list",
}


def good(value: Any) -> Any:
    """The document with a number of its own."""
    return json.loads(json.dumps(value).replace("{n}", str(next(_numbers))))


class Reading:
    """A server, and a key of its administrator."""

    def __init__(self, connection: Connection, key: str) -> None:
        self._connection = connection
        self._key = key

    def send(self, target: Target, body: bytes) -> Answer:
        """Ask on one connection for all documents: none may break it."""
        return self._connection.send(
            request(target.method, target.path, body, Authorization=f"Bearer {self._key}")
        ).answer()


@pytest.fixture(scope="module")
def reading(tmp_path_factory: pytest.TempPathFactory, bundles: dict[str, Path]) -> Iterator[Reading]:
    with running(tmp_path_factory.mktemp("reading"), register=(bundles["line-1"],), workers=1) as server:
        accounts = Accounts(server.registry.database)
        accounts.create_user("somebody", [], None)
        key = accounts.create_key("admin", [Grant(Role.ADMIN)], by="test")[1].text
        wait_for(lambda: server.ask(request("GET", "/v1/me", Authorization=f"Bearer {key}")).status == 200)
        with Connection(server.port) as connection:
            yield Reading(connection, key)


def test_every_route_that_takes_a_body_is_here_or_takes_no_json() -> None:
    taking = {path for path, methods in POLICY.items() for method in methods if method in ("POST", "PUT", "PATCH")}
    assert taking == set(TARGETS) - {"/predict, a list"} | OTHER_BODIES | NO_BODIES


@pytest.mark.parametrize("route", TARGETS)
def test_what_must_be_read_is_read(route: str, reading: Reading) -> None:
    target = TARGETS[route]
    for name, make in MUST_ACCEPT.items():
        answer = reading.send(target, make(good(target.document)))
        assert answer.status in (200, 201, 202, 204), (name, answer)


@pytest.mark.parametrize("route", TARGETS)
def test_what_is_no_json_is_refused(route: str, reading: Reading) -> None:
    target = TARGETS[route]
    for name, case in MUST_REJECT.items():
        body = case if isinstance(case, bytes) else case(good(target.document))
        answer = reading.send(target, body)
        assert answer.status == 400, (name, body[:80], answer)
        assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("route", TARGETS)
def test_what_the_rfc_leaves_open_is_decided(route: str, reading: Reading) -> None:
    target = TARGETS[route]
    rows = target.path.endswith(("/predict", "/actuals", "/log"))
    for name, make in LEFT_OPEN.items():
        answer = reading.send(target, make(good(target.document)))
        # Of rows that can be read, each fault is told with its place; of the few fields of other bodies, the first.
        expected = 422 if rows and name not in UNREADABLE_ROWS else 400
        if target.path.endswith(("/actuals", "/log")) and name == "an empty object":
            expected = 400  # no row of either, while a record may be empty but for its fields
        assert answer.status == expected, (name, answer)
        assert answer.headers["content-type"] == "application/problem+json"
