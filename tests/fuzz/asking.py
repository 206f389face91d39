"""Schemathesis at a server, in the name of one caller."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any, NamedTuple

import schemathesis
from schemathesis.config import SchemathesisConfig
from schemathesis.engine import Status, events, from_schema
from schemathesis.engine.recorder import ScenarioRecorder

from tests.fuzz.callers import Ground

ALL_PHASES = ("examples", "coverage", "fuzzing", "stateful")
#: Names that exist, so that more than the refusal of unknown ones is tried.
_MODELS = ("wine", "line")


class Effort(NamedTuple):
    """How much is tried: cases that are drawn per operation, and in which phases."""

    per_operation: int
    phases: tuple[str, ...]
    seed: int


class Found(NamedTuple):
    """What one scenario did: how many answers of each status (0: none came), and what was wrong."""

    label: str
    answers: Counter[int]
    failures: tuple[str, ...]


def ask(ground: Ground, caller: str, effort: Effort, document: dict[str, Any]) -> Iterator[Found]:
    """Try every operation of a document, and tell of each scenario when it is over."""
    config = SchemathesisConfig.from_dict(_config(ground, caller, effort))
    schema = schemathesis.openapi.from_dict(document, config=config)
    for event in from_schema(schema).execute():
        match event:
            case events.ScenarioFinished():
                yield _found(event.recorder)
            case events.NonFatalError():
                yield Found(event.label, Counter(), (str(event.info.format()),))
            case events.FatalError():
                raise event.exception


def _config(ground: Ground, caller: str, effort: Effort) -> dict[str, Any]:
    key = ground.keys[caller]
    named = {"models": {"values": list(_MODELS)}, "versions": {"values": [1, 2]}}
    return {
        "seed": effort.seed,
        "dictionaries": named,
        "headers": {"X-API-Key": key} if key else {},
        "parameters": {
            "path.model": {"dictionary": "models", "probability": 0.7},
            "path.version": {"dictionary": "versions", "probability": 0.7},
        },
        "continue-on-failure": True,
        "request-timeout": 30,
        "base-url": ground.url,
        "tls-verify": ground.trusted,
        "suppress-health-check": ["all"],
        "generation": {
            "max-examples": effort.per_operation,
            "database": "none",
            "no-shrink": True,
            # A made-up token beside the caller's key would be all that the gate sees.
            "with-security-parameters": False,
        },
        "phases": {name: {"enabled": name in effort.phases} for name in ALL_PHASES},
    }


def _found(recorder: ScenarioRecorder) -> Found:
    answers = Counter(
        0 if each.response is None else each.response.status_code for each in recorder.interactions.values()
    )
    failures = tuple(
        _told(recorder, case_id, check.name, check.failure_info.failure)
        for case_id, checks in recorder.checks.items()
        for check in checks
        if check.status is Status.FAILURE and check.failure_info is not None
    )
    return Found(recorder.label, answers, failures)


def _told(recorder: ScenarioRecorder, case_id: str, check: str, failure: Exception) -> str:
    """A failure in a few lines: the check, the request and the answer."""
    case = recorder.cases[case_id].value
    done = recorder.interactions.get(case_id)
    answer = (
        "" if done is None or done.response is None else f"{done.response.status_code} {done.response.content[:300]!r}"
    )
    sent = "" if done is None else f"{done.request.method} {done.request.uri} {(done.request.body or b'')[:300]!r}"
    return f"{check} · {case.operation.label}: {failure}\n  {sent}\n  {answer}"
