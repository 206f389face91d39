"""Bodies of predictions that were made elsewhere: a JSON list of rows, or ``{"predictions": […]}``.

A row has the ``input`` that the model got and its ``prediction``; and, where they are known, ``probabilities`` (an
object of all labels), ``score`` (of an outlier), ``key``, ``subject``, ``time``, ``version`` and ``latency_ms``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import msgspec
from msgspec import UNSET

from garcom.errors import Fault, InputError
from garcom.model.signature import Field, FieldType, Signature
from garcom.moments import EARLIEST
from garcom.records import Batch
from garcom.serving.codec import strict_json
from garcom.serving.codec.actual_rows import answer_type
from garcom.serving.codec.documents import Pairs
from garcom.serving.codec.faults import MAX_FAULTS, malformed, raise_any, shown
from garcom.serving.codec.json_body import STRINGS, JsonBodies
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
    return reader_for(content_type, {JSON: _read_json})(body, versions, now)


def _read_json(body: bytes, versions: Versions, now: datetime) -> list[MadeElsewhere]:
    found = _read_typed(body, versions, now)
    return _read_carefully(body, versions, now) if found is None else found


def _read_typed(body: bytes, versions: Versions, now: datetime) -> list[MadeElsewhere] | None:
    """The rows of a body in which all is right; None where something may be wrong, for the careful reader to tell."""
    try:
        told = _decode_rows(body) if body[:1] == b"[" else _decode_envelope(body).predictions
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    inputs = [bytes(row.input) for row in told]
    # Of a name that comes twice the decoder keeps the last: then there are more of them in the text than in the rows.
    n_names = sum(map(_n_names, told)) + (body[:1] != b"[") + sum(map(_n_in_text, inputs))
    if not 0 < len(told) <= MAX_ROWS or _n_in_text(body) != n_names:
        return None
    reader = _Reader(versions, now)
    rows: list[Row | None] = [None] * len(told)
    places: dict[Any, list[int]] = {}
    for at, row in enumerate(told):
        number = None if row.version is UNSET else row.version
        if not (number is None or type(number) is int):
            return None
        places.setdefault(number, []).append(at)
    for number, of_version in places.items():
        try:
            found = reader.version(number).read_inputs(b"[%b]" % b",".join(inputs[at] for at in of_version))
        except InputError:
            return None
        for at, values in zip(of_version, found, strict=True):
            rows[at] = values
    made = [
        reader.made(_parts(row), "", reader.version(None if row.version is UNSET else row.version), values)
        for row, values in zip(told, rows, strict=True)
    ]
    return None if reader.faults else [row for row in made if row is not None]


def _read_carefully(body: bytes, versions: Versions, now: datetime) -> list[MadeElsewhere]:
    document = strict_json.read(body)
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


class _Told(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """One row as the typed decoder takes it; its parts are looked at afterwards."""

    input: msgspec.Raw
    prediction: Any
    probabilities: Any = UNSET
    score: Any = UNSET
    key: Any = UNSET
    subject: Any = UNSET
    time: Any = UNSET
    version: Any = UNSET
    latency_ms: Any = UNSET


class _Envelope(msgspec.Struct, forbid_unknown_fields=True):
    predictions: list[_Told]


_decode_rows = msgspec.json.Decoder(list[_Told]).decode
_decode_envelope = msgspec.json.Decoder(_Envelope).decode


def _parts(row: _Told) -> dict[str, Any]:
    """The parts but the input, as the careful reader has them."""
    found = {}
    for name in PARTS[1:]:
        value = getattr(row, name)
        if value is not UNSET:
            found[name] = Pairs(value.items()) if type(value) is dict else value
    return found


def _n_names(row: _Told) -> int:
    """How many names the row has, those inside its parts but not in its input."""
    n = 1
    for name in PARTS[1:]:
        value = getattr(row, name)
        if value is not UNSET:
            n += 1 + (len(value) if type(value) is dict else 0)
    return n


def _n_in_text(text: bytes) -> int:
    return sum(map(bool, STRINGS.findall(text)))


class _Reader:
    """Reads rows one by one, and gathers what is wrong with them."""

    def __init__(self, versions: Versions, now: datetime) -> None:
        self.faults: list[Fault] = []
        self._versions = versions
        self._now_us = microseconds(now)
        self._latest_us = microseconds(now + MAX_AHEAD)
        self._first_us = microseconds(EARLIEST)
        self._known: dict[int | None, _Version] = {}

    def read(self, row: Any, place: str) -> MadeElsewhere | None:
        """A row of a document; None where something is wrong with it."""
        parts = self._parts(row, place)
        version = None if parts is None else self._version(parts, f"{place}.version")
        if parts is None or version is None:
            return None
        n_before = len(self.faults)
        values = version.read_input(parts["input"], f"{place}.input", self.faults)
        found = self.made(parts, f"{place}.", version, values)
        return found if len(self.faults) == n_before else None

    def made(self, parts: dict[str, Any], path: str, version: _Version, values: Row | None) -> MadeElsewhere | None:
        """A row of its parts and its input; None where something is wrong with them."""
        n_before = len(self.faults)
        found = MadeElsewhere(
            version.number,
            values or (),
            version.read_answer(parts.get("prediction"), f"{path}prediction", self.faults),
            version.read_probabilities(parts.get("probabilities"), f"{path}probabilities", self.faults),
            self._score(version, parts.get("score"), f"{path}score"),
            self._name(parts.get("key"), f"{path}key"),
            self._name(parts.get("subject"), f"{path}subject"),
            self._time(parts.get("time"), f"{path}time"),
            self._latency(parts.get("latency_ms"), f"{path}latency_ms"),
        )
        return found if len(self.faults) == n_before else None

    def version(self, number: int | None) -> _Version:
        """What reads rows of a version. Raises VersionNotFound."""
        if number not in self._known:
            self._known[number] = _Version(*self._versions(number))
        return self._known[number]

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

    def _version(self, parts: dict[str, Any], where: str) -> _Version | None:
        n_before = len(self.faults)
        number = self._value(_WHOLE, parts.get("version"), where)
        return self.version(number) if len(self.faults) == n_before else None

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
            self._fault(where, f"a moment from {EARLIEST.year} on", "an earlier one")
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
        self._bodies = JsonBodies(signature, MAX_ROWS)

    def read_inputs(self, body: bytes) -> Sequence[Row]:
        """The inputs of a JSON list. Raises InputError."""
        rows = self._bodies.read(body).rows
        assert not isinstance(rows, Batch)
        return rows

    def read_input(self, value: Any, where: str, faults: list[Fault]) -> Row | None:
        if not isinstance(value, Pairs):
            faults.append(Fault(where, "a record (an object of fields)", described(value)))
            return None
        return self._bodies.read_record(value, where, faults)

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
