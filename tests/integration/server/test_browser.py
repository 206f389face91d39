"""People in browsers at a real server: logging in and out, sessions, forged requests, names of the server."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from garcom.access.accounts import Accounts
from garcom.access.passwords import Passwords
from garcom.access.roles import Grant, Role
from tests.integration.server.browser import Browser
from tests.integration.server.running import Running, running, wait_for
from tests.integration.server.wire import post, request
from tests.unit.access.opened import CHEAP, PASSWORD

APP = "https://app.example.com"


class Site(NamedTuple):
    server: Running
    accounts: Accounts

    def browser(self, **headers: str) -> Browser:
        return Browser(self.server.port, **headers)


@pytest.fixture(scope="module", params=["uvicorn", "granian"])
def site(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, bundles: dict[str, Path]
) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("site")
    with running(
        folder, "--server", request.param, register=(bundles["line-1"],), access_cors_origins=APP, workers=1
    ) as server:
        accounts = Accounts(server.registry.database, Passwords(**CHEAP))
        accounts.create_user("ana", [Grant(Role.ADMIN)], PASSWORD)
        accounts.create_user("rui", [Grant(Role.VIEWER)], PASSWORD)
        wait_for(lambda: server.ask(request_of("/v1/models")).status == 401)
        yield Site(server, accounts)


def request_of(path: str) -> bytes:
    return request("GET", path)


def test_a_page_without_a_session_leads_to_the_login_and_back(site: Site) -> None:
    with site.browser() as browser:
        sent = browser.get("/docs?a=b")
        assert (sent.status_code, sent.headers["location"]) == (303, "/login?next=%2Fdocs%3Fa%3Db")
        assert browser.get("/docs", accept="application/json").status_code == 401
        assert browser.get("/docs", authorization="Bearer gk_no").status_code == 401  # a program, with a wrong key
        back = browser.log_in("ana", PASSWORD, "/docs?a=b")
        assert (back.status_code, back.headers["location"]) == (303, "/docs?a=b")
        page = browser.get("/docs")
        assert page.status_code == 200
        assert "<span>ana</span>" in page.text
        assert browser.get("/v1/me").json()["name"] == "ana"
        assert browser.get("/login?next=/docs").headers["location"] == "/docs"


def test_cookies_are_for_this_server_and_no_script(site: Site) -> None:
    with site.browser() as browser:
        answer = browser.log_in("ana", PASSWORD)
        cookies = dict(cookie.split("=", 1) for cookie in answer.headers.get_list("set-cookie"))
        assert cookies["garcom"].endswith("; Max-Age=43200; Path=/; HttpOnly; SameSite=Lax")
        assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize("name", ["ana", "nobody", "", "x" * 5000])
def test_a_wrong_password_tells_nothing(site: Site, name: str) -> None:
    with site.browser() as browser:
        answer = browser.log_in(name, "wrong")
        assert answer.status_code == 401
        assert "The name or the password is not right." in answer.text
        assert "wrong" not in answer.text
        assert "garcom" not in browser.cookies
        assert "form" in answer.text  # it can be tried again from this page


def test_the_pages_speak_the_reader_s_language(site: Site) -> None:
    portuguese = {
        "/": ("Modelos", "versão 1", "padrão"),
        "/docs": ("a API deste servidor", "Problemas"),
        "/docs/problems": ("O que fazer", "Corrija o corpo.", "Veja o cabeçalho Allow."),
    }
    with site.browser(**{"accept-language": "pt-BR,pt;q=0.9"}) as reader, site.browser() as other:
        for browser in (reader, other):
            browser.log_in("ana", PASSWORD)
        for path, words in portuguese.items():
            page, english = reader.get(path), other.get(path)
            assert '<html lang="pt">' in page.text
            assert "Sair" in page.text
            assert '<html lang="en">' in english.text
            assert page.headers["vary"].startswith("Accept-Language, Cookie")
            for word in words:
                assert word in page.text, word
                assert word not in english.text, word


def test_the_form_speaks_the_reader_s_language(site: Site) -> None:
    with site.browser(**{"accept-language": "pt-BR,pt;q=0.9,en;q=0.8"}) as browser:
        page = browser.get("/login")
        assert '<html lang="pt">' in page.text
        assert "Senha" in page.text
    with site.browser(**{"accept-language": "de,en;q=0.5,pt;q=0.1"}) as browser:
        assert "Password" in browser.get("/login").text


def test_a_login_cannot_be_forged(site: Site) -> None:
    with site.browser() as browser, site.browser() as attacker:
        form = browser.form("/login") | {"username": "rui", "password": PASSWORD}
        for wrong in (attacker.form("/login")["csrf_token"], "", "é"):
            answer = browser.submit("/login", {**form, "csrf_token": wrong})
            assert answer.status_code == 403, wrong
        for told in ({"origin": "https://evil.example"}, {"sec-fetch-site": "cross-site"}):
            assert browser.submit("/login", form, **told).status_code == 403
        assert "garcom" not in browser.cookies
        browser.cookies.clear()
        assert browser.submit("/login", form).status_code == 403  # without the cookie of the form
        assert browser.log_in("rui", PASSWORD).status_code == 303


def test_a_login_leads_nowhere_else(site: Site) -> None:
    with site.browser() as browser:
        form = browser.form("/login") | {"username": "ana", "password": PASSWORD}
        answer = browser.submit("/login", {**form, "next": "//evil.example"})
        assert (answer.status_code, answer.headers["location"]) == (303, "/")
        assert browser.get("/login?next=https://evil.example").headers["location"] == "/"


def test_a_session_changes_nothing_without_its_token(site: Site) -> None:
    with site.browser() as browser, site.browser() as other:
        browser.log_in("ana", PASSWORD)
        other.log_in("ana", PASSWORD)
        right, foreign = browser.csrf(), other.csrf()
        predict = "/v1/models/line/predict"
        for path, body in ((predict, {"x": 2.0}), ("/v1/users", {"name": "eve", "grants": []})):
            for headers in ({}, {"x-csrf-token": foreign}, {"x-csrf-token": right, "origin": "https://evil.example"}):
                answer = browser.post_json(path, body, **headers)
                assert answer.status_code == 403, (path, headers)
                assert answer.json()["type"] == "/docs/problems#forbidden"
        assert browser.post_json(predict, {"x": 2.0}, **{"x-csrf-token": right}).json()["prediction"] == 2.0
        origin = {"x-csrf-token": right, "origin": browser.origin, "sec-fetch-site": "same-origin"}
        assert browser.post_json(predict, {"x": 3.0}, **origin).status_code == 200
        assert browser.send("DELETE", "/v1/users/nobody").status_code == 403
        assert browser.send("DELETE", "/v1/users/nobody", **{"x-csrf-token": right}).status_code == 404


def test_a_session_is_no_bearer_token_and_a_bearer_token_no_session(site: Site) -> None:
    form = {"grant_type": "password", "username": "ana", "password": PASSWORD}
    with site.browser() as browser, site.browser() as program:
        browser.log_in("ana", PASSWORD)
        session = browser.cookies["garcom"]
        token = program.submit("/v1/token", form).json()["access_token"]
        assert program.get("/v1/me", authorization=f"Bearer {token}").status_code == 200
        assert program.get("/v1/me", authorization=f"Bearer {session}", accept="*/*").status_code == 401
        assert program.get("/v1/me", authorization=f"session {session}", accept="*/*").status_code == 401
        assert program.get("/v1/me", cookie=f"garcom={session}").status_code == 200
        assert program.get("/v1/me", cookie=f"garcom={token}", accept="*/*").status_code == 401


def test_a_logout_ends_the_session_everywhere(site: Site) -> None:
    with site.browser() as browser, site.browser() as thief:
        browser.log_in("ana", PASSWORD)
        stolen = f"garcom={browser.cookies['garcom']}"
        assert thief.get("/v1/me", cookie=stolen).status_code == 200
        for wrong in ({"other": "x"}, {"csrf_token": "x"}):
            assert browser.submit("/logout", wrong).status_code == 403
            assert browser.submit("/logout", wrong, accept="*/*").json()["type"] == "/docs/problems#forbidden"
        refused = browser.submit("/logout", {"csrf_token": "old"}, **{"accept-language": "pt"})
        assert refused.headers["content-type"].startswith("text/html")
        assert "Você ainda não saiu" in refused.text
        token = browser.csrf()
        assert f'value="{token}"' in refused.text  # its button does
        assert browser.submit("/logout", {"csrf_token": token}, origin="https://evil.example").status_code == 403
        assert browser.get("/v1/me").status_code == 200
        answer = browser.submit("/logout", {"csrf_token": token})
        assert (answer.status_code, answer.headers["location"]) == (303, "/login")
        assert "garcom" not in browser.cookies
        wait_for(lambda: thief.get("/v1/me", cookie=stolen, accept="*/*").status_code == 401)
        # It stands in nobody's way: a page leads to the login, and what is for everybody is answered.
        assert thief.get("/", cookie=stolen).status_code == 303
        assert thief.get("/healthz", cookie=stolen).status_code == 200
        assert browser.submit("/logout", {}).status_code == 303  # once more is no harm
        late = thief.submit("/logout", {"csrf_token": "old"}, cookie=stolen)  # a page that was left open
        assert (late.status_code, late.headers["location"]) == (303, "/login")


def test_roles_of_a_session_are_those_of_now(site: Site) -> None:
    with site.browser() as browser:
        browser.log_in("rui", PASSWORD)
        predict = {"x-csrf-token": browser.csrf()}
        assert browser.post_json("/predict", {"x": 1.0}, **predict).status_code == 403
        site.accounts.grant("rui", Grant(Role.CLIENT))
        wait_for(lambda: browser.post_json("/predict", {"x": 1.0}, **predict).status_code == 200)
        site.accounts.set_password("rui", PASSWORD + "!")
        wait_for(lambda: browser.get("/v1/me", accept="*/*").status_code == 401)
        site.accounts.set_password("rui", PASSWORD)


def test_logins_are_in_the_audit_trail(site: Site) -> None:
    with site.browser() as browser:
        browser.log_in("ana", PASSWORD)
        browser.submit("/logout", {"csrf_token": browser.csrf()})
    rows = site.server.garcom("audit", "tail", "--actor", "user:ana", "--json")
    assert "session.login" in rows
    assert "session.logout" in rows
    assert PASSWORD not in rows


@pytest.mark.parametrize("path", ["/healthz", "/v1/models/line/predict", "/predict", "/no/path", "/login"])
def test_only_names_of_this_server_are_answered(site: Site, path: str) -> None:
    wrong = request_of(path).replace(b"Host: localhost", b"Host: evil.example")
    answer = site.server.ask(wrong)
    assert (answer.status, answer.json["type"]) == (421, "/docs/problems#misdirected-request")
    wrong = post(path, {"x": 1.0}).replace(b"Host: localhost", b"Host: evil.example")
    assert site.server.ask(wrong).status == 421
    without = request_of(path).replace(b"Host: localhost\r\n", b"")
    assert site.server.ask(without).status == 400
    twice = request_of(path).replace(b"Host: localhost\r\n", b"Host: localhost\r\nHost: localhost\r\n")
    assert site.server.ask(twice).status == 400


@pytest.mark.parametrize("path", ["/v1/models/line/predict", "/v1/models", "/no/path"])
def test_other_origins_that_are_listed_and_no_others(site: Site, path: str) -> None:
    with site.browser() as page:
        asked = {"access-control-request-method": "POST", "access-control-request-headers": "authorization"}
        for origin, allowed in ((APP, APP), ("https://evil.example", None)):
            before = page.send("OPTIONS", path, origin=origin, **asked)
            assert (before.status_code, before.headers.get("access-control-allow-origin")) == (204, allowed)
            answer = page.send("POST", path, origin=origin, authorization="Bearer gk_wrong")
            assert answer.status_code in (401, 405)
            assert answer.headers.get("access-control-allow-origin") == allowed
            assert answer.headers["vary"] == "Origin"
