"""Tokens: what is issued verifies, and nothing else does."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from garcom.access.tokens import (
    ACCESS,
    LEEWAY,
    SESSION,
    Issuer,
    Kind,
    SigningKey,
    Verifier,
    from_base64url,
    to_base64url,
)
from garcom.errors import Unauthenticated
from tests.unit.access.forgery import Forger

NOW = datetime(2026, 11, 21, 12, 0, 0, 123_456, UTC)
KEY, OTHER, RETIRED = (SigningKey(kid, SigningKey.make().private) for kid in ("key-a", "key-b", "key-c"))
FORGER = Forger(KEY, OTHER, RETIRED, "user:ana", NOW)
VERIFIER = Verifier({KEY.kid: KEY.public, OTHER.kid: OTHER.public}, "garcom", "garcom")
#: Well signed, and of nobody who is known: that is for the access list to decide (test_token_owner).
OF_NOBODY = {
    "sub of nobody",
    "sub of a key that there is not",
    "sub of an external user in a bearer token",
}
FORGED = {name: token for name, token in FORGER.all().items() if name not in OF_NOBODY}
VALID = FORGER.valid()


def test_there_are_many_forgeries() -> None:
    assert len(FORGED) >= 250
    assert len(set(FORGED.values())) == len(FORGED)


@pytest.mark.parametrize("key", [KEY, OTHER], ids=["newest", "before"])
def test_what_is_issued_verifies(key: SigningKey) -> None:
    text, claims = Issuer("garcom", "garcom").issue(key, "user:ana", timedelta(minutes=10), NOW, session="s")
    assert VERIFIER.verify(text, NOW) == claims
    assert (claims.sub, claims.sid, claims.exp - claims.iat) == ("user:ana", "s", 600)
    assert claims.issued_at == NOW.replace(microsecond=123_000)


def test_the_forger_signs_what_verifies() -> None:
    assert VERIFIER.verify(FORGER.token(), NOW).sub == "user:ana"  # else the forgeries below would prove nothing


@pytest.mark.parametrize("name", FORGED)
def test_no_forgery_is_accepted(name: str) -> None:
    with pytest.raises(Unauthenticated) as refused:
        VERIFIER.verify(FORGED[name], NOW)
    for part in FORGED[name].split("."):
        assert len(part) < 8 or part not in str(refused.value)


@given(position=st.integers(0, len(VALID) - 1), character=st.characters())
@example(position=len(VALID) - 1, character="=")
def test_any_altered_character_is_refused(position: int, character: str) -> None:
    altered = VALID[:position] + character + VALID[position + 1 :]
    if altered != VALID:
        with pytest.raises(Unauthenticated):
            VERIFIER.verify(altered, NOW)


def test_any_flipped_bit_is_refused() -> None:
    raw = VALID.encode()
    for position in range(len(raw)):
        for bit in range(7):
            altered = raw[:position] + bytes([raw[position] ^ 1 << bit]) + raw[position + 1 :]
            with pytest.raises(Unauthenticated):
                VERIFIER.verify(altered.decode(), NOW)


@given(
    text=st.one_of(
        st.text(), st.lists(st.binary(), min_size=3, max_size=3).map(lambda it: b".".join(it).decode("latin-1"))
    )
)
def test_any_text_is_refused(text: str) -> None:
    with pytest.raises(Unauthenticated):
        VERIFIER.verify(text, NOW)


@given(data=st.binary(max_size=100))
def test_bytes_have_one_form(data: bytes) -> None:
    assert from_base64url(to_base64url(data)) == data


def test_a_token_ends_when_it_says_and_begins_a_little_earlier() -> None:
    verified = VERIFIER.verify(VALID, NOW)
    assert VERIFIER.verify(VALID, verified.expires_at - timedelta(milliseconds=1))
    with pytest.raises(Unauthenticated, match="has expired"):
        VERIFIER.verify(VALID, verified.expires_at)
    begun = datetime.fromtimestamp(verified.iat, UTC)
    assert VERIFIER.verify(VALID, begun - LEEWAY)
    with pytest.raises(Unauthenticated, match="not valid yet"):
        VERIFIER.verify(VALID, begun - LEEWAY - timedelta(milliseconds=1))


@pytest.mark.parametrize(("kind", "other"), [(ACCESS, SESSION), (SESSION, ACCESS)], ids=["access", "session"])
def test_each_kind_is_for_its_use_alone(kind: Kind, other: Kind) -> None:
    text, _ = Issuer("garcom", "garcom").issue(KEY, "user:ana", timedelta(minutes=10), NOW, kind=kind)
    keys = {KEY.kid: KEY.public}
    assert Verifier(keys, "garcom", "garcom", kind).verify(text, NOW)
    with pytest.raises(Unauthenticated, match="another use"):
        Verifier(keys, "garcom", "garcom", other).verify(text, NOW)


def test_none_lives_longer_than_its_kind() -> None:
    _, claims = Issuer("garcom", "garcom").issue(KEY, "user:ana", timedelta(days=1000), NOW)
    assert claims.expires_at - claims.issued_at <= ACCESS.longest


@pytest.mark.parametrize(
    "public",
    ["", "AA", KEY.public[:-1], KEY.public + "A", "not base64!", to_base64url(bytes(57))],
    # The key is another in each process, and names of tests may not be.
    ids=["empty", "short", "one less", "one more", "no base64", "Ed448"],
)
def test_a_key_that_is_none_verifies_nothing(public: str) -> None:
    with pytest.raises(Unauthenticated):
        Verifier({KEY.kid: public}, "garcom", "garcom").verify(VALID, NOW)


def test_a_key_shows_nothing_of_itself() -> None:
    shown = repr(KEY)
    assert KEY.kid in shown
    assert "private" not in shown
    assert repr(KEY.private) not in shown


def test_what_is_revoked_is_found_by_the_token_or_its_login() -> None:
    _, claims = Issuer("garcom", "garcom").issue(KEY, "user:ana", timedelta(minutes=10), NOW, session="login")
    assert claims.is_in(frozenset({claims.jti}))
    assert claims.is_in(frozenset({"login"}))
    assert not claims.is_in(frozenset({"other"}))
    _, alone = Issuer("garcom", "garcom").issue(KEY, "key:gk_a", timedelta(minutes=10), NOW)
    assert not alone.is_in(frozenset({""}))
