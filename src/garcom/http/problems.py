"""Errors as ``application/problem+json`` (RFC 9457): the one table from the tree of errors to HTTP statuses."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from garcom import errors
from garcom.access.limit_headers import lasting_headers, remaining, reset
from garcom.errors import (
    ActualsRefused,
    EngineError,
    GarcomError,
    InputError,
    RateLimited,
    Unauthenticated,
    Unavailable,
)

MEDIA_TYPE = b"application/problem+json"

#: The most particular class wins: the first entry that the error is an instance of.
STATUSES: tuple[tuple[type[GarcomError], HTTPStatus, str], ...] = (
    (errors.MalformedBody, HTTPStatus.BAD_REQUEST, "malformed-body"),
    (errors.ActualsRefused, HTTPStatus.UNPROCESSABLE_ENTITY, "actuals-refused"),
    (errors.InvalidRows, HTTPStatus.UNPROCESSABLE_ENTITY, "invalid-rows"),
    (errors.BodyTooLarge, HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "body-too-large"),
    (errors.BundleRefused, HTTPStatus.UNPROCESSABLE_ENTITY, "bundle-refused"),
    (errors.KeyReused, HTTPStatus.UNPROCESSABLE_ENTITY, "key-reused"),
    (errors.UnsupportedMediaType, HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "unsupported-media-type"),
    (errors.MisdirectedRequest, HTTPStatus.MISDIRECTED_REQUEST, "misdirected-request"),
    (errors.InputError, HTTPStatus.BAD_REQUEST, "bad-request"),
    (errors.Unauthenticated, HTTPStatus.UNAUTHORIZED, "unauthenticated"),
    (errors.AccessDenied, HTTPStatus.FORBIDDEN, "forbidden"),
    (errors.ModelNotFound, HTTPStatus.NOT_FOUND, "model-not-found"),
    (errors.VersionNotFound, HTTPStatus.NOT_FOUND, "version-not-found"),
    (errors.NotFound, HTTPStatus.NOT_FOUND, "not-found"),
    (errors.KeyBusy, HTTPStatus.CONFLICT, "key-busy"),
    (errors.ServedElsewhere, HTTPStatus.CONFLICT, "served-elsewhere"),
    (errors.Conflict, HTTPStatus.CONFLICT, "conflict"),
    (errors.RateLimited, HTTPStatus.TOO_MANY_REQUESTS, "rate-limited"),
    (errors.Overloaded, HTTPStatus.SERVICE_UNAVAILABLE, "overloaded"),
    (errors.JournalUnavailable, HTTPStatus.SERVICE_UNAVAILABLE, "journal-unavailable"),
    (errors.Unavailable, HTTPStatus.SERVICE_UNAVAILABLE, "unavailable"),
    (errors.RowsRefused, HTTPStatus.UNPROCESSABLE_ENTITY, "rows-refused"),
    (errors.EngineError, HTTPStatus.INTERNAL_SERVER_ERROR, "engine-error"),
    (errors.BundleError, HTTPStatus.INTERNAL_SERVER_ERROR, "bundle-error"),
    (errors.GarcomError, HTTPStatus.INTERNAL_SERVER_ERROR, "internal-error"),
)

#: Relative to the server itself, where /docs explains the types; nothing points to another site.
TYPE_PREFIX = "/docs/problems#"


class Place(msgspec.Struct, omit_defaults=True):
    """One entry of a problem's ``errors``: where, what was expected, what came, and a suggestion."""

    where: str
    expected: str
    got: str
    suggestion: str = ""


class Problem(msgspec.Struct, omit_defaults=True):
    """The body of every error on every route.

    ``rows``, ``accepted`` and ``refused`` are there where rows were sent to be kept, and not all of them can be.
    """

    type: str
    title: str
    status: int
    detail: str
    errors: list[Place] = []
    request_id: str = ""
    rows: int | UnsetType = UNSET
    accepted: int | UnsetType = UNSET
    refused: int | UnsetType = UNSET


def status_of(error: GarcomError) -> HTTPStatus:
    """The status that tells of an error."""
    return next(status for kind, status, _ in STATUSES if isinstance(error, kind))


def problem_of(error: GarcomError, request_id: str) -> tuple[Problem, list[tuple[bytes, bytes]]]:
    """The problem that tells of an error, and the headers that go with it."""
    status, slug = next((status, slug) for kind, status, slug in STATUSES if isinstance(error, kind))
    places = [Place(*fault) for fault in error.faults] if isinstance(error, InputError | EngineError) else []
    headers = [(b"retry-after", b"%d" % error.retry_after_s)] if isinstance(error, Unavailable) else []
    if isinstance(error, RateLimited) and error.amount:
        headers += [*lasting_headers(error.amount, error.span_s), remaining(0), reset(error.retry_after_s)]
    if isinstance(error, Unauthenticated):
        # RFC 9110 §15.5.2: a 401 names the way to authenticate; RFC 6750 §3.
        headers.append((b"www-authenticate", b'Bearer realm="garcom"'))
    problem = Problem(TYPE_PREFIX + slug, status.phrase, status, str(error), places, request_id)
    if isinstance(error, ActualsRefused):
        problem.rows, problem.accepted, problem.refused = error.rows, error.accepted, error.refused
    return problem, headers


def plain_problem(status: int, detail: str, request_id: str = "") -> Problem:
    """A problem that no error of ours stands behind, such as a path that does not exist."""
    phrase = HTTPStatus(status).phrase
    slug = phrase.lower().replace(" ", "-")
    return Problem(TYPE_PREFIX + slug, phrase, status, detail, [], request_id)


def encoded(problem: Problem) -> bytes:
    """The problem as JSON."""
    return msgspec.json.encode(problem)


def schema() -> dict[str, Any]:
    """The problem's JSON Schema, for OpenAPI."""
    (_,), components = msgspec.json.schema_components([Problem], ref_template="#/components/schemas/{name}")
    return components
