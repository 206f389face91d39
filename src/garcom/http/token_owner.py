"""Whose token a bearer token is."""

from __future__ import annotations

from datetime import UTC, datetime

from garcom.access.access_list import AccessList
from garcom.access.principals import Principal
from garcom.http.gate import owner, refused


class TokenOwners:
    """Verifies tokens of this server; PyJWT is imported by the first of them."""

    def __init__(self, issuer: str, audience: str) -> None:
        self._issuer = issuer
        self._audience = audience

    def __call__(self, token: str, access: AccessList) -> tuple[Principal, float]:
        """The principal, and until when the token is good. Raises Unauthenticated."""
        from garcom.access.tokens import Verifier

        claims = Verifier(access.token_keys, self._issuer, self._audience).verify(token, datetime.now(UTC))
        if claims.is_in(access.revoked_tokens):
            raise refused()
        return owner(claims.sub, claims.issued_at, access), float(claims.exp)
