"""Problems as answers of the control application."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.responses import Response

from garcom.errors import GarcomError
from garcom.http import problems
from garcom.http.problems import Problem


def response(problem: Problem, headers: Mapping[str, str] | None = None) -> Response:
    """A problem as an answer."""
    return Response(problems.encoded(problem), problem.status, headers, media_type=problems.MEDIA_TYPE.decode())


def response_of(error: GarcomError, request_id: str) -> Response:
    """The answer that tells of an error."""
    problem, headers = problems.problem_of(error, request_id)
    return response(problem, {name.decode(): value.decode() for name, value in headers})
