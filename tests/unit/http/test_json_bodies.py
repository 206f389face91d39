"""JSON bodies of routes that are no prediction: what fits, and how the rest is refused without its values."""

from __future__ import annotations

import pytest

from garcom.access.account_requests import NewApiKey, NewUser, UserChange
from garcom.access.roles import Grant, Role
from garcom.errors import InputError, MalformedBody
from garcom.http.json_bodies import read_document
from garcom.http.json_schemas import schema_of


def test_what_fits_is_read() -> None:
    new = read_document(b' {"name": "ana", "grants": [{"role": "client", "model": "wine"}]}\n', NewUser)
    assert new == NewUser(name="ana", grants=[Grant(Role.CLIENT, "wine")])
    assert read_document(b"{}", UserChange) == UserChange()


@pytest.mark.parametrize(
    ("body", "where", "expected"),
    [
        (b"[]", "", "object"),
        (b'"secret"', "", "object"),
        (b"{}", "name", "this field"),
        (b'{"name": "a", "secret": 1}', "secret", "no such field"),
        (b'{"name": "a", "name": "a"}', "", "each name once"),
        (b'{"name": "a", "grants": [{"role": "viewer", "role": "admin"}]}', "grants[0]", "each name once"),
        (b'{"name": "a", "grants": [{"role": "secret"}]}', "grants[0].role", "one of the values that /docs lists"),
        (b'{"name": "a", "grants": [{"role": "viewer", "modle": "b"}]}', "grants[0].modle", "no such field"),
        (b'{"name": "a", "password": 1234567890}', "password", "str | null"),
        (b'{"name": "a", "password": "secret"}', "password", "str of length >= 10"),
        (b'{"name": "\\udfff"}', "name", "text"),
        (b'{"name": "a", "\\ud800": 1}', "", "text"),
        (b'{"name": 1e400}', "name", "a number that JSON has"),
        (b'{"name": -Infinity}', "name", "a number that JSON has"),
    ],
)
def test_what_does_not_fit_is_told_with_its_place(body: bytes, where: str, expected: str) -> None:
    with pytest.raises(InputError) as caught:
        read_document(body, NewUser)
    (fault,) = caught.value.faults
    assert (fault.where, fault.expected) == (where, expected)
    assert "secret" not in fault.got
    assert "1234567890" not in str(caught.value)


@pytest.mark.parametrize(
    "body", [b"", b" ", b"{", b"nul", b"{'name': 'a'}", b"{} {}", b"\xff", b"\xef\xbb\xbf{}", b"[" * 60_000]
)
def test_what_is_no_json_is_malformed(body: bytes) -> None:
    with pytest.raises(MalformedBody):
        read_document(body, NewUser)


def test_names_of_fields_cannot_steer_a_terminal_or_fill_a_log() -> None:
    for name in (b"\\u001b[31m", b"\\u0000", b"x" * 100_000):
        with pytest.raises(InputError) as caught:
            read_document(b'{"name": "a", "' + name + b'": 1}', NewUser)
        assert str(caught.value).isprintable()
        assert len(str(caught.value)) < 500


def test_what_prints_a_request_prints_no_password() -> None:
    for made in (
        NewUser(name="ana", password="secret phrase"),
        UserChange(password="secret phrase"),
    ):
        assert "secret" not in f"{made!r} {[made]}"


def test_schemas_hold_no_references() -> None:
    for kind in (NewUser, UserChange, NewApiKey):
        assert "$ref" not in str(schema_of(kind))
    grants = schema_of(NewUser)["properties"]["grants"]["items"]
    assert (grants["required"], grants["additionalProperties"]) == (["role"], False)
