"""Answers that are no predictions, as exceptions whose message can be read alone."""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import Any

import httpx
import msgspec

from garcom.errors import PredictionFailed, Rejected, ServerUnavailable

#: The faults that a message spells out; ``faults`` has them all.
_SHOWN = 5
#: JSON and Arrow call all of these null, and whoever sent NaN has not heard of it.
_MISSING = "a missing value (null; None or NaN in Python)"
_ROW = re.compile(r"\b(records|actuals|predictions)\[(\d+)\]")


def failure(response: httpx.Response) -> PredictionFailed:
    """The exception for an answer other than 2xx."""
    status = response.status_code
    problem = _problem(response)
    if not problem:
        return _kind(status)(_without_problem(response), status)
    return _kind(status)(_message(problem, status), status, problem)


def not_garcom(response: httpx.Response) -> PredictionFailed:
    """The exception for an answer that Garçom cannot have written."""
    media_type = response.headers.get("content-type", "no Content-Type")
    return PredictionFailed(
        f"Expected an answer of a Garçom server from {response.url}, got {media_type} that is none. "
        "Check the address, and whether a proxy stands between.",
        response.status_code,
    )


def moved(error: PredictionFailed, first_row: int) -> PredictionFailed:
    """The error of one part of a long request, its row numbers counted from the whole's first row."""
    if not first_row:
        return error

    def shift(text: str) -> str:
        return _ROW.sub(lambda found: f"{found[1]}[{int(found[2]) + first_row}]", text)

    places = error.problem.get("errors")
    problem = error.problem | {"detail": shift(str(error.problem.get("detail", "")))}
    if isinstance(places, list):
        problem["errors"] = [
            place | {"where": shift(str(place.get("where", "")))} if isinstance(place, dict) else place
            for place in places
        ]
    return type(error)(shift(str(error)), error.status, problem)


def _kind(status: int) -> type[PredictionFailed]:
    if status == HTTPStatus.SERVICE_UNAVAILABLE:
        return ServerUnavailable
    return Rejected if 400 <= status < 500 else PredictionFailed


def _problem(response: httpx.Response) -> dict[str, Any]:
    """The body as a problem (RFC 9457), or nothing where it is none, as behind a proxy."""
    try:
        document = msgspec.json.decode(response.content)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return {}
    if not isinstance(document, dict) or not isinstance(document.get("detail"), str):
        return {}
    places = document.get("errors")
    return _without_null(document, places) if isinstance(places, list) else document


def _without_null(problem: dict[str, Any], places: list[Any]) -> dict[str, Any]:
    """The problem with its nulls called what they were before they became JSON or Arrow."""
    are_null = [isinstance(place, dict) and place.get("got") == "null" for place in places]
    said = [place | {"got": _MISSING} if is_null else place for place, is_null in zip(places, are_null, strict=True)]
    detail = (
        problem["detail"].replace("got null", f"got {_MISSING}", 1) if are_null[:1] == [True] else problem["detail"]
    )
    return problem | {"detail": detail, "errors": said}


def _message(problem: dict[str, Any], status: int) -> str:
    detail: str = problem["detail"]
    faults = PredictionFailed("", status, problem).faults
    lines = [detail] + [f"  {fault.sentence()}" for fault in faults[1:_SHOWN]]
    if len(faults) > _SHOWN:
        lines.append(f"  … and {len(faults) - _SHOWN} more")
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR and problem.get("request_id"):
        lines.append(f"(request id {problem['request_id']})")
    return "\n".join(lines)


def _without_problem(response: httpx.Response) -> str:
    status = response.status_code
    said = f"{response.url} answered {status} {response.reason_phrase}".rstrip()
    if response.is_redirect:
        return f"{said}: it is at {response.headers.get('location', 'another address')} now. Give that address."
    return f"{said} without saying why. Check the address, and whether a proxy stands between."
