"""The short form of ``make fuzz``: the same seed, a few cases for each operation and role."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from garcom.access.roles import Role
from tests.fuzz import allowances, bodies
from tests.fuzz.asking import Effort, ask
from tests.fuzz.callers import ADMIN, NOBODY, Ground, ground

#: Whoever may do everything gets furthest, and meets the borders of every schema: here of every other path, which takes
#: half a minute less.
EFFORT = Effort(per_operation=1, phases=("fuzzing",), seed=4)
FURTHEST = EFFORT._replace(phases=("coverage",))
LEAST_CASES = 1_000


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    with ground(tmp_path_factory.mktemp("fuzz")) as found:
        bodies.register(found.bundles["line"])
        allowances.install(found)
        yield found


def test_no_role_finds_a_server_error_or_an_answer_that_the_document_does_not_have(server: Ground) -> None:
    answers = {caller: Counter[int]() for caller in server.keys}
    failures: list[str] = []
    document = server.document()
    every_other = document | {"paths": dict(list(document["paths"].items())[::2])}
    for caller in server.keys:
        asked = (FURTHEST, every_other) if caller == ADMIN else (EFFORT, document)
        for found in ask(server, caller, *asked):
            answers[caller].update(found.answers)
            failures += found.failures
    assert not failures, "\n\n".join(failures)
    statuses = sum(answers.values(), Counter[int]())
    assert not [status for status in statuses if status == 0 or status >= 500], statuses
    assert statuses.total() >= LEAST_CASES
    assert answers.keys() > set(Role)
    # That the callers were who they should be: else everything is refused, and nothing is found.
    assert answers[NOBODY][200] < answers[str(Role.VIEWER)][200] < answers[ADMIN][200], answers
    assert answers[NOBODY][403] == 0 < answers[str(Role.CLIENT)][403]


@pytest.mark.parametrize(
    ("path", "status", "schema", "check"),
    [
        (
            "/healthz",
            "200",
            {"type": "object", "properties": {"status": {"const": "well"}}},
            "response_schema_conformance",
        ),
        ("/healthz", "204", {"type": "object"}, "status_code_conformance"),
        ("/v1/me", "200", {"type": "object", "required": ["password"]}, "response_schema_conformance"),
    ],
)
def test_what_the_document_does_not_have_is_found(
    server: Ground, path: str, status: str, schema: dict[str, Any], check: str
) -> None:
    told = {status: {"description": "Not so.", "content": {"application/json": {"schema": schema}}}}
    document = server.document() | {"paths": {path: {"get": {"responses": told}}}}
    found = [failure for each in ask(server, ADMIN, EFFORT, document) for failure in each.failures]
    assert any(failure.startswith(f"{check} · GET {path}") for failure in found), found
