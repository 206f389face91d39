"""Every exception of Garçom.

GarcomError
├── InputError                 what a caller sent is wrong
│   ├── MalformedBody          not JSON, CSV or Arrow at all; in no form that is taken; too deep; empty
│   ├── InvalidRows            readable, but rows do not fit the model's signature; a field given twice
│   │   └── ActualsRefused     readable, but some actuals are none of this model; nothing was taken
│   ├── BodyTooLarge
│   ├── BundleRefused          an uploaded file is no bundle, is damaged, or is not signed as it has to be
│   ├── KeyReused              an idempotency key came again with another body
│   ├── MisdirectedRequest     the Host header names another server
│   └── UnsupportedMediaType
├── AccessDenied
│   ├── Unauthenticated        nobody knows who asks: no credential, or none that is valid
│   └── Forbidden              it is known who asks, and that is not permitted
├── NotFound
│   ├── ModelNotFound
│   ├── VersionNotFound
│   ├── DatasetNotFound
│   └── PredictionNotFound
├── Conflict                   the request is right, the present state forbids it
│   ├── KeyBusy                a request with the same idempotency key is still being answered
│   └── ServedElsewhere        a version without an engine was asked to predict
├── Unavailable                try again later
│   ├── Overloaded             a bounded queue is full
│   ├── RateLimited            a caller has used up what it may ask for; others are served
│   ├── JournalUnavailable     a prediction cannot be written down, so it is not given
│   └── LakeUnavailable        the lake cannot be reached, or others always commit first
├── EngineError                a predictor failed on rows that fit its signature
│   └── RowsRefused            the model itself has no answer for them
├── JournalError               a file is no segment of a journal that this version reads
├── PackError                  a trained model cannot become a bundle
│   ├── UnreadableModel        the file is not a model that Garçom reads
│   │   └── LibraryMismatch    written by another version of its library
│   ├── UnsupportedModel       readable, but no engine can carry it
│   ├── DataError              the example data do not fit the model
│   └── SignatureError         a signature, inferred or written by hand, is inconsistent
├── BundleError                a bundle is damaged, incomplete or of an unknown format
├── DatasetError               a dataset is not what was written: changed by others, damaged, gone
├── DeliveryFailed             a receiver of alerts did not take a message
├── PredictionFailed           (client) the server answered with a problem
│   ├── Rejected               (client) 4xx: the request has to change
│   └── ServerUnavailable      (client) 503 after all retries, or no connection
└── SettingsError              a setting is unknown or has a wrong value

A message says what was expected, what came, and what to do next. HTTP statuses are not here but in
``http/problems.py``.
"""

from __future__ import annotations

from typing import Any, NamedTuple


class GarcomError(Exception):
    """The root: catching it catches whatever Garçom raises on purpose."""


class Fault(NamedTuple):
    """One thing that is wrong with a body, and where.

    ``where`` is a path such as ``records[3].pH``, or ``""`` for the whole body.
    """

    where: str
    expected: str
    got: str
    suggestion: str = ""

    def sentence(self) -> str:
        """One line for people."""
        place = f"{self.where}: " if self.where else ""
        hint = f" {self.suggestion}" if self.suggestion else ""
        return f"{place}expected {self.expected}, got {self.got}.{hint}"


class InputError(GarcomError):
    """What a caller sent is wrong; ``faults`` lists where (at most the first hundred)."""

    def __init__(self, message: str, faults: tuple[Fault, ...] = ()) -> None:
        super().__init__(message)
        self.faults = faults


class MalformedBody(InputError):
    """The body cannot be read at all."""


class InvalidRows(InputError):
    """The body was read, but some of its rows do not fit the signature."""


class ActualsRefused(InvalidRows):
    """Some rows of actuals are wrong, so that none was taken: ``refused`` of ``rows``, and ``accepted`` is 0."""

    accepted = 0

    def __init__(self, message: str, faults: tuple[Fault, ...], *, rows: int, refused: int) -> None:
        super().__init__(message, faults)
        self.rows = rows
        self.refused = refused


class BodyTooLarge(InputError):
    """The body is longer than the server takes."""


class BundleRefused(InputError):
    """What was uploaded is no bundle, is damaged, or is not signed as it has to be."""


class KeyReused(InputError):
    """An idempotency key came again, with another body."""


class MisdirectedRequest(InputError):
    """The Host header names a server that this one is not."""


class UnsupportedMediaType(InputError):
    """The body's Content-Type is none that the server reads."""


class AccessDenied(GarcomError):
    """The caller may not do this."""


class Unauthenticated(AccessDenied):
    """Nobody knows who asks; the message never repeats the credential."""


class Forbidden(AccessDenied):
    """It is known who asks, and that is not permitted to it."""


class NotFound(GarcomError):
    """A named thing does not exist."""


class ModelNotFound(NotFound):
    """No model has this name."""


class VersionNotFound(NotFound):
    """The model has no such version."""


class DatasetNotFound(NotFound):
    """No dataset, or no version of it, has this name."""


class PredictionNotFound(NotFound):
    """No prediction has this id, or it has been erased."""


class Conflict(GarcomError):
    """The present state forbids the change."""


class KeyBusy(Conflict):
    """A request with the same idempotency key is still being answered."""


class ServedElsewhere(Conflict):
    """A version has no engine: its predictions are made elsewhere, and logged here."""


class Unavailable(GarcomError):
    """Not now; ``retry_after_s`` says when to try again."""

    def __init__(self, message: str, retry_after_s: int = 1) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class Overloaded(Unavailable):
    """A bounded queue is full."""


class RateLimited(Unavailable):
    """A caller has used up what it may ask for; others are served.

    ``amount`` is the limit that is used up, in a span of ``span_s`` seconds; both are 0 for one of another kind.
    """

    def __init__(self, message: str, retry_after_s: int = 1, amount: int = 0, span_s: int = 0) -> None:
        super().__init__(message, retry_after_s)
        self.amount = amount
        self.span_s = span_s


class JournalUnavailable(Unavailable):
    """A prediction cannot be written down, so it is not given."""


class LakeUnavailable(Unavailable):
    """The lake cannot be reached, or others always commit first."""


class JournalError(GarcomError):
    """A file is no segment of a journal that this version reads."""


class EngineError(GarcomError):
    """A predictor failed on rows that fit its signature.

    ``row`` is the position of the first such row, where known; ``faults`` says where it is in the body.
    """

    def __init__(self, message: str, row: int | None = None, faults: tuple[Fault, ...] = ()) -> None:
        super().__init__(message)
        self.row = row
        self.faults = faults

    def at(self, place: str) -> EngineError:
        """The same error, told of the row at this place of a body."""
        fault = Fault(place, "a row that the model can answer", "one on which it failed")
        return EngineError(str(self), self.row, (fault,))


class RowsRefused(EngineError):
    """The model itself has no answer for a row: an unknown category, a missing value.

    ``fault.where`` is the field that is to blame, or ``""`` where that is not known.
    """

    def __init__(self, fault: Fault, row: int | None = None) -> None:
        super().__init__(f"The model has no answer: {fault.sentence()}", row, (fault,))

    def at(self, place: str) -> RowsRefused:
        """The same error, told of the row at this place of a body."""
        (fault,) = self.faults
        where = ".".join(part for part in (place, fault.where) if part)
        return RowsRefused(fault._replace(where=where), self.row)


class PackError(GarcomError):
    """A trained model cannot become a bundle."""


class UnreadableModel(PackError):
    """The file is not a model that Garçom reads."""


class LibraryMismatch(UnreadableModel):
    """The file was written by another version of its library."""


class UnsupportedModel(PackError):
    """The model can be read, but no engine can carry it."""


class DataError(PackError):
    """The example data do not fit the model."""


class SignatureError(PackError):
    """A signature is inconsistent."""


class BundleError(GarcomError):
    """A bundle is damaged, incomplete or of an unknown format."""


class DatasetError(GarcomError):
    """A dataset is not what was written: changed by others, damaged or gone."""


class DeliveryFailed(GarcomError):
    """A receiver of alerts did not take a message; the text repeats nothing of its address.

    ``is_final`` says that it will never take this one, so that another attempt is of no use.
    """

    def __init__(self, message: str, *, is_final: bool = False) -> None:
        super().__init__(message)
        self.is_final = is_final


class PredictionFailed(GarcomError):
    """The server answered with a problem; ``status`` and ``problem`` hold it."""

    def __init__(self, message: str, status: int = 0, problem: dict[str, Any] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.problem = problem or {}

    @property
    def faults(self) -> tuple[Fault, ...]:
        """What is wrong with the request and where, as the problem lists it; empty where it lists nothing."""
        places = self.problem.get("errors")
        return tuple(
            Fault(*(str(place.get(part, "")) for part in Fault._fields))
            for place in (places if isinstance(places, list) else ())
            if isinstance(place, dict)
        )


class Rejected(PredictionFailed):
    """A 4xx answer: the request has to change."""


class ServerUnavailable(PredictionFailed):
    """A 503 after all retries, or no connection."""


class SettingsError(GarcomError):
    """A setting is unknown or has a wrong value."""
