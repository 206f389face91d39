"""Who gets in, and how far, at real servers: first start, keys of one model, revoked keys."""

from __future__ import annotations

import re
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from garcom.access.accounts import Accounts
from garcom.access.roles import Grant, Role
from garcom.storage.database import Database
from tests.integration.server.running import COMMAND, Running, running, wait_for
from tests.integration.server.wire import Answer, Connection, post, request

RECORD = {"x": 3.0}


class Guarded(NamedTuple):
    """A server with two models, ``line`` (the default, with a path of its own) and ``wine``, and keys for them."""

    server: Running
    accounts: Accounts
    keys: dict[str, str]

    def get(self, path: str, key: str = "", method: str = "GET") -> Answer:
        return self.server.ask(request(method, path, None, **self._credential(key)))

    def post(self, path: str, value: Any, key: str = "") -> Answer:
        return self.server.ask(post(path, value, **self._credential(key)))

    def _credential(self, key: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.keys.get(key, key)}"} if key else {}


@pytest.fixture(scope="module", params=["uvicorn", "granian"])
def guarded(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, bundles: dict[str, Path]
) -> Iterator[Guarded]:
    folder = tmp_path_factory.mktemp("guarded")
    arguments = ("--server", request.param, "--access-log")
    with running(folder, *arguments, register=(bundles["line-1"], bundles["wine"]), workers=1) as server:
        registry = server.registry
        registry.add_route("line", "/secreto")
        accounts = Accounts(registry.database)
        grants = {
            "line": Grant(Role.CLIENT, "line"),
            "wine": Grant(Role.CLIENT, "wine"),
            "viewer": Grant(Role.VIEWER, "wine"),
            "admin": Grant(Role.ADMIN),
            "ghost": Grant(Role.ADMIN, "ghost"),
        }
        keys = {name: accounts.create_key(name, [grant], by="test")[1].text for name, grant in grants.items()}
        found = Guarded(server, accounts, keys)
        wait_for(lambda: found.get("/v1/models").status == 401)
        yield found


def told(answer: Answer) -> tuple[int, Any]:
    """Status and problem without what is different each time."""
    problem = dict(answer.json)
    problem.pop("request_id", None)
    return answer.status, problem


def test_without_a_credential_there_is_health_and_nothing_else(guarded: Guarded) -> None:
    assert guarded.get("/healthz").json == {"status": "ok"}
    assert guarded.get("/readyz").json == {"status": "ready"}
    for path in ("/", "/docs", "/openapi.json", "/metrics", "/example", "/v1/models", "/v1/models/line", "/no/path"):
        answer = guarded.get(path)
        assert answer.status == 401, path
        assert answer.headers["www-authenticate"].startswith("Bearer")
        assert "line" not in answer.body.decode() or "line" in path
    for path in (
        "/predict",
        "/secreto",
        "/v1/models/line/predict",
        "/v1/models/none/predict",
        "/v1/models/line/actuals",
    ):
        assert guarded.post(path, RECORD).status == 401, path
        assert guarded.get(path, method="PUT").status == 401, path


def test_a_key_predicts_with_its_model(guarded: Guarded) -> None:
    for path in ("/predict", "/secreto", "/v1/models/line/predict", "/v1/models/line/versions/1/predict"):
        for _ in range(3):  # the first is looked at closely, the next ones are remembered
            answer = guarded.post(path, RECORD, "line")
            assert (answer.status, answer.json["prediction"]) == (200, 3.0), path
    assert guarded.server.ask(post("/predict", RECORD, X_API_Key=guarded.keys["line"])).status == 200
    long = [RECORD] * 5000
    assert guarded.post("/predict", long, "line").status == 200
    assert guarded.post("/predict", long, "wine").status == 404


def test_two_credentials_prove_nothing(guarded: Guarded) -> None:
    key = guarded.keys["line"]
    both = post("/predict", RECORD, Authorization=f"Bearer {key}", X_API_Key=key)
    twice = post("/predict", RECORD, Authorization=f"Bearer {key}", AUTHORIZATION=f"Bearer {key}")
    for data in (both, twice):
        answer = guarded.server.ask(data)
        assert (answer.status, "got two" in answer.json["detail"]) == (401, True)
    assert guarded.server.ask(post("/predict", RECORD, X_API_Key=f"{key} ")).status == 200  # blanks are no part of it


def test_a_parameter_that_does_not_fit_is_told_like_everything_else(guarded: Guarded) -> None:
    answer = guarded.get("/v1/models/wine/predictions?limit=0", "admin")
    assert (answer.status, answer.json["type"]) == (400, "/docs/problems#bad-request")
    assert answer.json["errors"][0]["where"] == "limit"


def test_nothing_of_another_model_can_be_read_guessed_or_listed(guarded: Guarded) -> None:
    for path in ("", "/example", "/versions/1", "/predictions", "/actuals/maturity"):
        hidden, missing = (guarded.get(f"/v1/models/{name}{path}", "wine") for name in ("line", "nine"))
        assert told(hidden) == told(missing), path
        assert hidden.status == 404
    for path in ("/predict", "/versions/1/predict", "/versions/7/predict", "/actuals"):
        hidden, missing = (guarded.post(f"/v1/models/{name}{path}", RECORD, "wine") for name in ("line", "nine"))
        assert told(hidden) == told(missing), path
        assert hidden.status == 404
    assert [model["model"] for model in guarded.get("/v1/models", "wine").json] == ["wine"]
    for path in ("/openapi.json", "/", "/example", "/docs"):
        assert not re.search(r"\bline\b|secreto", guarded.get(path, "wine").body.decode()), path
    # A path of another model's own is as good as none, by each method.
    for method in ("POST", "GET", "DELETE"):
        hidden, missing = (
            guarded.server.ask(request(method, path, b"{}", Authorization=f"Bearer {guarded.keys['wine']}"))
            for path in ("/secreto", "/nada---")
        )
        assert str(told(hidden)).replace("/secreto", "/nada---") == str(told(missing))


def test_a_prediction_of_another_model_is_as_good_as_none(guarded: Guarded) -> None:
    found = guarded.post("/v1/models/line/predict", RECORD, "line").json["id"]
    assert guarded.get(f"/v1/predictions/{found}", "admin").status == 200
    hidden = guarded.get(f"/v1/predictions/{found}", "viewer")
    assert hidden.status == 404
    missing = guarded.get(f"/v1/predictions/{found[:-12]}000000000000", "viewer")
    assert str(told(hidden)).replace(found, "") == str(told(missing)).replace(found[:-12] + "000000000000", "")
    assert guarded.get(f"/v1/predictions/{found}", "line").status == 403  # a client reads nothing


def test_a_grant_for_a_model_that_is_not_there_tells_nothing_of_others(guarded: Guarded) -> None:
    answer = guarded.post("/v1/models/ghost/predict", RECORD, "ghost")
    assert answer.status == 404
    assert "wine" not in answer.body.decode()
    assert guarded.get("/v1/models", "ghost").json == []


def test_roles(guarded: Guarded) -> None:
    assert guarded.post("/v1/models/wine/predict", RECORD, "viewer").status == 403
    assert guarded.get("/v1/models/wine/predictions", "wine").status == 403
    assert guarded.get("/v1/models/wine/predictions", "viewer").status == 200
    assert guarded.get("/metrics", "viewer").status == 403
    assert guarded.get("/metrics", "admin").status == 200
    assert guarded.get("/readyz", "admin").json["models"] == 2


def test_a_key_works_as_soon_as_it_is_made(guarded: Guarded) -> None:
    for _ in range(5):
        for path, body in (("/predict", RECORD), ("/v1/me", None)):
            _, new = guarded.accounts.create_key("newcomer", [Grant(Role.CLIENT, "line")], by="test")
            answer = guarded.get(path, new.text) if body is None else guarded.post(path, body, new.text)
            assert answer.status == 200, path
        assert guarded.post("/predict", RECORD, "gk_of_nobody").status == 401


def test_a_revoked_key_stops_working_within_two_seconds(guarded: Guarded) -> None:
    key, new = guarded.accounts.create_key("leaver", [Grant(Role.CLIENT, "line")], by="test")
    assert guarded.post("/predict", RECORD, new.text).status == 200
    with Connection(guarded.server.port) as connection:
        asking = post("/predict", RECORD, Authorization=f"Bearer {new.text}")
        assert connection.send(asking).answer().status == 200
        guarded.accounts.revoke_key(key.prefix)
        # On the same connection too.
        wait_for(lambda: connection.send(asking).answer().status == 401, timeout_s=2.0)


def test_no_credential_is_logged(guarded: Guarded) -> None:
    guarded.get("/v1/models", "gk_wrong_credential")
    log = str(guarded.server.log())
    for key in (*guarded.keys.values(), "gk_wrong_credential"):
        assert key not in log


def test_an_open_server_says_so_and_closes_with_the_first_user(tmp_path: Path, bundles: dict[str, Path]) -> None:
    with running(tmp_path, register=(bundles["line-1"],)) as server:
        assert server.ask(post("/predict", RECORD)).status == 200
        assert server.process.stdout is not None
        assert b"whoever is on this machine may do everything" in server.process.stdout.readline()
        for header in ("X-Forwarded-For", "Forwarded", "Via"):
            for data in (
                post("/predict", RECORD, **{header: "198.51.100.7"}),
                request("GET", "/docs", None, **{header: "x"}),
            ):
                refused = server.ask(data)
                assert (refused.status, "proxy" in refused.json["detail"]) == (401, True)
        Accounts(server.registry.database).create_user("ana", [Grant(Role.ADMIN)], "a long enough password")
        wait_for(lambda: server.ask(post("/predict", RECORD)).status == 401)
        Accounts(server.registry.database).create_user("bia", [Grant(Role.ADMIN)], "a long enough password")
        Accounts(server.registry.database).remove_user("ana")
        assert server.ask(post("/predict", RECORD)).status == 401


def started(home: Path, *arguments: str) -> str:
    """What a server at a public address prints until it is ready; then it is stopped."""
    command = [*COMMAND, "serve", "--home", str(home), "--port", "0", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        said = ""
        for line in process.stdout:
            said += line
            if "http://" in line:
                break
        process.send_signal(signal.SIGTERM)
        rest, log = process.communicate(timeout=45)
        assert process.returncode == 0, log
        assert "password" not in log
        return said + rest


@pytest.mark.parametrize("host", ["0.0.0.0", "::"])
def test_the_first_start_at_a_public_address_makes_an_administrator_once(tmp_path: Path, host: str) -> None:
    said = started(tmp_path / "home", "--host", host)
    password = re.search(r"password +(\S+)", said)
    assert password is not None
    assert "may do everything" not in said
    accounts = Accounts(Database.open(tmp_path / "home"))
    assert accounts.check_password("admin", password[1]).name == "admin"
    assert "password" not in started(tmp_path / "home", "--host", host)


def test_when_a_key_was_last_used_is_known_soon(guarded: Guarded) -> None:
    key, new = guarded.accounts.create_key("seldom", [Grant(Role.CLIENT, "line")], by="test")
    assert guarded.post("/predict", RECORD, new.text).status == 200

    def last_used() -> Any:
        return next(each for each in guarded.accounts.keys().keys if each.prefix == key.prefix).last_used_at

    assert wait_for(last_used) is not None
