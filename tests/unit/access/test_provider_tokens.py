from __future__ import annotations

import base64
import json
import time
from typing import Any

import jwt
import pytest

from garcom.access.provider_tokens import ExternalUsers, KeySet, ProviderTokens
from garcom.access.roles import Grant, Role
from garcom.errors import SettingsError, Unauthenticated
from garcom.settings import OidcSettings
from tests.openid_provider import AUDIENCE, Key, hs256

ISSUER = "https://login.example"
SETTINGS = OidcSettings(
    issuer=ISSUER,
    audience=AUDIENCE,
    user_claim="preferred_username",
    roles={"ml-team": ("trainer:wine", "viewer"), "ops": ("admin",)},
)
KEYS = {kind: Key(kind) for kind in ("RS256", "ES256", "EdDSA")}
KEY = KEYS["ES256"]


def tokens(*keys: dict[str, Any], settings: OidcSettings = SETTINGS) -> ProviderTokens:
    found = ProviderTokens(settings)
    found.follow(KeySet(list(keys) or [key.jwk for key in KEYS.values()]))
    return found


def claims(**changes: Any) -> dict[str, Any]:
    now = int(time.time())
    said = {"iss": ISSUER, "aud": AUDIENCE, "sub": "f3a1", "iat": now, "exp": now + 3600, "preferred_username": "ana"}
    said |= {"groups": ["ml-team", "chess"]} | changes
    return {name: value for name, value in said.items() if value is not None}


def unsigned(header: dict[str, Any], said: dict[str, Any]) -> str:
    parts = (base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode() for part in (header, said))
    return f"{'.'.join(parts)}."


@pytest.mark.parametrize("kind", KEYS)
@pytest.mark.parametrize("typ", ["JWT", "at+jwt", "application/at+jwt", None])
def test_a_token_of_each_kind_of_key(kind: str, typ: str | None) -> None:
    said = claims()
    principal, until = tokens().principal(KEYS[kind].sign(said, typ=typ))
    assert str(principal) == "external:ana"
    assert principal.grants == (Grant(Role.TRAINER, "wine"), Grant(Role.VIEWER))
    assert 0 <= until - said["exp"] <= 5


NOW = int(time.time())
FORGED: dict[str, str] = {
    "nothing": "",
    "no token": "a.b.c",
    "no signature": unsigned({"alg": "none"}, claims()),
    "no signature, with a kid": unsigned({"alg": "none", "kid": KEY.kid}, claims()),
    "NoNe": unsigned({"alg": "NoNe", "kid": KEY.kid}, claims()),
    "no alg": unsigned({"kid": KEY.kid}, claims()),
    "alg is a list": unsigned({"alg": ["ES256"], "kid": KEY.kid}, claims()),
    "kid is a list": unsigned({"alg": "ES256", "kid": [KEY.kid]}, claims()),
    "public half as a secret": hs256(claims(), KEYS["RS256"]),
    "public half as a secret, elliptic": hs256(claims(), KEY),
    "another's key under our kid": Key("ES256").sign(claims(), kid=KEY.kid),
    "a key of another kind": KEYS["RS256"].sign(claims(), kid=KEY.kid),
    "an embedded key": Key("ES256").sign(claims(), jwk=KEY.jwk),
    "a key from an address": Key("ES256").sign(claims(), kid=None, jku=f"{ISSUER}/keys"),
    "critical": KEY.sign(claims(), crit=["exp"]),
    "RS512 of the right key": jwt.encode(claims(), KEYS["RS256"].private, "RS512", {"kid": KEYS["RS256"].kid}),
    "PS256 of the right key": jwt.encode(claims(), KEYS["RS256"].private, "PS256", {"kid": KEYS["RS256"].kid}),
    "expired": KEY.sign(claims(exp=NOW - 60)),
    "not yet valid": KEY.sign(claims(nbf=NOW + 3000)),
    "issued in the future": KEY.sign(claims(iat=NOW + 3000)),
    "no exp": KEY.sign(claims(exp=None)),
    "no iat": KEY.sign(claims(iat=None)),
    "no sub": KEY.sign(claims(sub=None)),
    "no aud": KEY.sign(claims(aud=None)),
    "no iss": KEY.sign(claims(iss=None)),
    "exp is text": KEY.sign(claims(exp="later")),
    "another audience": KEY.sign(claims(aud="https://other.example")),
    "an audience that begins alike": KEY.sign(claims(aud=f"{AUDIENCE}/x")),
    "another issuer": KEY.sign(claims(iss="https://evil.example")),
    "a slash more in the issuer": KEY.sign(claims(iss=f"{ISSUER}/")),
    "sub is a number": KEY.sign(claims(sub=7)),
    "an ID token": KEY.sign(claims(nonce="n")),
    "an ID token by its at_hash": KEY.sign(claims(at_hash="h")),
    "another type": KEY.sign(claims(), typ="logout+jwt"),
    "no name": KEY.sign(claims(preferred_username=None)),
    "an empty name": KEY.sign(claims(preferred_username="")),
    "a name that is a list": KEY.sign(claims(preferred_username=["ana"])),
    "a name with a line": KEY.sign(claims(preferred_username="ana\nadmin")),
    "a name that turns around": KEY.sign(claims(preferred_username="ana\u202enimda")),
    "a long name": KEY.sign(claims(preferred_username="a" * 201)),
    "too long": KEY.sign(claims(more="x" * 9000)),
    "four parts": f"{KEY.sign(claims())}.x",
    "cut": KEY.sign(claims())[:-4],
    "not ASCII": f"{KEY.sign(claims())}é",
}


@pytest.mark.parametrize("kind", FORGED)
def test_forged_and_altered_tokens(kind: str) -> None:
    found = tokens()
    with pytest.raises(Unauthenticated) as caught:
        found.principal(FORGED[kind])
    for part in FORGED[kind].split("."):
        assert len(part) < 8 or part not in str(caught.value)


def test_every_altered_part_is_noticed() -> None:
    found, token = tokens(), KEY.sign(claims())
    found.principal(token)
    for position in range(0, len(token) - 4, 7):
        altered = "A" if token[position] != "A" else "B"
        with pytest.raises(Unauthenticated):
            found.principal(token[:position] + altered + token[position + 1 :])


@pytest.mark.parametrize(
    "changes",
    [
        {"use": "enc"},
        {"key_ops": ["sign"]},
        {"alg": "ES384"},
        {"alg": "none"},
        {"crv": "P-384"},
        {"kty": "oct", "k": "c2VjcmV0"},
        {"d": "c2VjcmV0"},
        {"x": "AAAA"},
        {"kty": ["EC"]},
        {"crv": ["P-256"]},
    ],
)
def test_keys_that_verify_nothing(changes: dict[str, Any]) -> None:
    assert tokens(KEY.jwk).principal(KEY.sign(claims()))
    with pytest.raises(Unauthenticated):
        tokens({**KEY.jwk, **changes}).principal(KEY.sign(claims()))


def test_short_rsa_keys_verify_nothing() -> None:
    from cryptography.hazmat.primitives.asymmetric import rsa
    from jwt.algorithms import RSAAlgorithm

    short = rsa.generate_private_key(65537, 1024)
    jwk = {**RSAAlgorithm.to_jwk(short.public_key(), as_dict=True), "kid": "short", "key_ops": ["verify"]}
    with pytest.warns(jwt.InsecureKeyLengthWarning):
        token = jwt.encode(claims(), short, "RS256", {"kid": "short"})
    with pytest.raises(Unauthenticated):
        tokens(jwk).principal(token)


def test_a_key_that_is_not_there_is_missed_until_it_comes() -> None:
    found, new = tokens(KEY.jwk), Key("EdDSA")
    found.principal(KEY.sign(claims()))
    for garbage in ("", "a.b.c", KEY.sign(claims(exp=NOW - 60))):
        with pytest.raises(Unauthenticated):
            found.principal(garbage)
    missed = [found.misses_a_key]
    with pytest.raises(Unauthenticated):
        found.principal(new.sign(claims()))
    missed.append(found.misses_a_key)
    found.follow(KeySet([KEY.jwk, new.jwk]))
    missed.append(found.misses_a_key)
    assert missed == [False, True, False]
    assert found.principal(new.sign(claims()))


def test_none_is_taken_without_an_audience() -> None:
    assert tokens().is_issuer_of(KEY.sign(claims()))
    assert not tokens().is_issuer_of(KEY.sign(claims(iss="garcom")))
    assert not tokens().is_issuer_of("gk_a.b")
    assert not tokens(settings=OidcSettings(issuer=ISSUER)).is_issuer_of(KEY.sign(claims()))


@pytest.mark.parametrize(
    ("groups", "found"),
    [
        (["ml-team"], ("ml-team",)),
        (["ops", "ml-team", "ops", "chess"], ("ml-team", "ops")),
        ("ml-team", ("ml-team",)),
        ("ml-team ops", ()),
        (["ML-TEAM"], ()),
        ([["ml-team"], 7, None, {}], ()),
        ({"ml-team": True}, ()),
        (None, ()),
    ],
)
def test_groups_give_what_the_settings_say_and_nothing_else(groups: Any, found: tuple[str, ...]) -> None:
    users = ExternalUsers(SETTINGS)
    assert users.groups({"groups": groups}) == found
    assert bool(users.grants(found)) is bool(found)


def test_groups_may_lie_deeper() -> None:
    users = ExternalUsers(OidcSettings(issuer=ISSUER, groups_claim="realm.roles", roles={"a": ("admin",)}))
    assert users.groups({"realm": {"roles": ["a"]}}) == ("a",)
    assert users.groups({"realm.roles": ["a"]}) == ("a",)
    assert users.groups({"realm": ["roles"]}) == ()


def test_an_address_names_a_user_only_when_it_is_verified() -> None:
    users = ExternalUsers(OidcSettings(issuer=ISSUER, user_claim="email"))
    assert users.name({"email": "ana@example.com", "email_verified": True}) == "ana@example.com"
    for verified in (False, None, "true", 1):
        with pytest.raises(Unauthenticated):
            users.name({"email": "ana@example.com", "email_verified": verified})


def test_a_role_that_cannot_be_is_told_where_it_stands() -> None:
    with pytest.raises(SettingsError, match=r'oidc\.roles\."ml-team": Expected a role'):
        ExternalUsers(OidcSettings(roles={"ml-team": ("boss",)}))


def test_without_a_provider_groups_give_nothing() -> None:
    assert ExternalUsers(OidcSettings(roles={"a": ("admin",)})).grants(("a",)) == ()
