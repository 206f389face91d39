"""What every HTTP server in front of the data plane does alike: read headers, tell errors, count, log."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import NamedTuple

from garcom.errors import EngineError, GarcomError, InputError
from garcom.http import problems
from garcom.ids import uuid7s
from garcom.journal.journal import Origin
from garcom.serving.codec.answers import JSON
from garcom.serving.dataplane import Served
from garcom.serving.named_rows import NameFields
from garcom.serving.runtime import Route
from garcom.serving.telemetry import Telemetry

logger = logging.getLogger("garcom.http")

#: What a request id from outside may look like; anything else is replaced, so that logs stay clean.
REQUEST_ID = re.compile(rb"[A-Za-z0-9._~-]{1,128}")
MAX_SUBJECT_BYTES = 255
#: Stands for a header that was sent empty, or twice: neither may pass for one that was not sent.
_UNFIT = b" "
#: Stands for a second header that says who asks.
TWO_CREDENTIALS = b"  "

#: Headers that say who asks.
CREDENTIAL_HEADERS = frozenset({b"authorization", b"x-api-key"})

Header = tuple[bytes, bytes]


#: Nobody but the caller keeps an answer, and no browser takes it for something else than it says it is.
PRIVATE = ((b"cache-control", b"no-store"), (b"x-content-type-options", b"nosniff"))


class Head(NamedTuple):
    """What predicting reads of a request's headers; what was not sent, or is unfit, is empty."""

    content_type: bytes = b""
    #: The caller's, if it is fit to be logged.
    request_id: bytes = b""
    #: Whom the rows are about, as it was sent.
    subject: bytes = b""
    #: The Idempotency-Key.
    key: bytes = b""
    #: The fields in which each row tells whom it is about, and what the client calls it.
    subject_field: bytes = b""
    key_field: bytes = b""
    #: Who asks, as an Authorization header says it.
    credential: bytes = b""

    @property
    def names(self) -> NameFields:
        """The fields that name rows. Raises InputError where they contradict the other headers, or are no text."""
        for field, header, name in (
            (self.subject_field, self.subject, "Subject"),
            (self.key_field, self.key, "Key"),
        ):
            if field and header:
                other = "Garcom-Subject" if name == "Subject" else "Idempotency-Key"
                raise InputError(f"Expected either Garcom-{name}-Field or {other}, got both. Send the one that counts.")
        try:
            return NameFields(self.subject_field.decode(), self.key_field.decode())
        except UnicodeDecodeError as error:
            raise InputError("Expected the name of a field in UTF-8 in a Garcom-…-Field header.") from error


def credential_of(name: bytes, value: bytes, before: bytes) -> bytes:
    """What a header proves, as an Authorization header says it; of two, none is believed."""
    if before:
        return TWO_CREDENTIALS
    value = value.strip(b" \t")
    if not value:
        return _UNFIT
    return value if name == b"authorization" else b"Bearer " + value


#: In a request's state: its route looks after the pace of its body, which may take longer than others.
PACED = "garcom_paced"


class Reply(NamedTuple):
    """A whole HTTP answer; the headers hold its length. Whoever sends it adds :data:`PRIVATE`."""

    status: int
    headers: list[Header]
    body: bytes


class Edge:
    """Turns what the data plane gives into HTTP answers."""

    def __init__(self, telemetry: Telemetry, access_log: bool, pseudonym: Callable[[str], str]) -> None:
        self._telemetry = telemetry
        self._access_log = access_log
        self._pseudonym = pseudonym

    @staticmethod
    def read_headers(headers: Iterable[Header]) -> Head:
        """The headers that matter for a prediction."""
        content_type = request_id = subject = key = subject_field = key_field = credential = b""
        for name, value in headers:
            if name == b"content-type":
                content_type = value
            elif name == b"x-request-id" and REQUEST_ID.fullmatch(value):
                request_id = value
            elif name == b"garcom-subject":
                subject = value if value and not subject else _UNFIT
            elif name == b"idempotency-key":
                key = value if value and not key else _UNFIT
            elif name == b"garcom-subject-field":
                subject_field = value
            elif name == b"garcom-key-field":
                key_field = value
            elif name in CREDENTIAL_HEADERS:
                credential = credential_of(name, value, credential)
        return Head(content_type, request_id, subject, key, subject_field, key_field, credential)

    def origin(self, route: Route, head: Head) -> Origin:
        """Where a request comes from, for the journal. Raises InputError for a subject that cannot be one."""
        return Origin(
            head.request_id.decode() if head.request_id else None,
            head.key.decode("latin-1") if head.key else None,
            self.subject(head.subject),
            route.role,
        )

    def subject(self, header: bytes) -> str | None:
        """The pseudonym of whom a Garcom-Subject header names. Raises InputError for what cannot be one."""
        return self._pseudonym(_subject(header)) if header else None

    def reply(self, route: Route, served: Served, request_id: bytes, limits: Iterable[Header] = ()) -> Reply:
        """The answer to a request that was served; ``limits`` are fields that tell what is left of them."""
        body, media_type, prediction_id, repeated = served
        headers = [
            (b"content-type", media_type),
            (b"content-length", b"%d" % len(body)),
            (b"x-request-id", request_id or prediction_id.encode()),
            *limits,
        ]
        if repeated:
            headers.append((b"idempotent-replayed", b"true"))
        if media_type != JSON:
            slot = route.slot
            headers += [(b"garcom-model", slot.model.encode()), (b"garcom-version", b"%d" % slot.version)]
        if self._access_log:
            _log_access(route, 200, headers)
        return Reply(200, headers, body)

    def refuse(self, route: Route | None, error: Exception, request_id: bytes) -> Reply:
        """The problem that tells of an error; one that should not be is logged and told without its text."""
        if not isinstance(error, GarcomError):
            error = _unexpected(error)
        request_id = request_id or uuid7s(1)[0].encode()
        problem, headers = problems.problem_of(error, request_id.decode())
        body = problems.encoded(problem)
        headers += [
            (b"content-type", problems.MEDIA_TYPE),
            (b"content-length", b"%d" % len(body)),
            (b"x-request-id", request_id),
        ]
        if route is None:
            self._telemetry.refuse(problem.status)
        else:
            self._telemetry.version(route.slot.model, route.slot.version).refuse(problem.status)
        if problem.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            logger.warning(
                "request failed",
                extra={"request_id": request_id.decode(), "status": problem.status, "problem": problem.type},
            )
        if self._access_log:
            _log_access(route, problem.status, headers)
        return Reply(problem.status, headers, body)

    def refuse_method(self, method: str, path: str, request_id: bytes) -> Reply:
        """The problem for a method that predicting does not take (RFC 9110 §15.5.6)."""
        request_id = request_id or uuid7s(1)[0].encode()
        detail = f"{method} is not for {path[:200]!r}: POST records to it. /docs tells how."
        body = problems.encoded(problems.plain_problem(405, detail, request_id.decode()))
        headers = [
            (b"allow", b"POST"),
            (b"content-type", problems.MEDIA_TYPE),
            (b"content-length", b"%d" % len(body)),
            (b"x-request-id", request_id),
        ]
        if self._access_log:
            _log_access(None, 405, headers)
        return Reply(405, headers, body)


def _subject(value: bytes) -> str:
    try:
        text = value.decode().strip()
    except UnicodeDecodeError:
        text = ""
    if not text or len(value) > MAX_SUBJECT_BYTES:
        raise InputError(
            f"Expected whom the rows are about in Garcom-Subject, as 1 to {MAX_SUBJECT_BYTES} bytes of UTF-8 text, got "
            "something else."
        )
    return text


def _unexpected(error: Exception) -> GarcomError:
    """An error that should not be: the log gets its kind and place, never its text, which may quote the row."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    place = f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}" if trace else ""
    logger.error("unexpected error", extra={"error": type(error).__name__, "at": place})
    return EngineError("The server failed in a way it should not; its log names this request id.")


def _log_access(route: Route | None, status: int, headers: list[Header]) -> None:
    logger.info(
        "request",
        extra={
            "model": None if route is None else route.slot.model,
            "version": None if route is None else route.slot.version,
            "status": status,
            "request_id": dict(headers)[b"x-request-id"].decode(),
        },
    )
