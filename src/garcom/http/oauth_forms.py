"""Requests of OAuth 2.0 as they come over HTTP: a form in the body, a client in the Authorization header.

Read strictly (RFC 6749 §3.2, appendix B): nothing twice, nothing in the address, a client in one place only. What is
unknown is left alone, and what is empty was not sent, as §3.2 has it.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable, Mapping
from typing import NamedTuple, NoReturn
from urllib.parse import parse_qsl, unquote_plus

from garcom.access.oauth import ErrorCode, GrantType, TokenRequest
from garcom.http.edge import Header

MAX_FORM_BYTES = 16 * 1024
MAX_FIELDS = 20
_MEDIA_TYPE = "application/x-www-form-urlencoded"
_HALF_ESCAPE = re.compile(rb"%(?![0-9A-Fa-f]{2})")


class OAuthRefusal(Exception):
    """A request that gets an error of OAuth 2.0; the description never repeats what was sent."""

    def __init__(self, code: ErrorCode, description: str) -> None:
        super().__init__(description)
        self.code = code


class Client(NamedTuple):
    """Who a client says it is, and the proof."""

    id: str
    secret: str

    def __repr__(self) -> str:
        return "Client(…)"


def read_form(headers: Iterable[Header], query: bytes, body: bytes) -> dict[str, str]:
    """The fields of a form. Raises OAuthRefusal."""
    if query:
        _refuse("Expected everything in the body, got a query in the address, where logs and proxies keep it.")
    types = [value.decode("latin-1") for name, value in headers if name == b"content-type"]
    if len(types) != 1 or types[0].partition(";")[0].strip().lower() != _MEDIA_TYPE:
        _refuse(f"Expected a body of {_MEDIA_TYPE}, got another Content-Type, or none.")
    try:
        if _HALF_ESCAPE.search(body):
            raise ValueError
        pairs = parse_qsl(
            body.decode("ascii"),
            keep_blank_values=True,
            strict_parsing=bool(body),
            encoding="utf-8",
            errors="strict",
            max_num_fields=MAX_FIELDS,
        )
    except ValueError:
        _refuse(f"Expected a form of at most {MAX_FIELDS} fields, name=value joined by &, got something else.")
    fields = dict(pairs)
    if len(fields) != len(pairs):
        _refuse("Expected each field once, got one of them several times.")
    return {name: value for name, value in fields.items() if value}


def token_request(form: Mapping[str, str], client: Client | None) -> TokenRequest:
    """What a form asks for. Raises OAuthRefusal."""
    given = _required(form, "grant_type")
    try:
        grant_type = GrantType(given)
    except ValueError:
        raise OAuthRefusal(
            ErrorCode.UNSUPPORTED_GRANT_TYPE, f"Expected a grant_type of {', '.join(GrantType)}, got another."
        ) from None
    if "scope" in form:
        raise OAuthRefusal(
            ErrorCode.INVALID_SCOPE, "Expected no scope: a token may do what its user or API key may do."
        )
    if grant_type is GrantType.CLIENT_CREDENTIALS:
        id, secret = _client(form, client)
        return TokenRequest(grant_type=grant_type, client_id=id, client_secret=secret)
    if client is not None or "client_secret" in form:
        raise OAuthRefusal(ErrorCode.INVALID_CLIENT, f"Expected no client secret with grant_type {grant_type}.")
    if grant_type is GrantType.PASSWORD:
        name, password = _required(form, "username"), _required(form, "password")
        return TokenRequest(grant_type=grant_type, username=name, password=password)
    return TokenRequest(grant_type=grant_type, refresh_token=_required(form, "refresh_token"))


def token_to_revoke(form: Mapping[str, str]) -> str:
    """The token of a request to revoke it (RFC 7009 §2.1); what kind it is shows by itself. Raises OAuthRefusal."""
    return _required(form, "token")


def basic_client(headers: Iterable[Header]) -> Client | None:
    """The client of an Authorization header (RFC 7617, RFC 6749 §2.3.1); None without one. Raises OAuthRefusal."""
    values = [value for name, value in headers if name == b"authorization"]
    if not values:
        return None
    scheme, _, given = values[0].partition(b" ")
    try:
        if len(values) > 1 or scheme.lower() != b"basic":
            raise ValueError
        id, colon, secret = base64.b64decode(given.strip(), validate=True).decode().partition(":")
        if not colon:
            raise ValueError
        return Client(unquote_plus(id, errors="strict"), unquote_plus(secret, errors="strict"))
    except (ValueError, binascii.Error):
        raise OAuthRefusal(
            ErrorCode.INVALID_CLIENT,
            "Expected the prefix of an API key and the key in `Authorization: Basic`, got something else.",
        ) from None


def _client(form: Mapping[str, str], client: Client | None) -> Client:
    if client is None:
        if not {"client_id", "client_secret"} <= form.keys():  # RFC 6749 §5.2: "no client authentication included"
            raise OAuthRefusal(
                ErrorCode.INVALID_CLIENT,
                "Expected the prefix of an API key and the key, in `Authorization: Basic` or the fields client_id "
                "and client_secret, got none.",
            )
        return Client(form["client_id"], form["client_secret"])
    if "client_secret" in form or form.get("client_id", client.id) != client.id:
        _refuse("Expected the client either in the Authorization header or in the body, got it in both.")
    return client


def _required(form: Mapping[str, str], name: str) -> str:
    if name not in form:
        _refuse(f"Expected the field {name}, which is missing or empty.")
    return form[name]


def _refuse(description: str) -> NoReturn:
    raise OAuthRefusal(ErrorCode.INVALID_REQUEST, description)
