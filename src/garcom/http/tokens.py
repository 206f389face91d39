"""Tokens over HTTP: asked for (RFC 6749), revoked (RFC 7009), and the keys that verify them (RFC 7517)."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

import msgspec
from fastapi import APIRouter, Request, Response

from garcom.access.oauth import ErrorCode, GrantType, TokenRefused, TokenRequest
from garcom.controller.messages import AskToken, AskTokenByPassword, RevokeToken
from garcom.errors import InputError, RateLimited, Unavailable
from garcom.http.admission import Admission
from garcom.http.bodies import Disconnected, read_short
from garcom.http.caller import address
from garcom.http.oauth_forms import (
    MAX_FIELDS,
    MAX_FORM_BYTES,
    OAuthRefusal,
    basic_client,
    read_form,
    token_request,
    token_to_revoke,
)
from garcom.http.parts import bodies, controller

router = APIRouter(tags=["access"])

#: Whoever asks for a token is nobody yet.
_NOBODY = "nobody"
_JSON = "application/json"
#: RFC 6749 §5.1: nothing on the way may keep an answer.
_NO_STORE = {"cache-control": "no-store", "pragma": "no-cache"}
_decode_refusal = msgspec.json.Decoder(TokenRefused).decode


#: One field of a form: what is empty counts as not sent.
_PLAIN = {"type": "string", "minLength": 1}
_SECRET = _PLAIN | {"format": "password"}
_NEEDED = {
    GrantType.CLIENT_CREDENTIALS: {"client_id": _PLAIN, "client_secret": _SECRET},
    GrantType.PASSWORD: {"username": _PLAIN, "password": _SECRET},
    GrantType.REFRESH_TOKEN: {"refresh_token": _SECRET},
}


def _form(schema: dict[str, Any]) -> dict[str, Any]:
    return {"requestBody": {"required": True, "content": {"application/x-www-form-urlencoded": {"schema": schema}}}}


def _fields(properties: dict[str, Any], *optional: str) -> dict[str, Any]:
    required = [name for name in properties if name not in optional]
    # What is unknown is left alone, but no field may come twice.
    others = {"additionalProperties": {"type": "string"}, "maxProperties": MAX_FIELDS}
    return {"type": "object", "properties": properties, "required": required} | others


_ASKED = {"oneOf": [_fields({"grant_type": {"const": str(kind)}} | needed) for kind, needed in _NEEDED.items()]}
_ENDING = _fields({"token": _SECRET, "token_type_hint": {"type": "string"}}, "token_type_hint")


def _refusals(**statuses: str) -> dict[int | str, dict[str, Any]]:
    schema = {
        "type": "object",
        "properties": {
            "error": {"type": "string", "enum": list(ErrorCode)},
            "error_description": {"type": "string"},
        },
        "required": ["error", "error_description"],
    }
    content = {_JSON: {"schema": schema}}
    return {int(status[1:]): {"description": text, "content": content} for status, text in statuses.items()}


_ENDED: dict[int | str, dict[str, Any]] = {200: {"description": "It is not valid any more, or never was."}}
_GIVEN: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "A token for the header `Authorization: Bearer`.",
        "content": {
            _JSON: {
                "schema": {
                    "type": "object",
                    "properties": {
                        "access_token": {"type": "string"},
                        "token_type": {"const": "Bearer"},
                        "expires_in": {"type": "integer", "minimum": 0, "description": "In seconds."},
                        "refresh_token": {"type": "string", "description": "For users: good for one next token."},
                    },
                    "required": ["access_token", "token_type", "expires_in"],
                }
            }
        },
    }
}


@router.post(
    "/v1/token",
    summary="A token, for a key, a password or a refresh token",
    response_model=None,
    openapi_extra=_form(_ASKED),
    responses=_GIVEN
    | _refusals(
        _400="The request cannot be read, or the password or refresh token is not valid.",
        _401="The API key is not valid.",
        _429="Logins have failed too often; wait Retry-After seconds.",
        _503="Not now; wait Retry-After seconds.",
    ),
)
async def give_token(request: Request) -> Response:
    """Answers as OAuth 2.0 has it, also where it refuses.

    `client_credentials`: the prefix of an API key and the key, as HTTP Basic or as `client_id` and `client_secret`.
    `password`: `username` and `password`. `refresh_token`: the one that came with the last token; each is good once.
    """
    try:
        form = await _form_of(request)
        wanted = token_request(form, basic_client(request.headers.raw))
        return _answer(await _ask(request, wanted))
    except OAuthRefusal as refusal:
        return _refused(refusal.code, str(refusal))
    except (RateLimited, Unavailable) as error:
        return _not_now(error)
    except Disconnected:
        return Response(status_code=HTTPStatus.BAD_REQUEST)  # nobody is there to read it


@router.post(
    "/v1/token/revoke",
    summary="End a token",
    response_model=None,
    openapi_extra=_form(_ENDING),
    response_class=Response,
    responses=_ENDED | _refusals(_400="The request cannot be read.", _503="Not now; wait Retry-After seconds."),
)
async def revoke_token(request: Request) -> Response:
    """A refresh token ends with every token that came from its login. Who has a token may end it.

    The answer does not tell whether the token was valid.
    """
    try:
        token = token_to_revoke(await _form_of(request))
        await controller(request).ask(RevokeToken(by=_NOBODY, address=address(request)), token.encode())
    except OAuthRefusal as refusal:
        return _refused(refusal.code, str(refusal))
    except Unavailable as error:
        return _not_now(error)
    except Disconnected:
        return Response(status_code=HTTPStatus.BAD_REQUEST)  # nobody is there to read it
    return Response(headers=_NO_STORE)


@router.get(
    "/.well-known/jwks.json", summary="The keys that verify tokens", response_model=dict[str, list[dict[str, str]]]
)
async def show_token_keys(request: Request) -> dict[str, list[dict[str, str]]]:
    """A JSON Web Key Set (RFC 7517 §5) of Ed25519 public keys (RFC 8037 §2), for whoever verifies tokens elsewhere."""
    admission: Admission = request.app.state.admission
    fixed = {"kty": "OKP", "crv": "Ed25519", "use": "sig", "alg": "EdDSA"}
    return {"keys": [fixed | {"kid": kid, "x": public} for kid, public in admission.gate.token_keys.items()]}


async def _form_of(request: Request) -> dict[str, str]:
    try:
        body = await read_short(bodies(request), request.headers.raw, request.receive, MAX_FORM_BYTES)
    except InputError as error:
        raise OAuthRefusal(ErrorCode.INVALID_REQUEST, str(error)) from None
    return read_form(request.headers.raw, request.scope["query_string"], body)


async def _ask(request: Request, wanted: TokenRequest) -> bytes:
    kind = AskTokenByPassword if wanted.grant_type is GrantType.PASSWORD else AskToken
    question = kind(by=_NOBODY, address=address(request))
    _, answer = await controller(request).ask(question, msgspec.json.encode(wanted))
    return answer


def _answer(answer: bytes) -> Response:
    try:
        refused = _decode_refusal(answer)
    except msgspec.ValidationError:
        return Response(answer, media_type=_JSON, headers=_NO_STORE)
    return _refused(refused.error, refused.error_description)


def _refused(code: ErrorCode, description: str) -> Response:
    status, headers = HTTPStatus.BAD_REQUEST, _NO_STORE
    if code is ErrorCode.INVALID_CLIENT:
        status, headers = HTTPStatus.UNAUTHORIZED, _NO_STORE | {"www-authenticate": 'Basic realm="garcom"'}
    return _told(status, code, description, headers)


def _not_now(error: Unavailable) -> Response:
    status = HTTPStatus.TOO_MANY_REQUESTS if isinstance(error, RateLimited) else HTTPStatus.SERVICE_UNAVAILABLE
    headers = _NO_STORE | {"retry-after": str(error.retry_after_s)}
    return _told(status, ErrorCode.TEMPORARILY_UNAVAILABLE, str(error), headers)


def _told(status: HTTPStatus, code: ErrorCode, description: str, headers: dict[str, str]) -> Response:
    told = TokenRefused(error=code, error_description=description)
    return Response(msgspec.json.encode(told), status, headers, media_type=_JSON)
