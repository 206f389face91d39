"""What workers ask of the controller, and how questions and answers go over the wire.

A message is a head of JSON and a body of bytes, each with its length before it. One connection carries one question.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import msgspec

from garcom import errors
from garcom.access.account_requests import NewApiKey
from garcom.access.roles import Grant
from garcom.errors import ActualsRefused, Fault, GarcomError, InputError, Unavailable
from garcom.model.signature import Output

#: Where in the home workers put uploads, each in a folder of its own, and the name of the zip in it.
UPLOADS_FOLDER = "uploads"
UPLOADED_ARCHIVE = "upload.zip"

#: Lengths on the wire: the head's and the body's, 8 bytes each, big-endian.
LENGTHS_BYTES = 16


class Question(msgspec.Struct, frozen=True, kw_only=True, tag_field="ask", tag=True):
    """The root of what can be asked."""


class Change(Question, frozen=True, kw_only=True):
    """The root of what changes something, or is to be seen by auditors.

    ``by`` is the principal (``user:ana``), ``address`` where its request came from.
    """

    by: str
    address: str


class PasswordCheck(Change, frozen=True, kw_only=True):
    """The root of what hashes a password: it takes a while and much memory, so few are answered at the same time."""


class FindPrediction(Question, frozen=True, kw_only=True):
    """One prediction with its actual, as JSON. Raises PredictionNotFound.

    One of a model that is not among ``models`` (None: all) is as good as none.
    """

    id: str
    models: frozenset[str] | None = None


class Selection(Question, frozen=True, kw_only=True):
    """Which predictions of a model; None does not matter. ``subject`` is a pseudonym.

    ``by`` and ``address`` are who asks, as in a :class:`Change`: the trail tells who reads what is about a person.
    """

    by: str
    address: str
    model: str
    since: datetime | None = None
    until: datetime | None = None
    version: int | None = None
    has_actual: bool | None = None
    subject: str | None = None


class ListPredictions(Selection, frozen=True, kw_only=True):
    """A page of predictions as JSON, the newest first."""

    limit: int
    cursor: str | None = None


class TakePredictions(Selection, frozen=True, kw_only=True):
    """All of them as one flat Arrow stream, the oldest first; with ``limit`` the newest so many."""

    limit: int | None = None


class ListAudit(Question, frozen=True, kw_only=True):
    """A page of the audit trail as JSON, the newest first; None does not matter."""

    actor: str | None = None
    action: str | None = None
    target: str | None = None
    since: datetime | None = None
    limit: int
    cursor: str | None = None


class AddActuals(Question, frozen=True, kw_only=True):
    """What really happened to the predictions of a model that answers ``output``; the rows are the body."""

    model: str
    output: Output
    content_type: str


class ShowMaturity(Question, frozen=True, kw_only=True):
    """The share of predictions that have their actual, by age."""

    model: str
    since: datetime | None = None
    until: datetime | None = None


class MonitorQuestion(Question, frozen=True, kw_only=True):
    """The root of what asks for a report over a window; None does not matter, ``segment`` is ``field=value``."""

    model: str
    since: datetime | None = None
    until: datetime | None = None
    version: int | None = None
    stage: str | None = None
    segment: str | None = None


class ShowDrift(MonitorQuestion, frozen=True, kw_only=True):
    """A ``DriftReport`` as JSON, against the reference of this kind; with ``parts`` over time too."""

    reference: str | None = None
    parts: bool = False


class ShowQuality(MonitorQuestion, frozen=True, kw_only=True):
    """A ``QualityReport`` as JSON; with ``parts`` over time too."""

    parts: bool = False


class ShowPerformance(MonitorQuestion, frozen=True, kw_only=True):
    """A ``PerformanceReport`` as JSON, in parts of this length."""

    every: timedelta | None = None


class FindAnswer(Question, frozen=True, kw_only=True):
    """What was written of a request with a key, if anything: its answer may have reached nobody.

    ``version`` is the one that its path named. The answer is a JSON list of ``LoggedPrediction``, in the order of rows.
    ``elsewhere`` asks for rows that something else predicted, and no others.
    """

    model: str
    version: int | None
    key: str
    since: datetime
    elsewhere: bool = False


class ListKeys(Question, frozen=True, kw_only=True):
    """Every request with a key, as a JSON list of ``Keyed``."""

    since: datetime


class AskToken(Change, frozen=True, kw_only=True):
    """A token for an API key or a refresh token: the body is a ``TokenRequest``, its answer as OAuth has it.

    The answer is a ``TokenGiven`` or a ``TokenRefused``, as JSON.
    """


class AskTokenByPassword(PasswordCheck, frozen=True, kw_only=True):
    """The same for a name and a password. Raises RateLimited after failures."""


class RevokeToken(Change, frozen=True, kw_only=True):
    """End the token that is the body; one that is not valid changes nothing."""


class LogIn(PasswordCheck, frozen=True, kw_only=True):
    """A session for a browser: the body is a ``PasswordLogin``, the answer a ``Session`` as JSON.

    Raises Unauthenticated, and RateLimited after failures.
    """


class LogOut(Change, frozen=True, kw_only=True):
    """End the session whose token is the body; one that is not valid changes nothing."""


class DepartToProvider(Question, frozen=True, kw_only=True):
    """A login at the OpenID provider begins: the answer is a ``Departure`` as JSON."""

    redirect_uri: str
    next: str


class ArriveFromProvider(Change, frozen=True, kw_only=True):
    """A login at the provider ends: the body is an ``Arrival``, the answer a ``Session`` as JSON."""

    redirect_uri: str


class FetchProviderKeys(Question, frozen=True, kw_only=True):
    """Put the provider's public keys into the run folder; done at most once a minute."""


class ShowAccessRevision(Question, frozen=True, kw_only=True):
    """The number of the last change to who may do what, as JSON."""


class ListUsers(Question, frozen=True, kw_only=True):
    """A page of users, by name, as JSON: those after a name."""

    after: str
    limit: int


class FindUser(Question, frozen=True, kw_only=True):
    """One user as JSON. Raises NotFound."""

    name: str


class AddUser(Change, frozen=True, kw_only=True):
    """Make a user; the body is a ``NewUser`` as JSON: it may hold a password."""


class ChangeUser(Change, frozen=True, kw_only=True):
    """Change a user; the body is a ``UserChange`` as JSON: it may hold a password."""

    name: str


class RemoveUser(Change, frozen=True, kw_only=True):
    """Remove a user."""

    name: str


class GrantRole(Change, frozen=True, kw_only=True):
    """Grant a role to a user."""

    name: str
    grant: Grant


class RevokeRole(Change, frozen=True, kw_only=True):
    """Take a role away from a user."""

    name: str
    grant: Grant


class ListApiKeys(Question, frozen=True, kw_only=True):
    """A page of API keys, the oldest first, as JSON: those after the one of a prefix."""

    after: str
    limit: int


class AddApiKey(Change, frozen=True, kw_only=True):
    """Make an API key; the answer is a ``MadeKey``."""

    new: NewApiKey


class RevokeApiKey(Change, frozen=True, kw_only=True):
    """Revoke the API key of a prefix."""

    prefix: str


AccountQuestion = (
    ListUsers
    | FindUser
    | AddUser
    | ChangeUser
    | RemoveUser
    | GrantRole
    | RevokeRole
    | ListApiKeys
    | AddApiKey
    | RevokeApiKey
)


class RegisterUpload(Change, frozen=True, kw_only=True):
    """Register the bundle that a worker has received, as a version that does not answer yet.

    ``upload`` names its folder; the answer is an ``Uploaded`` as JSON. Raises BundleRefused and Unavailable.
    """

    model: str
    upload: str


class UseVersion(Change, frozen=True, kw_only=True):
    """Let a version answer for its model; the answer is a ``Switch`` as JSON.

    Raises ModelNotFound, VersionNotFound, and Conflict for one that is not signed as it has to be.
    """

    model: str
    version: int


MonitoringQuestion = ShowDrift | ShowQuality | ShowPerformance


class ListAlerts(Question, frozen=True, kw_only=True):
    """A page of alerts as JSON, the newest first; None does not matter.

    ``models`` are those that the caller may ask for, here and in what follows; None for all.
    """

    models: frozenset[str] | None
    states: tuple[str, ...]
    since: datetime | None = None
    limit: int
    cursor: str | None = None


class ListAlertRules(Question, frozen=True, kw_only=True):
    """Every alert rule, and what each read last, as JSON."""

    models: frozenset[str] | None


class ListSilences(Question, frozen=True, kw_only=True):
    """The silences that are not over, as JSON."""

    models: frozenset[str] | None


class AddAlertRule(Change, frozen=True, kw_only=True):
    """Keep an alert rule; the answer is a ``RuleShown``. Raises InputError, Conflict and Forbidden."""

    models: frozenset[str] | None
    rule: str
    name: str | None = None


class PutAlertRule(Change, frozen=True, kw_only=True):
    """Keep an alert rule in place of the added one of that name; the answer is a ``RuleShown``.

    Raises InputError, Conflict and Forbidden.
    """

    models: frozenset[str] | None
    name: str
    rule: str


class RemoveAlertRule(Change, frozen=True, kw_only=True):
    """Remove an alert rule that was added. Raises NotFound, Conflict and Forbidden."""

    models: frozenset[str] | None
    name: str


class SwitchAlertRule(Change, frozen=True, kw_only=True):
    """Switch an alert rule off for a model (``*``: all), or on again. Raises NotFound, InputError and Forbidden."""

    models: frozenset[str] | None
    name: str
    model: str
    enabled: bool


class AcknowledgeAlert(Change, frozen=True, kw_only=True):
    """Take an alert on; the answer is an ``AlertState``. Raises NotFound, and Conflict for one that is over."""

    models: frozenset[str] | None
    id: str


class AddSilence(Change, frozen=True, kw_only=True):
    """Tell nobody of a rule and a model (None: all) until then; the answer is a ``Silence``.

    Raises InputError and Forbidden.
    """

    models: frozenset[str] | None
    until: str
    rule: str | None = None
    model: str | None = None
    reason: str = ""


class RemoveSilence(Change, frozen=True, kw_only=True):
    """End a silence before its time. Raises NotFound and Forbidden."""

    models: frozenset[str] | None
    id: str


class ListUndelivered(Question, frozen=True, kw_only=True):
    """The messages that have not arrived, as JSON, the newest first."""

    models: frozenset[str] | None
    states: tuple[str, ...]
    limit: int


class RetryMessage(Change, frozen=True, kw_only=True):
    """Try a message again that has not arrived; the answer is an ``UndeliveredShown``. Raises NotFound, InputError."""

    models: frozenset[str] | None
    id: str


AlertQuestion = (
    ListAlerts
    | ListAlertRules
    | ListSilences
    | ListUndelivered
    | AddAlertRule
    | PutAlertRule
    | RemoveAlertRule
    | SwitchAlertRule
    | AcknowledgeAlert
    | AddSilence
    | RemoveSilence
    | RetryMessage
)


AnyQuestion = (
    FindPrediction
    | ListPredictions
    | TakePredictions
    | AddActuals
    | ShowMaturity
    | FindAnswer
    | ListKeys
    | AskToken
    | AskTokenByPassword
    | RevokeToken
    | LogIn
    | LogOut
    | DepartToProvider
    | ArriveFromProvider
    | FetchProviderKeys
    | ShowAccessRevision
    | ListAudit
    | AccountQuestion
    | AlertQuestion
    | RegisterUpload
    | UseVersion
    | MonitoringQuestion
)


class Reply(msgspec.Struct, frozen=True, kw_only=True, tag="reply"):
    """The head of an answer; the body is what was asked for, in this media type."""

    media_type: str = "application/json"


class Refusal(msgspec.Struct, frozen=True, kw_only=True, tag="refusal"):
    """The head of an answer that is an error of Garçom's own tree."""

    kind: str
    message: str
    faults: tuple[Fault, ...] = ()
    retry_after_s: int = 1
    rows: int = 0
    refused: int = 0

    @classmethod
    def of(cls, error: GarcomError) -> Refusal:
        """What is told of an error."""
        refusal = cls(kind=type(error).__name__, message=str(error))
        changes: dict[str, Any] = {}
        if isinstance(error, InputError):
            changes["faults"] = error.faults
        if isinstance(error, Unavailable):
            changes["retry_after_s"] = error.retry_after_s
        if isinstance(error, ActualsRefused):
            changes |= {"rows": error.rows, "refused": error.refused}
        return msgspec.structs.replace(refusal, **changes)

    def error(self) -> GarcomError:
        """The error again."""
        kind: type[GarcomError] = getattr(errors, self.kind, GarcomError)
        if issubclass(kind, ActualsRefused):
            return kind(self.message, self.faults, rows=self.rows, refused=self.refused)
        if issubclass(kind, InputError):
            return kind(self.message, self.faults)
        if issubclass(kind, Unavailable):
            return kind(self.message, self.retry_after_s)
        return kind(self.message)


encode = msgspec.json.Encoder().encode
decode_head = msgspec.json.Decoder(Reply | Refusal).decode
decode_question = msgspec.json.Decoder(AnyQuestion).decode


def lengths(head: bytes, body: bytes) -> bytes:
    """What stands before a message."""
    return len(head).to_bytes(8, "big") + len(body).to_bytes(8, "big")


def lengths_of(message: bytes) -> tuple[int, int]:
    """The lengths of the head and the body that follow."""
    return int.from_bytes(message[:8], "big"), int.from_bytes(message[8:LENGTHS_BYTES], "big")
