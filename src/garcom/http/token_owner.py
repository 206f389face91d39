"""Whose token a bearer token or a session is."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from garcom.access.access_list import AccessList
from garcom.access.principals import Principal
from garcom.access.provider_tokens import ExternalUsers, ProviderTokens
from garcom.http.gate import owner, refused

if TYPE_CHECKING:
    from garcom.access.tokens import Claims


class TokenOwners:
    """Verifies tokens of this server, and of the OpenID provider if there is one."""

    def __init__(self, issuer: str, audience: str, provider: ProviderTokens | None = None) -> None:
        self._issuer = issuer
        self._audience = audience
        self._provider = provider

    def __call__(self, token: str, access: AccessList) -> tuple[Principal, float]:
        """The principal, and until when the token is good. Raises Unauthenticated."""
        if self._provider is not None and self._provider.is_issuer_of(token):
            return self._provider.principal(token)
        claims = _verified(token, access, self._issuer, self._audience)
        return owner(claims.sub, claims.issued_at, access), float(claims.exp)


class SessionOwners:
    """Verifies sessions; what the groups of an ``external`` user may do is looked up anew each time."""

    def __init__(self, issuer: str, audience: str, external: ExternalUsers) -> None:
        self._issuer = issuer
        self._audience = audience
        self._external = external

    def __call__(self, token: str, access: AccessList) -> tuple[Principal, float]:
        """The principal, and until when the session is good. Raises Unauthenticated."""
        claims = _verified(token, access, self._issuer, self._audience, is_session=True)
        kind, _, name = claims.sub.partition(":")
        if kind == "external":
            return self._external.principal(name, claims.groups), float(claims.exp)
        return owner(claims.sub, claims.issued_at, access), float(claims.exp)


def _verified(token: str, access: AccessList, issuer: str, audience: str, *, is_session: bool = False) -> Claims:
    """What a token says that is ours, of the kind that is asked for, and not revoked."""
    from garcom.access.tokens import ACCESS, SESSION, Verifier  # and PyJWT, which a server without tokens does not need

    kind = SESSION if is_session else ACCESS
    claims = Verifier(access.token_keys, issuer, audience, kind).verify(token, datetime.now(UTC))
    if claims.is_in(access.revoked_tokens):
        raise refused()
    return claims
