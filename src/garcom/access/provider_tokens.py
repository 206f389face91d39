"""Tokens of an OpenID provider: verified with its public keys, and turned into a principal by the settings.

Every worker does it without asking anybody: the controller fetches the keys and puts them into the run folder. Which
algorithm a signature has is decided by the key's own type, never by the token (RFC 8725 §3.1).
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import msgspec

from garcom.access.grants import parse_grant
from garcom.access.principals import Principal
from garcom.access.roles import Grant
from garcom.errors import InputError, SettingsError, Unauthenticated
from garcom.settings import OidcSettings

if TYPE_CHECKING:
    import jwt

#: Providers put groups and more into their tokens; a longer one is refused unread.
MAX_BYTES = 8192
#: By how much the provider's clock may differ from ours.
LEEWAY_S = 5
#: An RSA key shorter than this verifies nothing (NIST SP 800-131A).
_LEAST_RSA_BITS = 2048
#: What a key of each type, and on each curve, signs with here.
_ALGORITHMS = {("RSA", None): "RS256", ("EC", "P-256"): "ES256", ("OKP", "Ed25519"): "EdDSA"}
_MAX_KEYS = 50
_MAX_NAME = 200
#: ``typ`` of bearer tokens (RFC 9068 §4); many providers leave it out, or write JWT.
_TYPES = frozenset({"", "jwt", "at+jwt", "application/at+jwt"})
#: Claims that are in ID tokens only: those tell a client who logged in, and let nobody in.
_OF_ID_TOKENS = frozenset({"nonce", "at_hash", "c_hash"})

Claims = dict[str, Any]


class KeySet(msgspec.Struct, frozen=True):
    """The provider's public keys as it publishes them (RFC 7517), in the run folder."""

    keys: list[dict[str, Any]]


class Verifier:
    """Verifies signatures and what every token of the provider must say."""

    def __init__(self, issuer: str, keys: KeySet) -> None:
        self._issuer = issuer
        self._keys = _usable(keys)

    def knows(self, token: str) -> bool:
        """Whether the key that the token names is there; a token that cannot be read names none that is missing."""
        try:
            return _header(token).get("kid") in {kid for kid, _ in self._keys}
        except Unauthenticated:
            return True

    def verify(self, token: str, audience: str) -> tuple[dict[str, Any], Claims]:
        """The header and the claims of a valid token for this audience.

        Raises Unauthenticated, with a message that repeats nothing of the token.
        """
        import jwt

        header = _header(token)
        algorithm, kid = header.get("alg"), header.get("kid")
        key = self._keys.get((kid, algorithm)) if isinstance(algorithm, str) else None
        if key is None:
            raise _refused("was signed with a key, or in a way, that the provider does not have")
        try:
            claims: Claims = jwt.decode(
                token,
                key,
                algorithms=[str(algorithm)],
                audience=audience,
                issuer=self._issuer,
                leeway=LEEWAY_S,
                options={"require": ["iss", "sub", "aud", "exp", "iat"]},
            )
        except jwt.ExpiredSignatureError:
            raise _refused("has expired") from None
        except (jwt.PyJWTError, ValueError, TypeError, OverflowError):
            raise _refused("is not valid here") from None
        return header, claims


class ExternalUsers:
    """Who comes with a provider's claims: its name, and what its groups may do by ``oidc.roles``."""

    def __init__(self, settings: OidcSettings) -> None:
        self._settings = settings
        self._grants = {group: _grants(group, texts) for group, texts in settings.roles.items()}

    def name(self, claims: Claims) -> str:
        """The user's name. Raises Unauthenticated where there is none that can stand in a log."""
        claim = self._settings.user_claim
        name = _found(claims, claim)
        if not isinstance(name, str) or not 1 <= len(name) <= _MAX_NAME or not _is_plain(name):
            raise _refused("does not name its user in a way that can be used")
        # Who may write any address into a profile could take somebody else's name.
        if claim == "email" and claims.get("email_verified") is not True:
            raise _refused("names its user by an address that the provider has not verified")
        return name

    def groups(self, claims: Claims) -> tuple[str, ...]:
        """The groups of the user that mean something here."""
        found = _found(claims, self._settings.groups_claim)
        named = [found] if isinstance(found, str) else found if isinstance(found, list) else []
        return tuple(sorted({group for group in named if isinstance(group, str) and group in self._grants}))

    def grants(self, groups: tuple[str, ...]) -> tuple[Grant, ...]:
        """What the members of these groups may do; nothing where there is no provider any more."""
        if not self._settings.issuer:
            return ()
        return tuple(sorted({grant for group in groups for grant in self._grants.get(group, ())}))

    def principal(self, name: str, groups: tuple[str, ...]) -> Principal:
        """Somebody whom the provider knows."""
        return Principal(kind="external", name=name, grants=self.grants(groups))


class ProviderTokens:
    """Bearer tokens of the provider, as a worker takes them; none until it is told the keys."""

    def __init__(self, settings: OidcSettings) -> None:
        self._settings = settings
        self._users = ExternalUsers(settings)
        self._verifier = Verifier(settings.issuer, KeySet([]))
        #: Whether a token named a key that is not there: the provider may have a new one.
        self.misses_a_key = False

    @property
    def accepted(self) -> bool:
        """Whether bearer tokens are taken at all."""
        return bool(self._settings.issuer and self._settings.audience)

    def follow(self, keys: KeySet) -> None:
        """Verify with these keys from now on."""
        self._verifier = Verifier(self._settings.issuer, keys)
        self.misses_a_key = False

    def is_issuer_of(self, token: str) -> bool:
        """Whether a token says that it is the provider's; nothing is verified yet."""
        return self.accepted and _said_issuer(token) == self._settings.issuer

    def principal(self, token: str) -> tuple[Principal, float]:
        """Whose token it is, and until when it is good. Raises Unauthenticated."""
        self.misses_a_key = self.misses_a_key or not self._verifier.knows(token)
        header, claims = self._verifier.verify(token, self._settings.audience)
        if str(header.get("typ") or "").lower() not in _TYPES or _OF_ID_TOKENS & claims.keys():
            raise _refused("is no access token")
        name, groups = self._users.name(claims), self._users.groups(claims)
        return self._users.principal(name, groups), float(claims["exp"]) + LEEWAY_S


def _usable(keys: KeySet) -> dict[tuple[str | None, str], jwt.PyJWK]:
    """The keys that verify signatures here, by their name and the one algorithm of their type."""
    return {(key.key_id, key.algorithm_name): key for key in map(_loaded, keys.keys[:_MAX_KEYS]) if key is not None}


def _loaded(found: dict[str, Any]) -> jwt.PyJWK | None:
    import jwt

    curve = found.get("crv")
    algorithm = _ALGORITHMS.get((str(found.get("kty")), None if curve is None else str(curve)))
    # Ed25519 is also the newer name of its algorithm (RFC 9864).
    is_ours = algorithm is not None and found.get("alg", algorithm) in (algorithm, curve)
    is_for_signatures = found.get("use", "sig") == "sig" and found.get("key_ops", ["verify"]) == ["verify"]
    if not (is_ours and is_for_signatures) or "d" in found:
        return None
    try:
        key = jwt.PyJWK(found, algorithm)
    except (jwt.PyJWTError, ValueError, TypeError, KeyError):
        return None
    return None if algorithm == "RS256" and key.key.key_size < _LEAST_RSA_BITS else key


def _header(token: str) -> dict[str, Any]:
    import jwt

    if len(token) > MAX_BYTES or not token.isascii() or token.count(".") != 2:
        raise _refused("is not valid here")
    try:
        header: dict[str, Any] = jwt.get_unverified_header(token)
    except (jwt.PyJWTError, ValueError, TypeError):
        raise _refused("is not valid here") from None
    return header


def _said_issuer(token: str) -> str | None:
    """The issuer that a token names, before anything of it is verified."""
    import base64
    import binascii

    parts = token.split(".")
    if len(parts) != 3 or len(token) > MAX_BYTES:
        return None
    try:
        said = msgspec.json.decode(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)), type=dict[str, Any])
    except (binascii.Error, ValueError, msgspec.DecodeError):
        return None
    issuer = said.get("iss")
    return issuer if isinstance(issuer, str) else None


def _grants(group: str, texts: tuple[str, ...]) -> tuple[Grant, ...]:
    try:
        return tuple(map(parse_grant, texts))
    except InputError as error:
        raise SettingsError(f'oidc.roles."{group}": {error}') from error


def _found(claims: Mapping[str, Any], name: str) -> Any:
    """A claim by its name, or by the way to it, as in ``realm_access.roles``."""
    if name in claims:
        return claims[name]
    found: Any = claims
    for part in name.split("."):
        found = found.get(part) if isinstance(found, Mapping) else None
    return found


def _is_plain(name: str) -> bool:
    """Whether a name can stand in a line of a log: no control, no direction, no surrogate, no blank at its ends."""
    return name == name.strip() and not any(
        unicodedata.category(letter)[0] in "CZ" and letter != " " for letter in name
    )


def _refused(why: str) -> Unauthenticated:
    return Unauthenticated(f"Expected a valid token of the provider, got one that {why}. Log in again.")
