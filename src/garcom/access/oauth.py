"""What is said at ``POST /v1/token``: requests and answers of OAuth 2.0 (RFC 6749 §4.3, §4.4, §5, §6)."""

from __future__ import annotations

from enum import StrEnum

import msgspec


class GrantType(StrEnum):
    """By what a token is asked for."""

    CLIENT_CREDENTIALS = "client_credentials"
    PASSWORD = "password"
    REFRESH_TOKEN = "refresh_token"


class TokenRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A request that has what its grant type needs; the rest is empty. Nothing that prints it prints a secret."""

    grant_type: GrantType
    client_id: str = ""
    client_secret: str = ""
    username: str = ""
    password: str = ""
    refresh_token: str = ""

    def __repr__(self) -> str:
        return f"TokenRequest({self.grant_type})"


class TokenGiven(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A token, and for how many seconds it is valid (RFC 6749 §5.1)."""

    access_token: str
    token_type: str
    expires_in: int
    refresh_token: str = ""

    def __repr__(self) -> str:
        return f"TokenGiven(expires_in={self.expires_in})"


class ErrorCode(StrEnum):
    """Why no token was given (RFC 6749 §5.2; the last is borrowed from §4.1.2.1)."""

    INVALID_REQUEST = "invalid_request"
    INVALID_CLIENT = "invalid_client"
    INVALID_GRANT = "invalid_grant"
    UNSUPPORTED_GRANT_TYPE = "unsupported_grant_type"
    INVALID_SCOPE = "invalid_scope"
    TEMPORARILY_UNAVAILABLE = "temporarily_unavailable"


class TokenRefused(msgspec.Struct, frozen=True, kw_only=True):
    """Why no token was given, in a form that OAuth clients read."""

    error: ErrorCode
    error_description: str
