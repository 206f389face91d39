"""Our own tokens: JWTs signed with Ed25519 (RFC 8037), made by the controller and verified by the workers.

Whoever verifies decides everything and the token nothing (RFC 8725): the algorithm is that of the key, the key is one
of those that are known, and there is exactly one way to write a token. Its header and its claims must be, byte for
byte, what we would have written ourselves: that alone refuses members sent twice, unknown ones (``crit``, ``jwk``,
``jku``, ``x5u``, ``x5c``, ``b64``, ``zip``), numbers written otherwise, blanks and byte order marks.
"""

from __future__ import annotations

import base64
import binascii
import secrets
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Literal, NamedTuple

import msgspec
from msgspec import Meta

from garcom.errors import Unauthenticated

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

#: A longer token is none of ours.
MAX_BYTES = 4096
#: By how much the clock of the machine that issued a token may be ahead of ours. An expired token is expired.
LEEWAY = timedelta(seconds=5)
_ALGORITHM: Literal["EdDSA"] = "EdDSA"


class Kind(NamedTuple):
    """What a token is for (``typ``; RFC 8725 §3.11), and the longest that such a token may live."""

    typ: str
    longest: timedelta


#: What ``POST /v1/token`` gives, for the header ``Authorization: Bearer``.
ACCESS = Kind("at+jwt", timedelta(hours=1))
#: What a browser's cookie holds. It is no bearer token, and a bearer token is no session.
SESSION = Kind("session+jwt", timedelta(hours=720))


class Header(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A token's header; there are no other members."""

    alg: Literal["EdDSA"]
    kid: Annotated[str, Meta(min_length=1, max_length=36)]
    typ: str


_Seconds = Annotated[int, Meta(ge=0, le=253_402_300_799)]


class Claims(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What a token says. All of it is required, but ``sid`` and ``groups``.

    ``sub`` is ``user:NAME``, ``key:PREFIX``, or ``external:NAME`` in sessions. ``iat_ms`` are the milliseconds past
    ``iat``: a session may be ended in the second in which the next one begins. ``sid`` names the login that the token
    came from, so that a logout ends every token of it. ``groups`` are those that a provider told of an external user at
    the login; nobody else knows them.
    """

    iss: str
    sub: Annotated[str, Meta(pattern=r"\A(user|key|external):[^\x00-\x1f]{1,200}\Z")]
    aud: str
    exp: _Seconds
    nbf: _Seconds
    iat: _Seconds
    iat_ms: Annotated[int, Meta(ge=0, le=999)]
    jti: Annotated[str, Meta(min_length=1, max_length=36)]
    sid: Annotated[str, Meta(max_length=36)] = ""
    groups: tuple[str, ...] = ()

    @property
    def issued_at(self) -> datetime:
        """When it was issued, to the millisecond (never later than it was)."""
        return datetime.fromtimestamp(self.iat, UTC) + timedelta(milliseconds=self.iat_ms)

    @property
    def expires_at(self) -> datetime:
        """From when on it is void."""
        return datetime.fromtimestamp(self.exp, UTC)

    def is_in(self, revoked: frozenset[str]) -> bool:
        """Whether the token itself, or the login that it came from, was revoked."""
        return self.jti in revoked or (self.sid != "" and self.sid in revoked)


_decode_header = msgspec.json.Decoder(Header).decode
_decode_claims = msgspec.json.Decoder(Claims).decode
_encode = msgspec.json.Encoder().encode


@dataclass(frozen=True)
class SigningKey:
    """A key that signs: the 32 bytes of an Ed25519 private key (RFC 8032)."""

    kid: str
    private: bytes = field(repr=False)

    @classmethod
    def make(cls) -> SigningKey:
        """A new one."""
        return cls(secrets.token_hex(8), secrets.token_bytes(32))

    @property
    def public(self) -> str:
        """Its public half, base64url without padding."""
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

        return to_base64url(Ed25519PrivateKey.from_private_bytes(self.private).public_key().public_bytes_raw())


@dataclass(frozen=True)
class Issuer:
    """Who issues tokens, and for whom they are."""

    name: str
    audience: str

    def issue(
        self,
        key: SigningKey,
        subject: str,
        lifetime: timedelta,
        now: datetime,
        *,
        kind: Kind = ACCESS,
        session: str = "",
        groups: tuple[str, ...] = (),
    ) -> tuple[str, Claims]:
        """A new token for a subject, and what it says; valid from now on, at most as long as its kind may be."""
        issued = int(now.timestamp())
        claims = Claims(
            iss=self.name,
            sub=subject,
            aud=self.audience,
            exp=int((now + min(lifetime, kind.longest)).timestamp()),
            nbf=issued,
            iat=issued,
            iat_ms=now.microsecond // 1000,
            jti=str(uuid.uuid4()),
            sid=session,
            groups=groups,
        )
        return signed(key, kind, claims), claims


def signed(key: SigningKey, kind: Kind, claims: Claims) -> str:
    """A token that says this, whatever it is."""
    import jwt
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    private = Ed25519PrivateKey.from_private_bytes(key.private)
    headers = {"kid": key.kid, "typ": kind.typ}
    return jwt.PyJWS([_ALGORITHM]).encode(_encode(claims), private, _ALGORITHM, headers)


class Verifier:
    """Verifies the tokens of one kind, from one issuer, for one audience.

    ``keys`` are Ed25519 public keys as base64url, by their ``kid``; one that is no such key verifies nothing.
    """

    def __init__(self, keys: Mapping[str, str], issuer: str, audience: str, kind: Kind = ACCESS) -> None:
        self._keys = dict(keys)
        self._loaded: dict[str, Ed25519PublicKey] = {}
        self._issuer = issuer
        self._audience = audience
        self._kind = kind

    def verify(self, token: str, now: datetime) -> Claims:
        """What a valid token says. Raises Unauthenticated; the message never repeats any of the token.

        Whether it was revoked, and whether its subject still exists, is for the access list to say.
        """
        header = self._header(token)
        claims = _claims(self._verified(token, header))
        self._check(claims, now)
        return claims

    def _header(self, token: str) -> Header:
        if len(token) > MAX_BYTES or not token.isascii() or token.count(".") != 2:
            raise _refused("is no token of this server")
        written = from_base64url(token[: token.index(".")])
        try:
            header = _decode_header(written)
        except (msgspec.DecodeError, UnicodeDecodeError):
            raise _refused("has a header that this server does not write") from None
        if _encode(header) != written:
            raise _refused("has a header that this server does not write")
        if header.typ != self._kind.typ:
            raise _refused("is for another use")
        return header

    def _verified(self, token: str, header: Header) -> bytes:
        """The payload, once its signature is found to be the key's."""
        import jwt

        key = self._key(header.kid)
        for part in token.split("."):
            from_base64url(part)
        try:
            # Our header was compared with the one form that it may have, and the key is one of Ed25519.
            payload: bytes = jwt.PyJWS([_ALGORITHM]).decode(token, key, [_ALGORITHM])
        except jwt.PyJWTError:
            raise _refused("has a signature that is not right") from None
        return payload

    def _key(self, kid: str) -> Ed25519PublicKey:
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

        if kid not in self._loaded:
            try:
                self._loaded[kid] = Ed25519PublicKey.from_public_bytes(from_base64url(self._keys[kid]))
            except (KeyError, ValueError):
                raise _refused("was signed with a key that is not, or no longer, this server's") from None
        return self._loaded[kid]

    def _check(self, claims: Claims, now: datetime) -> None:
        if claims.iss != self._issuer or claims.aud != self._audience:
            raise _refused("is of another issuer, or for another audience")
        if claims.expires_at <= now:
            raise Unauthenticated("The token has expired. Ask POST /v1/token for a new one.")
        latest = (now + LEEWAY).timestamp()
        if claims.nbf > latest or claims.iat > latest:
            raise _refused("is not valid yet")
        if claims.exp - claims.iat > self._kind.longest.total_seconds():
            raise _refused("lives longer than a token may")


def _claims(payload: bytes) -> Claims:
    try:
        claims = _decode_claims(payload)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise _refused("does not say what it has to") from None
    if _encode(claims) != payload:
        raise _refused("does not say what it has to")
    return claims


def to_base64url(data: bytes) -> str:
    """Base64url without padding (RFC 7515 §2)."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def from_base64url(text: str) -> bytes:
    """The bytes again. Raises Unauthenticated for anything but the one way to write them.

    A decoder that takes padding, other alphabets or bits that mean nothing would take many texts for one token.
    """
    try:
        data = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except (binascii.Error, ValueError):
        raise _refused("is no token of this server") from None
    if to_base64url(data) != text:
        raise _refused("is no token of this server")
    return data


def _refused(why: str) -> Unauthenticated:
    return Unauthenticated(f"Expected a valid token in `Authorization: Bearer`, got one that {why}. Log in again.")
