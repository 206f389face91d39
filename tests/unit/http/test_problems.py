"""The one table from errors to statuses, and the one shape of every problem."""

from __future__ import annotations

import inspect
import json
from typing import Any

import pytest

from garcom import errors
from garcom.errors import (
    ActualsRefused,
    EngineError,
    Fault,
    GarcomError,
    InvalidRows,
    Overloaded,
    RowsRefused,
    Unavailable,
)
from garcom.http import problems
from garcom.http.problems import STATUSES, encoded, plain_problem, problem_of

KINDS = [kind for _, kind in inspect.getmembers(errors, inspect.isclass) if issubclass(kind, GarcomError)]


def made(kind: type[GarcomError]) -> GarcomError:
    if issubclass(kind, RowsRefused):
        return kind(Fault("cor", "a known category", "another one"))
    if issubclass(kind, ActualsRefused):
        return kind("Expected one thing, got another.", (Fault("actuals[0]", "this", "that"),), rows=3, refused=1)
    return kind("Expected one thing, got another.")


@pytest.mark.parametrize("kind", KINDS)
def test_every_error_has_a_status(kind: type[GarcomError]) -> None:
    problem, _ = problem_of(made(kind), "an-id")
    assert 400 <= problem.status < 600
    assert problem.detail == str(made(kind))
    if issubclass(kind, errors.InputError | errors.NotFound | errors.Conflict):
        assert problem.status < 500


@pytest.mark.parametrize(("kind", "status", "slug"), STATUSES)
def test_a_class_of_the_table_gets_its_own_row_and_not_one_above_it(
    kind: type[GarcomError], status: int, slug: str
) -> None:
    problem, _ = problem_of(made(kind), "")
    assert (problem.status, problem.type) == (status, f"/docs/problems#{slug}")


def test_slugs_name_one_kind_each() -> None:
    slugs = [slug for _, _, slug in STATUSES]
    assert len(set(slugs)) == len(slugs)


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        (errors.MalformedBody, 400),
        (errors.InvalidRows, 422),
        (errors.BodyTooLarge, 413),
        (errors.UnsupportedMediaType, 415),
        (errors.ModelNotFound, 404),
        (errors.VersionNotFound, 404),
        (errors.Conflict, 409),
        (errors.Overloaded, 503),
        (errors.RowsRefused, 422),
        (errors.EngineError, 500),
        (errors.BundleError, 500),
        (errors.SettingsError, 500),
        (errors.PackError, 500),
    ],
)
def test_statuses_that_clients_rely_on(kind: type[GarcomError], status: int) -> None:
    assert problem_of(made(kind), "")[0].status == status


def shape(problem: problems.Problem) -> dict[str, Any]:
    """The problem as a client reads it, with the kinds of its values in place of them."""
    document: dict[str, Any] = json.loads(encoded(problem))
    return {name: type(value) for name, value in document.items()}


ALWAYS = {"type": str, "title": str, "status": int, "detail": str}


def test_every_problem_has_one_shape() -> None:
    for kind in KINDS:
        places: dict[str, Any] = {"errors": list} if issubclass(kind, RowsRefused | ActualsRefused) else {}
        if issubclass(kind, ActualsRefused):
            places |= {"rows": int, "accepted": int, "refused": int}
        assert shape(problem_of(made(kind), "an-id")[0]) == ALWAYS | {"request_id": str} | places
    for status in (400, 404, 405, 408, 431, 500):
        assert shape(plain_problem(status, "detail")) == ALWAYS
    with_places = InvalidRows("wrong", (Fault("records[3].pH", "a number", "text", "Did you mean it?"),))
    assert shape(problem_of(with_places, "an-id")[0]) == ALWAYS | {"errors": list, "request_id": str}


def test_faults_become_entries() -> None:
    error = InvalidRows(
        "two faults", (Fault("a", "a number", "text"), Fault("A", "only known", "unknown", "Maybe 'a'?"))
    )
    document = json.loads(encoded(problem_of(error, "")[0]))
    assert document["errors"] == [
        {"where": "a", "expected": "a number", "got": "text"},
        {"where": "A", "expected": "only known", "got": "unknown", "suggestion": "Maybe 'a'?"},
    ]


def test_an_engine_s_error_names_its_row() -> None:
    document = json.loads(encoded(problem_of(EngineError("it failed", row=7).at("records[7]"), "")[0]))
    assert document["errors"][0]["where"] == "records[7]"
    assert document["detail"] == "it failed"
    assert "errors" not in json.loads(encoded(problem_of(EngineError("it failed"), "")[0]))


@pytest.mark.parametrize(
    ("place", "field", "where"),
    [("", "", ""), ("", "cor", "cor"), ("records[3]", "", "records[3]"), ("data[3]", "cor", "data[3].cor")],
)
def test_a_refused_row_names_its_place_and_field(place: str, field: str, where: str) -> None:
    refused = RowsRefused(Fault(field, "a known category", "another one", "Send a known one."), row=3).at(place)
    problem, _ = problem_of(refused, "")
    assert problem.errors == [problems.Place(where, "a known category", "another one", "Send a known one.")]
    told = f"{where}: " if where else ""
    assert problem.detail == (
        f"The model has no answer: {told}expected a known category, got another one. Send a known one."
    )


def test_retry_after_tells_when_to_try_again() -> None:
    assert problem_of(Overloaded("full"), "")[1] == [(b"retry-after", b"1")]
    assert problem_of(Unavailable("soon", retry_after_s=30), "")[1] == [(b"retry-after", b"30")]
    assert problem_of(EngineError("failed"), "")[1] == []


def test_the_schema_describes_the_shape() -> None:
    described = problems.schema()
    assert set(described) == {"Problem", "Place"}
    assert set(described["Problem"]["required"]) == set(ALWAYS)


def test_refused_actuals_are_counted() -> None:
    document = json.loads(encoded(problem_of(made(ActualsRefused), "")[0]))
    assert (document["rows"], document["accepted"], document["refused"]) == (3, 0, 1)
