"""What each kind of problem means to the person who gets it, and what to do: the texts of ``/docs/problems``."""

from __future__ import annotations

from typing import NamedTuple


class Meaning(NamedTuple):
    """Two sentences about one kind of problem."""

    when: str
    remedy: str


#: By the slug that ends a problem's ``type``.
MEANINGS: dict[str, Meaning] = {
    "malformed-body": Meaning(
        "The body cannot be read: not JSON, CSV or Arrow at all, in no form that is taken, empty, an empty "
        "list, nested too deeply.",
        "Mend the body.",
    ),
    "invalid-rows": Meaning(
        "The body was read, but rows do not fit the model: a field is missing, unknown, wrongly typed, NaN or "
        "Infinity, or given twice; or there are too many rows. Nothing was computed.",
        "Mend the fields that errors names.",
    ),
    "actuals-refused": Meaning(
        "Some of the actuals do not fit: neither an id nor a key, an answer of another type, a date in the future, the "
        "same prediction twice. None of them was taken; accepted and refused count them.",
        "Mend the rows that errors names, and send all of them again.",
    ),
    "body-too-large": Meaning("The body is longer than this server takes.", "Send it in parts."),
    "bundle-refused": Meaning(
        "What was uploaded is no bundle, is damaged, holds what no bundle may hold, or is not signed with a key that "
        "is trusted here. Nothing was registered.",
        "Read detail; a trained model becomes a bundle by garcom pack.",
    ),
    "unsupported-media-type": Meaning(
        "The Content-Type is missing, or none that is read.",
        "Set it to application/json, text/csv or application/vnd.apache.arrow.stream.",
    ),
    "key-reused": Meaning(
        "An Idempotency-Key came again with another body.", "Use a new key for each request that is no repetition."
    ),
    "misdirected-request": Meaning(
        "The Host header names none of the servers that this one is.",
        "Ask it by a name of its own; whoever runs it lists them in the setting access.allowed_hosts.",
    ),
    "bad-request": Meaning("Something else in the request is wrong.", "Read detail."),
    "unauthenticated": Meaning(
        "The server knows nobody by what was sent: no key or token, or one that is wrong, expired or revoked.",
        "Send a key as `Authorization: Bearer gk_…`, or log in.",
    ),
    "forbidden": Meaning(
        "The server knows who asks, and the roles it has do not permit this.", "Ask an administrator for the role."
    ),
    "rate-limited": Meaning(
        "The caller, or everybody together on one model, has used up what may be asked for in this time.",
        "Wait Retry-After seconds, and send it again; RateLimit-Remaining tells beforehand what is left.",
    ),
    "model-not-found": Meaning("No model has this name, or none is the default.", "See GET /v1/models."),
    "version-not-found": Meaning("The model has no such version, or none that answers.", "See GET /v1/models/{model}."),
    "not-found": Meaning("The API has no such path, user, API key or grant.", "See /docs."),
    "method-not-allowed": Meaning("The path is there, but not for this method.", "See the header Allow."),
    "conflict": Meaning(
        "The present state forbids it; for instance, a model that needs Python on a server that does not allow it.",
        "Ask whoever runs the server.",
    ),
    "key-busy": Meaning(
        "A request with the same Idempotency-Key is still being answered on another connection.",
        "Repeat it in a moment.",
    ),
    "overloaded": Meaning(
        "The model's queue, or the room for bodies, is full.", "Wait Retry-After seconds, and send it again."
    ),
    "journal-unavailable": Meaning(
        "The prediction cannot be written down, so it is not given: the server's disk is full, failing or too slow.",
        "Wait Retry-After seconds, send it again, and tell whoever runs the server.",
    ),
    "unavailable": Meaning("Not now.", "Wait Retry-After seconds, and send it again."),
    "rows-refused": Meaning(
        "The rows fit the fields, but the model has no answer for one of them, such as a category it was never "
        "trained on; errors names the row and the field where they are known.",
        "Send another value, or leave the row out.",
    ),
    "engine-error": Meaning(
        "What computes the model failed; the rows may well be right.",
        "Try again, and tell whoever runs the server.",
    ),
    "bundle-error": Meaning("The stored bundle is damaged.", "Remove the version, and register the bundle again."),
    "internal-error": Meaning("A fault of Garçom's own.", "Report it, with the log of this request_id."),
}
