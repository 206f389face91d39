"""Rows of actuals, whatever form they came in, into observations; or what is wrong with them, row by row."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import msgspec

from garcom.errors import ActualsRefused, Fault
from garcom.model.signature import Class, Field, FieldType, Output
from garcom.moments import in_utc
from garcom.observations import Observations, Observed
from garcom.serving.codec.documents import Pairs
from garcom.serving.codec.faults import MAX_FAULTS
from garcom.serving.codec.values import Misfit, described, read_value

#: Clocks differ; what is said to be observed later than this has not happened yet.
MAX_AHEAD = timedelta(minutes=5)
MAX_KEY_LENGTH = 512
MAX_LABEL_LENGTH = 1000

_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_KEY = Field(name="key", type=FieldType.STRING, nullable=True)
_MOMENT = Field(name="observed_at", type=FieldType.DATETIME, nullable=True)

#: Reads a value of a field, or raises Misfit: a cell of CSV is read by other rules than a value of JSON.
Reader = Callable[[Field, Any], Any]

encode = msgspec.json.Encoder().encode


class Told(NamedTuple):
    """One row as it came; None for what was left out or null."""

    id: Any = None
    key: Any = None
    actual: Any = None
    observed_at: Any = None


class Wrong(NamedTuple):
    """What is wrong with a part of a row; ``part`` is ``""`` for the whole of it."""

    part: str
    expected: str
    got: str
    suggestion: str = ""

    def at(self, row: int) -> Fault:
        """The fault, told of that row."""
        place = f"actuals[{row}]"
        return Fault(f"{place}.{self.part}" if self.part else place, self.expected, self.got, self.suggestion)


def _as_it_is(value: Any) -> Any:
    return value


class Truth:
    """What an actual of one model is: a label of the classes' type, a number, or an object of the targets."""

    def __init__(
        self, output: Output, read: Reader = read_value, read_object: Callable[[Any], Any] = _as_it_is
    ) -> None:
        self._read = read
        self._read_object = read_object
        self._targets = output.names if output.task == "regression" and len(output.names) > 1 else ()
        shown = () if output.task == "regression" else output.shown
        self._names: dict[Class, str] = {each: str(each) for each in shown}
        self._labels = frozenset(self._names.values())
        self._field = Field(name="actual", type=answer_type(output))

    @property
    def has_labels(self) -> bool:
        """Whether the model answers labels."""
        return bool(self._names)

    def is_unseen(self, label: str) -> bool:
        """Whether the model never answers this label."""
        return label not in self._labels

    @property
    def expected(self) -> str:
        """What an actual is, in words."""
        if self._targets:
            return f"an object of numbers: {', '.join(self._targets[:20])}"
        kinds = {FieldType.BOOLEAN: "true or false", FieldType.INTEGER: "an integer", FieldType.STRING: "text"}
        kind = kinds.get(self._field.type, "a number")
        return f"{kind} (a label such as {', '.join(list(self._names.values())[:5])})" if self._names else kind

    def observed(self, told: Told) -> Observed:
        """The row with its actual; Misfit where that is no actual of this model."""
        if self._targets:
            return Observed(None, None, encode(self._object(told.actual)).decode())
        value = self._read(self._field, told.actual)
        text = encode(value).decode()
        if not self._names:
            return Observed(None, None, text, value=value)
        label = self._names.get(value) or str(value)
        if isinstance(value, str) and value not in self._names and not 0 < len(value) <= MAX_LABEL_LENGTH:
            raise Misfit(f"text of more than {MAX_LABEL_LENGTH:,} characters" if value else "empty text")
        return Observed(None, None, text, label=label)

    def _object(self, told: Any) -> dict[str, float]:
        value = self._read_object(told)
        if not isinstance(value, Pairs):
            raise Misfit(described(value))
        if sorted(name for name, _ in value) != sorted(self._targets):
            raise Misfit("an object of other names, or with a name twice")
        found = dict(value)
        field = Field(name="actual", type=FieldType.FLOAT)
        return {name: read_value(field, found[name]) for name in self._targets}


def observations(told: Iterable[Told | Wrong], truth: Truth, now: datetime, read: Reader = read_value) -> Observations:
    """All rows, checked. Raises ActualsRefused, with counts, when any is wrong."""
    rows = _Rows(truth, now, read)
    for each in told:
        rows.add(each)
    return rows.done()


class _Rows:
    def __init__(self, truth: Truth, now: datetime, read: Reader) -> None:
        self._truth = truth
        self._latest = now + MAX_AHEAD
        self._read = read
        self._found: list[Observed] = []
        self._seen: dict[tuple[str | None, str | None, datetime | None], int] = {}
        self._faults: list[Fault] = []
        self._n_rows = self._n_refused = 0

    def add(self, told: Told | Wrong) -> None:
        wrong = [told] if isinstance(told, Wrong) else self._check(told)
        if wrong:
            self._n_refused += 1
            room = MAX_FAULTS - len(self._faults)
            self._faults.extend(each.at(self._n_rows) for each in wrong[:room])
        self._n_rows += 1

    def done(self) -> Observations:
        if not self._n_refused:
            labels = (row.label for row in self._found) if self._truth.has_labels else ()
            return Observations(
                self._found, sum(label is not None and self._truth.is_unseen(label) for label in labels)
            )
        raise ActualsRefused(
            f"{self._n_refused:,} of {self._n_rows:,} rows are wrong, so none was taken: {self._faults[0].sentence()}",
            tuple(self._faults),
            rows=self._n_rows,
            refused=self._n_refused,
        )

    def _check(self, told: Told) -> list[Wrong]:
        """Add the row if it is right; what is wrong with it otherwise."""
        try:
            named, key, moment = _id(told.id), self._key(told), self._moment(told)
            row = self._truth.observed(told)
        except Misfit:
            return list(self._misfits(told))
        if (named is None) == (key is None):
            return [Wrong("", "either id or key", "neither" if key is None else "both")]
        first = self._seen.setdefault((named, key, moment), self._n_rows)
        if first != self._n_rows:
            name = "key" if named is None else "id"
            return [Wrong("", f"each {name} once for a moment of observation", f"the same as in actuals[{first}]")]
        self._found.append(Observed(named, key, row.actual, row.label, row.value, moment))
        return []

    def _misfits(self, told: Told) -> Iterator[Wrong]:
        """Every part of the row that does not fit."""
        parts: tuple[tuple[str, str, Callable[[Told], Any]], ...] = (
            ("id", "the id of a prediction, a UUID", lambda told: _id(told.id)),
            ("key", "the client's own key as text", self._key),
            ("actual", self._truth.expected, self._truth.observed),
            ("observed_at", "a date-time such as 2026-11-21T10:00:00Z, not in the future", self._moment),
        )
        for part, expected, read in parts:
            try:
                read(told)
            except Misfit as misfit:
                yield Wrong(part, expected, str(misfit))

    def _key(self, told: Told) -> str | None:
        key: str | None = None if told.key is None else self._read(_KEY, told.key)
        if key is not None and len(key) > MAX_KEY_LENGTH:
            raise Misfit(f"text of more than {MAX_KEY_LENGTH} characters")
        return key or None

    def _moment(self, told: Told) -> datetime | None:
        moment = told.observed_at
        if moment is not None and not isinstance(moment, datetime):
            moment = self._read(_MOMENT, moment)
        if moment is None:
            return None
        try:
            moment = in_utc(moment)
        except OverflowError:
            raise Misfit("a date-time outside the years 1 to 9999") from None
        if moment > self._latest:
            raise Misfit("one in the future")
        return moment


def _id(value: Any) -> str | None:
    if value is None or value == "":
        return None
    text = value.lower() if isinstance(value, str) else None
    if text is None or not _UUID.fullmatch(text):
        raise Misfit("text that is no UUID" if text else described(value))
    return text


def answer_type(output: Output) -> FieldType:
    """How a label, or a single number, of a model is written."""
    if output.task == "regression":
        return FieldType.FLOAT
    kinds = {bool: FieldType.BOOLEAN, int: FieldType.INTEGER, float: FieldType.FLOAT}
    return kinds.get(type(output.shown[0]), FieldType.STRING) if output.shown else FieldType.STRING
