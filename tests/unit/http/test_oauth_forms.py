from __future__ import annotations

import base64
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from garcom.access.oauth import ErrorCode, GrantType
from garcom.http.oauth_forms import Client, OAuthRefusal, basic_client, read_form, token_request, token_to_revoke

FORM = [(b"content-type", b"application/x-www-form-urlencoded")]


def form(body: bytes, query: bytes = b"", headers: list[tuple[bytes, bytes]] = FORM) -> dict[str, str]:
    return read_form(headers, query, body)


def basic(text: str | bytes) -> list[tuple[bytes, bytes]]:
    given = base64.b64encode(text if isinstance(text, bytes) else text.encode())
    return [(b"authorization", b"Basic " + given)]


def refusal(fields: dict[str, str], client: Client | None = None) -> ErrorCode:
    with pytest.raises(OAuthRefusal) as refused:
        token_request(fields, client)
    assert "a long secret" not in str(refused.value)
    return refused.value.code


@given(st.dictionaries(st.text(min_size=1), st.text(min_size=1), max_size=20))
def test_what_a_client_encodes_is_read(fields: dict[str, str]) -> None:
    assert form(urlencode(fields).encode()) == fields


def test_what_is_empty_was_not_sent() -> None:
    assert form(b"a=&b=1") == {"b": "1"}
    assert form(b"") == {}


def test_a_charset_is_no_other_type() -> None:
    headers = [(b"content-type", b"Application/X-WWW-Form-Urlencoded; charset=UTF-8")]
    assert form(b"a=1", headers=headers) == {"a": "1"}


@pytest.mark.parametrize(
    "body",
    [
        b"a=1&a=2",
        b"a=1&a=1",
        b"a=1&a=",
        b"a",
        b"a=1&b",
        b"a=%",
        b"a=%zz",
        b"a=%ff",
        b"a=%ed%a0%80",
        "a=ção".encode(),
        b"a=\xff",
        b"&".join(b"a%d=1" % i for i in range(21)),
        b'{"grant_type": "password"}',
    ],
)
def test_what_is_no_form_is_refused(body: bytes) -> None:
    with pytest.raises(OAuthRefusal) as refused:
        form(body)
    assert refused.value.code == ErrorCode.INVALID_REQUEST


@pytest.mark.parametrize(
    "headers",
    [[], [(b"content-type", b"application/json")], [(b"content-type", b"")], FORM * 2],
)
def test_another_type_is_refused(headers: list[tuple[bytes, bytes]]) -> None:
    with pytest.raises(OAuthRefusal, match="Content-Type"):
        form(b"a=1", headers=headers)


def test_a_secret_has_no_place_in_the_address() -> None:
    with pytest.raises(OAuthRefusal, match="address"):
        form(b"grant_type=password", query=b"password=x")


def test_each_grant_type_has_its_fields() -> None:
    password = token_request({"grant_type": "password", "username": "ana", "password": "x", "client_id": "app"}, None)
    assert (password.grant_type, password.username, password.password) == (GrantType.PASSWORD, "ana", "x")
    refresh = token_request({"grant_type": "refresh_token", "refresh_token": "gr_x", "unknown": "1"}, None)
    assert (refresh.grant_type, refresh.refresh_token) == (GrantType.REFRESH_TOKEN, "gr_x")
    fields = {"grant_type": "client_credentials", "client_id": "gk_a", "client_secret": "s"}
    in_body = token_request(fields, None)
    assert (in_body.client_id, in_body.client_secret) == ("gk_a", "s")
    assert token_request({"grant_type": "client_credentials"}, Client("gk_a", "s")) == in_body
    assert "s" not in repr(in_body).removeprefix("TokenRequest(client_credentials)")


@pytest.mark.parametrize(
    ("fields", "client", "code"),
    [
        ({}, None, ErrorCode.INVALID_REQUEST),
        ({"grant_type": "authorization_code"}, None, ErrorCode.UNSUPPORTED_GRANT_TYPE),
        ({"grant_type": "PASSWORD"}, None, ErrorCode.UNSUPPORTED_GRANT_TYPE),
        ({"grant_type": "password", "username": "ana"}, None, ErrorCode.INVALID_REQUEST),
        ({"grant_type": "password", "password": "a long secret"}, None, ErrorCode.INVALID_REQUEST),
        ({"grant_type": "refresh_token"}, None, ErrorCode.INVALID_REQUEST),
        ({"grant_type": "client_credentials"}, None, ErrorCode.INVALID_CLIENT),
        ({"grant_type": "client_credentials", "client_id": "gk_a"}, None, ErrorCode.INVALID_CLIENT),
        (
            {"grant_type": "client_credentials", "client_secret": "a long secret"},
            Client("gk_a", "s"),
            ErrorCode.INVALID_REQUEST,
        ),
        ({"grant_type": "client_credentials", "client_id": "gk_b"}, Client("gk_a", "s"), ErrorCode.INVALID_REQUEST),
        ({"grant_type": "password", "username": "a", "password": "b"}, Client("gk_a", "s"), ErrorCode.INVALID_CLIENT),
        (
            {"grant_type": "refresh_token", "refresh_token": "gr_x", "client_secret": "a long secret"},
            None,
            ErrorCode.INVALID_CLIENT,
        ),
        (
            {"grant_type": "password", "username": "a", "password": "b", "scope": "admin"},
            None,
            ErrorCode.INVALID_SCOPE,
        ),
    ],
)
def test_what_does_not_fit_is_refused(fields: dict[str, str], client: Client | None, code: ErrorCode) -> None:
    assert refusal(fields, client) == code


def test_a_token_to_revoke_is_named() -> None:
    assert token_to_revoke({"token": "x", "token_type_hint": "refresh_token"}) == "x"
    with pytest.raises(OAuthRefusal):
        token_to_revoke({"token_type_hint": "refresh_token"})


def test_a_client_of_the_header() -> None:
    assert basic_client([]) is None
    assert basic_client(basic("gk_a:s:t")) == Client("gk_a", "s:t")
    assert basic_client(basic("a%20b:%C3%A7+d")) == Client("a b", "ç d")
    assert "s:t" not in repr(basic_client(basic("gk_a:s:t")))


@pytest.mark.parametrize(
    "headers",
    [
        [(b"authorization", b"Bearer gk_a")],
        [(b"authorization", b"Basic")],
        [(b"authorization", b"Basic !!!")],
        [(b"authorization", b"Basic Z2tf\xff")],
        [(b"authorization", b"")],
        basic("no-colon"),
        basic(b"\xff:x"),
        basic("%ff:x"),
        basic("gk_a:s") * 2,
    ],
)
def test_another_authorization_is_no_client(headers: list[tuple[bytes, bytes]]) -> None:
    with pytest.raises(OAuthRefusal) as refused:
        basic_client(headers)
    assert refused.value.code == ErrorCode.INVALID_CLIENT
