"""Recognisable values go in by every door of a running server, and are looked for wherever they must not come out.

Secrets (passwords, keys, tokens, cookies) may stand nowhere at all. What a model was asked, and whom it was about, may
stand in the journal and the lake, and in the answers to whoever asks for it there; nowhere else.
"""

from __future__ import annotations

import base64
import json
import os
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.client import HTTPConnection
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlencode

import pytest

from garcom.access.accounts import Accounts
from garcom.access.roles import Grant, Role
from garcom.http.policy import POLICY
from tests.integration.server.running import Running, children, command_line, running, wait_for
from tests.integration.server.wire import Answer, post, request

FORM = "application/x-www-form-urlencoded"
#: What nobody knows, and what is refused all the same.
WRONG_PASSWORD = "canary-wrong-password-x7"
WRONG_KEY = f"gk_canaryx1_{'canaryKey' * 4}xxxxxxx"
WRONG_TOKEN = ".".join(
    base64.urlsafe_b64encode(part).rstrip(b"=").decode()
    for part in (b'{"alg":"EdDSA","kid":"canary"}', b'{"sub":"user:canary-forged"}', b"canary-signature")
)
SESSION = "garcom"
COOKIE = "canary-cookie-x2"
HEADER = "canary-header-x3"
QUERY = "canary-query-x4"
#: Personal: what was asked, whom it was about, and the caller's own name for the request.
VALUE, SUBJECT, KEY = "canary-value-x5", "canary-subject-x6", "canary-idempotency-x8"
NUMBER = "8675309.125"
PERSONAL = {"value": VALUE, "number": NUMBER, "subject": SUBJECT}


_LONG = pytest.mark.skipif("GARCOM_LONG_TESTS" not in os.environ, reason="a long one, in make accept")


class Planted(NamedTuple):
    """A server after all of it, its secrets by name, and every answer with the request that it is to."""

    server: Running
    secrets: dict[str, str]
    answers: list[tuple[str, Answer]]

    def send(self, what: str, data: bytes) -> Answer:
        answer = self.server.ask(data)
        self.answers.append((what, answer))
        return answer


def bearer(credential: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {credential}"} if credential else {}


def noise() -> dict[str, str]:
    """Headers that a request may have, and that nobody asked for."""
    return {
        "User_Agent": HEADER,
        "Referer": f"http://localhost/?{HEADER}",
        "X_Planted": HEADER,
        "Cookie": f"a={COOKIE}",
    }


def paths(template: str) -> str:
    named = {"model": "wine", "version": "1", "id": "01890000-0000-7000-8000-000000000000", "name": "eva"}
    return re.sub(r"\{(\w+)(:\w+)?\}", lambda found: named.get(found[1], "none"), template)


@contextmanager
def guarded(folder: Path, bundles: dict[str, Path], server_name: str) -> Iterator[Planted]:
    arguments = ("--server", server_name, "--access-log")
    registered = (bundles["wine"], bundles["line-1"])
    with running(folder, *arguments, register=registered, workers=1, log_level="debug") as server:
        accounts = Accounts(server.registry.database)
        password = "canary-right-password-x9"
        accounts.create_user("ana", [Grant(Role.ADMIN)], password)
        _, made = accounts.create_key("planted", [Grant(Role.ADMIN)], by="test")
        secrets = {
            "password": password,
            "key": made.text,
            "wrong password": WRONG_PASSWORD,
            "wrong key": WRONG_KEY,
            "wrong token": WRONG_TOKEN,
            "wrong token's signature": WRONG_TOKEN.rpartition(".")[2],
            "cookie": COOKIE,
            "header": HEADER,
            "query": QUERY,
            "basic": base64.b64encode(f"{made.prefix}:{made.text}".encode()).decode(),
        }
        wait_for(lambda: server.ask(request("GET", "/v1/models")).status == 401)
        yield Planted(server, secrets, [])


def ask_for_tokens(planted: Planted) -> str:
    """A token by each way, and each way refused; answers the newest token."""
    token = ""
    forms: list[dict[str, str]] = [
        {"grant_type": "password", "username": "ana", "password": planted.secrets["password"]},
        {"grant_type": "password", "username": "ana", "password": WRONG_PASSWORD},
        {"grant_type": "password", "username": WRONG_PASSWORD, "password": WRONG_PASSWORD},
        {"grant_type": "client_credentials", "client_id": "none", "client_secret": WRONG_KEY},
        {"grant_type": "refresh_token", "refresh_token": WRONG_TOKEN},
        {"grant_type": WRONG_TOKEN},
    ]
    for form in forms:
        answer = planted.send(
            "POST /v1/token", request("POST", "/v1/token", urlencode(form).encode(), content_type=FORM)
        )
        if answer.status == 200:
            token = answer.json["access_token"]
            planted.secrets.update({"token": token, "token's signature": token.rpartition(".")[2]})
            refresh = answer.json.get("refresh_token")
            if refresh:
                planted.secrets["refresh token"] = refresh
    basic = {"Authorization": f"Basic {planted.secrets['basic']}"}
    body = urlencode({"grant_type": "client_credentials"}).encode()
    planted.send("POST /v1/token", request("POST", "/v1/token", body, content_type=FORM, **basic))
    return token


def log_in(planted: Planted) -> None:
    """A session begun in the form of the login page, and one that was refused."""
    page = planted.send("GET /login", request("GET", "/login"))
    cookie = page.headers["set-cookie"].partition(";")[0]
    found = re.search(rb'name="csrf_token" value="([^"]+)"', page.body)
    assert found
    for password in (WRONG_PASSWORD, planted.secrets["password"]):
        form = urlencode({"username": "ana", "password": password, "csrf_token": found[1].decode()})
        # It sets several cookies, which the hand-written client takes for a fault.
        with closing(HTTPConnection("127.0.0.1", planted.server.port, timeout=20)) as connection:
            connection.request("POST", "/login", form, {"Content-Type": FORM, "Cookie": cookie})
            response = connection.getresponse()
            cookies = response.headers.get_all("set-cookie", [])
            answer = Answer(response.status, {"set-cookie": ", ".join(cookies)}, response.read())
        planted.answers.append(("POST /login", answer))
    assert answer.status == 303, answer
    (planted.secrets["session"],) = (
        value.partition(";")[0].removeprefix(f"{SESSION}=") for value in cookies if value.startswith(f"{SESSION}=")
    )


def walk(planted: Planted, token: str) -> None:
    """Every route and method of the table, with each kind of credential, and with bodies that can and cannot be."""
    value = {"pH": float(NUMBER), "doçura": 1.9, "cor": VALUE, "nota": VALUE}
    bodies: list[tuple[bytes | None, str]] = [
        (json.dumps(value).encode(), "application/json"),
        (f'{{"cor": "{VALUE}", "pH": {NUMBER}, '.encode(), "application/json"),
        (f"pH,cor\n{NUMBER},{VALUE},{VALUE}\n".encode(), "text/csv"),
        (urlencode({"username": WRONG_PASSWORD, "password": WRONG_PASSWORD}).encode(), FORM),
    ]
    refused = [
        {},
        bearer(WRONG_KEY),
        {"X_API_Key": WRONG_KEY},
        bearer(WRONG_TOKEN),
        {"Authorization": f"Basic {planted.secrets['basic']}"},
        {"Cookie": f"{SESSION}={WRONG_TOKEN}"},
    ]
    good = [bearer(token), bearer(planted.secrets["key"]), {"Cookie": f"{SESSION}={planted.secrets['session']}"}]
    for template, methods in POLICY.items():
        for method in methods:
            path = paths(template)
            planting = f"{path}?planted={QUERY}"
            known = bodies if method != "GET" else [(None, "")]
            asked = [(planting, credential, known[0]) for credential in (*refused, good[0])]
            # Without what no route has: a part behind the first that refuses is to see the rest.
            asked += [(path, credential, body) for credential in good for body in known]
            for path, credential, (body, content_type) in asked:
                headers = noise() | credential | {"Garcom_Subject": SUBJECT, "Idempotency_Key": KEY}
                data = request(method, path, body, content_type=content_type, **headers)
                planted.send(f"{method} {template}", data)


def predict(planted: Planted, token: str) -> None:
    """Predictions that are given, and that are refused for each of their values."""
    good = {"pH": float(NUMBER), "doçura": 1.9, "cor": "tinto", "nota": None}
    headers = noise() | bearer(token) | {"Garcom_Subject": SUBJECT}
    path = f"/v1/models/wine/predict?planted={QUERY}"
    assert planted.send("POST good", post(path, good, Idempotency_Key=KEY, **headers)).status == 200
    for change in (
        {"pH": VALUE},
        {"cor": VALUE},
        {"cor": float(NUMBER)},
        {"unknown": VALUE},
        {"doçura": [VALUE]},
        {"nota": {VALUE: NUMBER}},
        {"pH": float(NUMBER) * 1e300},
    ):
        planted.send("POST refused", post(path, good | change, **headers))
        planted.send("POST refused", post(path, [good, good | change], **headers))
    planted.send("POST other body", post(path, good | {"pH": 1.0}, Idempotency_Key=KEY, **headers))
    planted.send("POST two keys", post(path, good, X_API_Key=planted.secrets["key"], **headers))
    for name in ("Content_Type", "Accept", "Idempotency_Key", "X_Request_ID", "traceparent"):
        given = {"Content_Type": ""} | bearer(token) | {name: f"{HEADER} \x7f,{HEADER}"}
        given = {each: text for each, text in given.items() if text}
        planted.send(f"POST {name}", request("POST", path, json.dumps(good).encode(), content_type="", **given))
    planted.send(
        "POST gone wrong", b"POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: canary-header-x3\r\n\r\n"
    )


def administer(planted: Planted, token: str) -> None:
    """Users and keys made over HTTP, with passwords that can and cannot be."""
    for name, password in (("eva", "canary-second-password-xa"), ("eva", "canary-third-password-xb"), ("bob", "xc")):
        planted.secrets[f"password of {name} {password[-2:]}"] = f"canary-{password}" if password == "xc" else password
        given = {"name": name, "password": planted.secrets[f"password of {name} {password[-2:]}"], "grants": []}
        planted.send("POST /v1/users", post("/v1/users", given, **bearer(token)))
        planted.send("POST /v1/users", post("/v1/users", given | {"password": [given["password"]]}, **bearer(token)))
    answer = planted.send("POST /v1/api-keys", post("/v1/api-keys", {"name": "other", "grants": []}, **bearer(token)))
    found = re.search(rb"gk_[\w-]{8}_[\w-]{43}", answer.body)
    if found:
        planted.secrets["key made over HTTP"] = found[0].decode()


@pytest.fixture(
    scope="module",
    params=[
        "uvicorn",
        pytest.param("granian", marks=_LONG),
    ],
)
def planted(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, bundles: dict[str, Path]
) -> Iterator[Planted]:
    with guarded(tmp_path_factory.mktemp("canaries"), bundles, request.param) as found:
        token = ask_for_tokens(found)
        log_in(found)
        administer(found, token)
        predict(found, token)
        walk(found, token)
        yield found


def hits(content: bytes, canaries: dict[str, str]) -> list[str]:
    return [name for name, text in canaries.items() if text.encode() in content]


def test_the_canaries_went_in(planted: Planted) -> None:
    statuses = {answer.status for _, answer in planted.answers}
    assert statuses >= {200, 201, 303, 400, 401, 404, 415, 422}
    assert {what for what, _ in planted.answers} >= {f"{m} {path}" for path, methods in POLICY.items() for m in methods}
    assert any(NUMBER.encode() in answer.body for _, answer in planted.answers if answer.status == 200)
    assert not [what for what, answer in planted.answers if answer.status == 500]


def test_no_line_of_the_log_has_one(planted: Planted) -> None:
    log = (planted.server.home.parent / "log").read_bytes()
    assert b'"request"' in log  # there is an access log
    assert hits(log + planted.server.greeting.encode(), planted.secrets | PERSONAL | {"idempotency key": KEY}) == []


def test_no_metric_has_one(planted: Planted) -> None:
    answer = planted.server.ask(request("GET", "/metrics", None, **bearer(planted.secrets["key"])))
    assert answer.status == 200
    assert hits(answer.body, planted.secrets | PERSONAL | {"idempotency key": KEY}) == []


#: Where a secret is told, once, to whom it is given.
_GIVING = {
    "POST /v1/token": {"token", "token's signature", "refresh token"},
    "POST /v1/api-keys": {"key made over HTTP"},
    "POST /login": {"session"},
}


def test_no_answer_has_a_secret_but_the_one_that_gives_it(planted: Planted) -> None:
    for what, answer in planted.answers:
        content = repr(answer.headers).encode() + answer.body
        assert set(hits(content, planted.secrets)) <= _GIVING.get(what, set()), (what, answer)


def test_no_error_has_what_was_asked(planted: Planted) -> None:
    for what, answer in planted.answers:
        if answer.status >= 400:
            content = repr(answer.headers).encode() + answer.body
            assert hits(content, PERSONAL | {"idempotency key": KEY}) == [], (what, answer)


def test_the_audit_trail_and_the_database_have_none(planted: Planted) -> None:
    connection = sqlite3.connect(planted.server.home / "garcom.db")
    content = "\n".join(connection.iterdump()).encode() + (planted.server.home / "garcom.db").read_bytes()
    connection.close()
    assert b'INSERT INTO "audit"' in content
    assert hits(content, planted.secrets | PERSONAL | {"idempotency key": KEY}) == []


def test_no_file_of_the_run_folder_has_one(planted: Planted) -> None:
    content = everything(planted.server.run_folder)
    assert content
    assert hits(content, planted.secrets | PERSONAL | {"idempotency key": KEY}) == []


def test_no_file_at_all_has_a_secret_and_none_the_subject(planted: Planted) -> None:
    assert hits(everything(planted.server.home), planted.secrets | {"subject": SUBJECT}) == []


def test_no_command_line_has_one(planted: Planted) -> None:
    processes = [planted.server.process.pid, *children(planted.server.process.pid)]
    lines = "\n".join(map(command_line, processes)).encode()
    assert b"garcom" in lines
    assert hits(lines, planted.secrets | PERSONAL) == []


def everything(folder: Path) -> bytes:
    """The content of every file that can be read; sockets cannot."""
    return b"\n".join(path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file())
