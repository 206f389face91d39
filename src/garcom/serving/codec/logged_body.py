"""Bodies of predictions that were made elsewhere: a JSON list of rows, or ``{"predictions": […]}``.

A row has the ``input`` that the model got and its ``prediction``; and, where they are known, ``probabilities`` (an
object of all labels), ``score`` (of an outlier), ``key``, ``subject``, ``time``, ``version`` and ``latency_ms``.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from garcom.errors import Fault
from garcom.model.signature import Field, FieldType, Signature
from garcom.serving.codec import strict_json
from garcom.serving.codec.actual_rows import answer_type
from garcom.serving.codec.documents import Pairs
from garcom.serving.codec.faults import MAX_FAULTS, malformed, raise_any, shown
from garcom.serving.codec.json_body import JsonBodies
from garcom.serving.codec.json_forms import is_list
from garcom.serving.codec.media import JSON, reader_for
from garcom.serving.codec.values import Misfit, described, expected, read_value
from garcom.serving.named_rows import MAX_NAME
from garcom.serving.rows import Row, microseconds
from garcom.suggestions import near

#: Rows of one call.
MAX_ROWS = 10_000
#: Clocks differ; what is said to have been predicted later than this has not been yet.
MAX_AHEAD = timedelta(minutes=1)
#: The lake has no place for what was predicted before.
FIRST = datetime(2000, 1, 1, tzinfo=UTC)
#: Probabilities that were rounded add up to this much more or less than 1.
SUM_TOLERANCE = 0.01

PARTS = ("input", "prediction", "probabilities", "score", "key", "subject", "time", "version", "latency_ms")
_FORMS = '[{"input": {…}, "prediction": …}] or {"predictions": […]}'

_NUMBER = Field(name="", type=FieldType.FLOAT)
_NAME = Field(name="", type=FieldType.STRING, nullable=True)
_MOMENT = Field(name="", type=FieldType.DATETIME, nullable=True)
_WHOLE = Field(name="", type=FieldType.INTEGER, nullable=True)
_DURATION = Field(name="", type=FieldType.FLOAT, nullable=True)


class MadeElsewhere(NamedTuple):
    """One prediction that something else made; ``time_us`` and ``latency_us`` are microseconds.

    ``row`` has the input values in the order of the fields of its ``version``, ``probabilities`` are in that of the
    classes; ``subject`` is the name that came, no pseudonym.
    """

    version: int
    row: Row
    prediction: Any
    probabilities: list[float] | None
    score: float | None
    key: str | None
    subject: str | None
    time_us: int
    latency_us: int | None


#: The signature of a version, which may be None for the one that answers; raises VersionNotFound.
Versions = Callable[[int | None], tuple[int, Signature]]


def read_logged(body: bytes, content_type: bytes, versions: Versions, now: datetime) -> list[MadeElsewhere]:
    """The rows of a body, each checked by the signature of its version, as rows to be predicted are.

    Raises UnsupportedMediaType, MalformedBody, InvalidRows (where, for up to a hundred faults), and what ``versions``
    raises.
    """
    document = reader_for(content_type, {JSON: strict_json.read})(body)
    if isinstance(document, Pairs) and [name for name, _ in document] == ["predictions"]:
        document = document[0][1]
    if not is_list(document):
        raise malformed("", _FORMS, described(document))
    if not document:
        raise malformed("", "at least one row", "an empty list")
    if len(document) > MAX_ROWS:
        fault = Fault(
            "predictions", f"at most {MAX_ROWS:,} rows", f"{len(document):,}", "Send them in several requests."
        )
        raise_any([fault])
    reader = _Reader(versions, now)
    found = []
    for place, row in enumerate(document):
        found.append(reader.read(row, f"predictions[{place}]"))
        if len(reader.faults) >= MAX_FAULTS:
            break
    raise_any(reader.faults)
    return [row for row in found if row is not None]


class _Reader:
    """Reads rows one by one, and gathers what is wrong with them."""

    def __init__(self, versions: Versions, now: datetime) -> None:
        self.faults: list[Fault] = []
        self._versions = versions
        self._now_us = microseconds(now)
        self._latest_us = microseconds(now + MAX_AHEAD)
        self._first_us = microseconds(FIRST)
        self._known: dict[int | None, _Version] = {}

    def read(self, row: Any, place: str) -> MadeElsewhere | None:
        n_before = len(self.faults)
        parts = self._parts(row, place)
        if parts is None:
            return None
        version = self._version(parts, place)
        if version is None:
            return None
        found = MadeElsewhere(
            version.number,
            version.read_input(parts.get("input"), f"{place}.input", self.faults),
            version.read_answer(parts.get("prediction"), f"{place}.prediction", self.faults),
            version.read_probabilities(parts.get("probabilities"), f"{place}.probabilities", self.faults),
            self._score(version, parts.get("score"), f"{place}.score"),
            self._name(parts.get("key"), f"{place}.key"),
            self._name(parts.get("subject"), f"{place}.subject"),
            self._time(parts.get("time"), f"{place}.time"),
            self._latency(parts.get("latency_ms"), f"{place}.latency_ms"),
        )
        return found if len(self.faults) == n_before else None

    def _parts(self, row: Any, place: str) -> dict[str, Any] | None:
        if not isinstance(row, Pairs):
            self._fault(place, "an object with input and prediction", described(row))
            return None
        parts = dict(row)
        if len(parts) < len(row):
            self._fault(f"{place}.{shown(row.duplicates()[0])}", "each name once", "the same name more than once")
        for name in parts:
            if name not in PARTS:
                hint = near(name, PARTS).lstrip()
                self._fault(f"{place}.{shown(name)}", f"only {', '.join(PARTS)}", "another name", hint)
        for name in ("input", "prediction"):
            if name not in parts:
                self._fault(f"{place}.{name}", _EXPECTED_PART[name], "nothing: it is missing")
        return parts if {"input", "prediction"} <= parts.keys() else None

    def _version(self, parts: dict[str, Any], place: str) -> _Version | None:
        n_before = len(self.faults)
        number = self._value(_WHOLE, parts.get("version"), f"{place}.version")
        if len(self.faults) > n_before:
            return None
        if number not in self._known:
            self._known[number] = _Version(*self._versions(number))
        return self._known[number]

    def _score(self, version: _Version, value: Any, where: str) -> float | None:
        if value is None:
            return None
        if version.task != "outlier":
            self._fault(where, "no score: only models that tell outliers have one", described(value))
            return None
        score: float | None = self._value(_NUMBER, value, where)
        return score

    def _name(self, value: Any, where: str) -> str | None:
        if isinstance(value, int | float) and not isinstance(value, bool):
            value = str(value)  # tables have numbers for what customers and rows are called
        name: str | None = self._value(_NAME, value, where)
        name = (name.strip() or None) if name else None
        if name is not None and len(name) > MAX_NAME:
            self._fault(where, f"text of at most {MAX_NAME} characters", "a longer one")
        return name

    def _time(self, value: Any, where: str) -> int:
        moment = self._value(_MOMENT, value, where)
        if moment is None:
            return self._now_us
        time_us = microseconds(moment)
        if time_us > self._latest_us:
            self._fault(where, "a moment that is not in the future", "one that is")
        elif time_us < self._first_us:
            self._fault(where, f"a moment from {FIRST.year} on", "an earlier one")
        return time_us

    def _latency(self, value: Any, where: str) -> int | None:
        milliseconds = self._value(_DURATION, value, where)
        if milliseconds is None:
            return None
        if not 0 <= milliseconds <= 1e9:
            self._fault(where, "milliseconds, 0 or more", "others")
            return None
        return round(float(milliseconds) * 1000)

    def _value(self, field: Field, value: Any, where: str) -> Any:
        try:
            return read_value(field, value)
        except Misfit as misfit:
            self._fault(where, expected(field), str(misfit))
            return None

    def _fault(self, where: str, wanted: str, got: str, suggestion: str = "") -> None:
        self.faults.append(Fault(where, wanted, got, suggestion))


_EXPECTED_PART = {"input": "the fields that the model got", "prediction": "what the model answered"}


class _Version:
    """Reads what one version took and answered."""

    def __init__(self, number: int, signature: Signature) -> None:
        output = signature.output
        self.number = number
        self.task = output.task
        self._answer = Field(name="", type=answer_type(output))
        self._labels = frozenset(output.shown) if output.task != "regression" else frozenset()
        some = ", ".join(map(str, output.shown[:20]))
        self._expected = f"a label of the model ({some})" if self._labels else "a number"
        self._targets = output.names if output.task == "regression" and len(output.names) > 1 else ()
        self._shares = output.probability_names if output.task == "classification" else ()
        self._read_record = JsonBodies(signature, MAX_ROWS).read_record
        self._nothing: Row = (None,) * len(signature.fields)

    def read_input(self, value: Any, where: str, faults: list[Fault]) -> Row:
        if not isinstance(value, Pairs):
            faults.append(Fault(where, "a record (an object of fields)", described(value)))
            return self._nothing
        return self._read_record(value, where, faults)

    def read_answer(self, value: Any, where: str, faults: list[Fault]) -> Any:
        if self._targets:
            found = self._object(value, self._targets, where, faults)
            return None if found is None else dict(zip(self._targets, found, strict=True))
        try:
            answer = read_value(self._answer, value)
        except Misfit as misfit:
            faults.append(Fault(where, self._expected, str(misfit)))
            return None
        if self._labels and answer not in self._labels:
            faults.append(Fault(where, self._expected, "another one"))
        return answer

    def read_probabilities(self, value: Any, where: str, faults: list[Fault]) -> list[float] | None:
        if value is None:
            return None
        if not self._shares:
            faults.append(Fault(where, "no probabilities: this model answers no classes", described(value)))
            return None
        found = self._object(value, self._shares, where, faults)
        if found is None:
            return None
        if not all(0 <= share <= 1 for share in found) or abs(sum(found) - 1) > SUM_TOLERANCE:
            faults.append(Fault(where, "probabilities from 0 to 1 that add up to 1", "others"))
            return None
        return found

    def _object(self, value: Any, names: tuple[str, ...], where: str, faults: list[Fault]) -> list[float] | None:
        if not isinstance(value, Pairs):
            faults.append(Fault(where, f"an object of numbers: {', '.join(names[:20])}", described(value)))
            return None
        told = dict(value)
        if len(told) < len(value) or told.keys() != set(names):
            got = "an object of other names, or with a name twice"
            faults.append(Fault(where, f"an object of numbers: {', '.join(names[:20])}", got))
            return None
        found = []
        for name in names:
            try:
                found.append(float(read_value(_NUMBER, told[name])))
            except Misfit as misfit:
                faults.append(Fault(f"{where}.{shown(name)}", expected(_NUMBER), str(misfit)))
        return found if len(found) == len(names) else None
