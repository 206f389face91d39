from __future__ import annotations

import pytest

from garcom.access.access_list import AccessList
from garcom.access.principals import NOBODY, Principal
from garcom.access.seals import Seal
from garcom.errors import Forbidden, Unauthenticated
from garcom.http.gate import Gate
from garcom.http.sessions import MARK, Sessions, local_path

SEAL = Seal(b"0" * 32)
SESSIONS = Sessions(SEAL, public_url="https://ml.example.com", origins=("https://app.example.com",))
TOKEN = "eyJ0.eyJz.c2ln"
Headers = list[tuple[bytes, bytes]]


def headers(cookie: str = f"garcom={TOKEN}", host: str = "localhost:8000", **more: str) -> Headers:
    found = [(b"host", host.encode()), (b"cookie", cookie.encode())]
    return found + [(name.replace("_", "-").encode(), value.encode("latin-1")) for name, value in more.items()]


ANA = Principal(kind="user", name="ana")


def caller(method: str, sent: Headers, sessions: Sessions = SESSIONS) -> Principal:
    """Whom a gate knows that takes one session as ana's, and no other credential."""

    def session_of(token: str, access: AccessList) -> tuple[Principal, float]:
        if token != TOKEN:
            raise Unauthenticated("no session")
        return ANA, float("inf")

    def token_of(token: str, access: AccessList) -> tuple[Principal, float]:
        raise Unauthenticated("no token")

    gate = Gate(token_of, sessions=sessions, verify_session=session_of)
    gate.follow(AccessList(revision=1, required=True))
    return gate.caller(method, sent, b"")


def test_a_cookie_is_a_credential_of_its_own_kind() -> None:
    assert caller("GET", headers()) is ANA
    assert caller("GET", headers("theme=dark")) is NOBODY
    assert caller("POST", [(b"host", b"localhost")]) is NOBODY  # no session, nothing to forge
    assert MARK[0] == 0  # which no header can hold


def test_a_session_that_has_ended_is_nobodys_and_needs_no_token() -> None:
    for method in ("GET", "POST"):
        assert caller(method, headers("garcom=ended")) is NOBODY


@pytest.mark.parametrize(
    "cookie",
    [
        "",
        "garcom=",
        f"xgarcom={TOKEN}",
        f"Garcom={TOKEN}",
        f"__Host-garcom={TOKEN}",
        f"garcom={TOKEN}; garcom=other",  # which of them is ours, nobody can tell
        f"other=1;garcom={TOKEN}",
        f"garcom={TOKEN}é",
    ],
)
def test_what_is_no_session(cookie: str) -> None:
    assert SESSIONS.token(headers(cookie)) == ""


def test_over_tls_only_a_cookie_that_no_other_host_can_set() -> None:
    secure = Sessions(SEAL, secure=True)
    assert secure.token(headers()) == ""
    assert secure.token(headers(f"__Host-garcom={TOKEN}")) == TOKEN
    cookie = secure.set(TOKEN, 60)
    assert cookie == f"__Host-garcom={TOKEN}; Max-Age=60; Path=/; HttpOnly; SameSite=Lax; Secure"
    assert SESSIONS.set(TOKEN, 60) == f"garcom={TOKEN}; Max-Age=60; Path=/; HttpOnly; SameSite=Lax"


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "PROPFIND", "get"])
def test_what_may_change_something_needs_the_token_of_this_very_session(method: str) -> None:
    right = SESSIONS.csrf(TOKEN)
    assert caller(method, headers(x_csrf_token=right)) is ANA
    for wrong in ("", right[:-1], right + "A", right.swapcase(), SESSIONS.csrf(TOKEN + "x"), "é", TOKEN):
        with pytest.raises(Forbidden, match="CSRF token"):
            caller(method, headers(x_csrf_token=wrong))
    with pytest.raises(Forbidden, match="CSRF token"):
        caller(method, headers())
    with pytest.raises(Forbidden, match="CSRF token"):
        caller(method, headers(x_csrf_token=right), Sessions(Seal(b"1" * 32)))


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
def test_what_changes_nothing_needs_none(method: str) -> None:
    assert caller(method, headers(origin="https://evil.example")) is ANA


OWN: list[dict[str, str]] = [
    {},
    {"origin": "http://localhost:8000", "sec_fetch_site": "same-origin"},
    {"origin": "HTTP://LOCALHOST:8000"},
    {"sec_fetch_site": "none"},
    {"origin": "null", "sec_fetch_site": "same-origin"},  # a form of our own under no-referrer
    {"origin": "null"},
    {"origin": "https://ml.example.com", "sec_fetch_site": "same-origin"},
    {"origin": "https://app.example.com", "sec_fetch_site": "cross-site"},
]
FOREIGN: list[dict[str, str]] = [
    {"origin": "https://evil.example"},
    {"origin": "http://localhost:8001"},
    {"origin": "http://localhost:8000.evil.example"},
    {"origin": "http://evil.example//localhost:8000/"},
    {"origin": "null", "sec_fetch_site": "cross-site"},
    {"sec_fetch_site": "same-site"},
    {"sec_fetch_site": "cross-site"},
    {"sec_fetch_site": "whatever"},
]


@pytest.mark.parametrize("cookie", [f"garcom={TOKEN}", ""])
@pytest.mark.parametrize("told", FOREIGN)
def test_a_page_of_another_site_gets_nowhere_even_with_the_right_token(cookie: str, told: dict[str, str]) -> None:
    with pytest.raises(Forbidden, match="another site"):
        caller("POST", headers(cookie, x_csrf_token=SESSIONS.csrf(TOKEN), **told))


@pytest.mark.parametrize("told", OWN)
def test_pages_of_this_server_and_of_listed_origins(told: dict[str, str]) -> None:
    caller("POST", headers(x_csrf_token=SESSIONS.csrf(TOKEN), **told))


@pytest.mark.parametrize("path", ["/", "/docs", "/docs?a=b#c", "/v1/models/wine", "/pre%C3%A7os", "/a//b", "/a:b@c"])
def test_paths_of_this_server(path: str) -> None:
    assert local_path(path) == path


@pytest.mark.parametrize(
    "path",
    [
        "",
        "docs",
        "//evil.example",
        "///evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "/\t/evil.example",
        "/\n/evil.example",
        "\t//evil.example",
        " //evil.example",
        "https://evil.example",
        "https:evil.example",
        "javascript:alert(1)",
        "/a\\b",
        "/a b",
        "/é",
        "/\x00",
        "/a\r\nset-cookie: a=b",
        "/" + "a" * 2100,
    ],
)
def test_a_login_leads_to_no_other_server(path: str) -> None:
    assert local_path(path) == "/"
