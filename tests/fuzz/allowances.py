"""What schemathesis may not hold against the server, each with its reason, and what it may not take away."""

from __future__ import annotations

from typing import Any

import schemathesis
from schemathesis import Case, HookContext, Response
from schemathesis.core.failures import AcceptedNegativeData, Failure
from schemathesis.openapi.checks import RejectedPositiveData, UnsupportedMethodResponse

from tests.fuzz.bodies import OPAQUE
from tests.fuzz.callers import Ground

#: A key's prefix, as any may be, that no key has.
_NO_PREFIX = "gk_AAAAAAAA"

#: What schemathesis says of a body that it has from a strategy of ours.
_NOT_BROKEN = ("positive test case", "custom media type")


def install(ground: Ground) -> None:
    """Have schemathesis follow this at a server."""
    prefixes = {key[: len(_NO_PREFIX)] for key in ground.keys.values() if key}
    schemathesis.hooks.unregister_all()

    @schemathesis.hook
    def before_call(context: HookContext, case: Case[Any], kwargs: dict[str, Any]) -> None:
        # An administrator may revoke its own key, and the list of keys tells which: the run would go on as nobody.
        if case.path_parameters.get("prefix") in prefixes:
            case.path_parameters["prefix"] = _NO_PREFIX
        # A version with other fields than the one before it: the document that was read would be out of date.
        if case.body in ground.bundles.values():
            case.body = ground.bundles.get(case.path_parameters.get("model", ""), case.body)

    @schemathesis.hook
    def filter_failure(context: HookContext, failure: Failure, case: Case[Any], response: Response) -> bool:
        return not is_allowed(failure, case, response)


def is_allowed(failure: Failure, case: Case[Any], response: Response) -> bool:
    """Whether the server was right, and schemathesis cannot know it."""
    if isinstance(failure, AcceptedNegativeData):
        # It breaks no body that it does not know, and takes it for broken all the same.
        return case.media_type in OPAQUE and any(said in failure.message for said in _NOT_BROKEN)
    if isinstance(failure, UnsupportedMethodResponse):
        # Who may not know of a model is told so whatever is asked: 405 would say that it exists. And what the policy
        # does not name is for nobody whom the server does not know, public as the path's other methods may be.
        return _problem(response) in ("model-not-found", "unauthenticated")
    return isinstance(failure, RejectedPositiveData) and _is_right(case, response)


def _is_right(case: Case[Any], response: Response) -> bool:
    """Whether a refusal of what fits the schema is right, because no schema can say what makes it wrong."""
    told, problem = _told(response), _problem(response)
    return (
        # The rows of CSV and Arrow, the files of a zip: a schema only says that they are bytes.
        (case.media_type in OPAQUE and response.status_code in (400, 422))
        # A row that fits the fields, for which the model itself has no answer (wine: a missing doçura).
        or (problem == "rows-refused" and response.status_code == 422)
        # Columns and rows: how long a row must be, and of which types, depends on the columns beside it.
        or (isinstance(case.body, dict) and "columns" in case.body and problem in ("malformed-body", "invalid-rows"))
        # One path for all models, and each has labels or numbers of its own; and no moment may be in the future.
        or (problem == "actuals-refused" and response.status_code == 422)
        # Predictions made elsewhere: the same path for all models, each of which has fields and labels of its own.
        or (case.path.endswith("/log") and problem == "invalid-rows")
        # A rule is a text with a grammar of its own; how long a silence lasts is a duration or a moment.
        or (
            case.path in ("/v1/alerts/rules", "/v1/alerts/rules/{rule}")
            and any(said in told.get("detail", "") for said in ("rule cannot be read", "one line of printable"))
        )
        or (case.path == "/v1/alerts/silences" and "until when" in told.get("detail", ""))
        # A silence, or a rule that is switched off, ends at a moment that is to come.
        or (problem == "bad-request" and "a moment to come" in told.get("detail", ""))
        # A segment names a field of the model; a window begins before it ends.
        or (problem == "bad-request" and "segment" in case.query and "segment" in told["detail"])
        or (problem == "bad-request" and {"from", "to"} & set(case.query) and "begins before" in told["detail"])
        # How long the parts of a window may be depends on the window.
        or (problem == "bad-request" and "every" in case.query and "of them in the window" in told["detail"])
        # A cursor is a text that an earlier page gave.
        or (problem == "bad-request" and "cursor" in case.query and "cursor" in told["detail"])
        # A wrong password and a wrong refresh token are 400, not 401 (RFC 6749 §5.2).
        or (told.get("error") == "invalid_grant" and response.status_code == 400)
    )


def _told(response: Response) -> dict[str, Any]:
    return dict(response.json()) if response.content[:1] == b"{" else {}


def _problem(response: Response) -> str:
    """The kind of problem that an answer tells; empty for another answer."""
    return str(_told(response).get("type", "")).rpartition("#")[2]
