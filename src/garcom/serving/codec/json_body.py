"""JSON bodies into typed rows: a record, a list of them, ``{"records": […]}`` or pandas' ``split``.

The typed decoder takes what is right; whatever it refuses is read again by the careful reader, which either
says what is wrong and where, or reads what the typed decoder cannot.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Annotated, Any
from unicodedata import normalize

import msgspec
from msgspec import UNSET, Meta, UnsetType
from msgspec.structs import astuple

from garcom.errors import Fault
from garcom.model.signature import INTEGER_LIMIT, Field, FieldType, Signature
from garcom.serving.codec import strict_json, values
from garcom.serving.codec.documents import Pairs
from garcom.serving.codec.faults import MAX_FAULTS, malformed, raise_any, shown, too_many_rows
from garcom.serving.codec.forms import Form, Order
from garcom.serving.codec.json_forms import form_of, is_list
from garcom.serving.rows import Row

_WHOLE = Annotated[int, Meta(ge=-INTEGER_LIMIT, le=INTEGER_LIMIT)]
_TYPES: dict[FieldType, Any] = {
    FieldType.FLOAT: float,
    # Tables with missing values write their whole numbers as 1.0: a float is taken, and looked at afterwards.
    FieldType.INTEGER: _WHOLE | float,
    FieldType.BOOLEAN: bool,
    FieldType.DATETIME: datetime,
    FieldType.STRING: str,
    FieldType.CATEGORY: str,
}
#: Every string of a document; the group tells a name from a value. Strings are taken whole, so what stands
#: inside one is never mistaken for another.
STRINGS = re.compile(rb'"(?:[^"\\]|\\.)*"(\s*:)?')
#: msgspec cannot rename a field to these characters; such models are read by the careful reader alone.
_UNWRITABLE = re.compile(r'["\\\x00-\x1f]')
#: What RFC 8259 takes for white space; Python's own ``strip`` would take more.
_BLANKS = b" \t\r\n"


def _struct_field(position: int, field: Field) -> tuple[str, Any, Any] | tuple[str, Any]:
    kind = _TYPES[field.type]
    if field.type is FieldType.CATEGORY and field.categories and isinstance(field.categories[0], int):
        kind = _WHOLE
    if field.nullable:
        kind |= None
    name = f"f{position}"
    return (name, kind) if field.required else (name, kind | UnsetType, UNSET)


class JsonBodies:
    """Reads the JSON bodies of one signature."""

    def __init__(self, signature: Signature, max_rows: int) -> None:
        self._fields = signature.fields
        self._names = signature.names
        self._by_name = {field.name: (i, field) for i, field in enumerate(signature.fields)}
        # Keyboards and file systems differ in how they write an accented letter; Unicode calls both the same name.
        self._by_nfc = {normalize("NFC", field.name): field.name for field in signature.fields}
        self._max_rows = max_rows
        self._all_required = all(field.required for field in signature.fields)
        self._n_fields = len(signature.fields)
        self._integers = tuple(i for i, field in enumerate(signature.fields) if field.type is FieldType.INTEGER)
        self._typed = not any(_UNWRITABLE.search(name) for name in signature.names)
        if self._typed:
            record = msgspec.defstruct(
                "Record",
                [_struct_field(i, field) for i, field in enumerate(signature.fields)],
                rename={f"f{i}": name for i, name in enumerate(signature.names)},
                forbid_unknown_fields=True,
                kw_only=True,
                gc=False,
            )
            self._decode_record = msgspec.json.Decoder(record).decode
            self._decode_list = msgspec.json.Decoder(list[record]).decode  # type: ignore[valid-type]
            envelope = msgspec.defstruct("Records", [("records", list[record])], forbid_unknown_fields=True)  # type: ignore[valid-type]
            self._decode_envelope: Callable[[bytes], Any] = msgspec.json.Decoder(envelope).decode

    def read(self, body: bytes) -> Order:
        """The rows of a body. Raises MalformedBody or InvalidRows."""
        if self._typed:
            try:
                if body[:1] not in (b"{", b"["):
                    body = body.strip(_BLANKS)
                if body[:1] == b"{":
                    return Order(Form.RECORD, self._rows((self._decode_record(body),), body, 0))
                if body[:1] == b"[":
                    records = self._decode_list(body)
                    if records:
                        return Order(Form.LIST, self._rows(records, body, 0))
            except _Doubtful:
                pass
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
                if body[:64].lstrip(b"{ \t\r\n").startswith(b'"records"'):
                    order = self._read_envelope(body)
                    if order is not None:
                        return order
        return self._read_carefully(body)

    def _read_envelope(self, body: bytes) -> Order | None:
        try:
            records = self._decode_envelope(body).records
            return Order(Form.RECORDS, self._rows(records, body, 1)) if records else None
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, _Doubtful):
            return None

    def _rows(self, records: Sequence[Any], body: bytes, n_other_names: int) -> list[Row]:
        """The records as tuples, once it is certain that no name came twice.

        A typed record holds each name at least once, so names are doubled only if there are more of them than
        fields that are set; a colon follows each name, so as many colons as names settles it without a search.
        """
        rows = [astuple(record) for record in records]
        n_names = self._n_fields * len(rows) + n_other_names
        if not self._all_required:
            n_unset = sum(row.count(UNSET) for row in rows)
            if n_unset:
                n_names -= n_unset
                rows = [tuple(None if value is UNSET else value for value in row) for row in rows]
        for i in self._integers:
            for row in rows:
                value = row[i]
                if type(value) is float and not (value.is_integer() and abs(value) <= INTEGER_LIMIT):
                    raise _Doubtful
        if body.count(b":") != n_names and sum(map(bool, STRINGS.findall(body))) != n_names:
            raise _Doubtful
        if len(rows) > self._max_rows:
            raise too_many_rows(len(rows), self._max_rows)
        return rows

    def _read_carefully(self, body: bytes) -> Order:
        document = strict_json.read(body)
        if isinstance(document, Pairs):
            form = form_of(document, self._by_name)
            if form is Form.RECORD:
                return Order(form, self._read_records([document], form))
            if doubled := document.duplicates():
                raise malformed("", "each name once", f"{doubled[0]!r} more than once")
            if form is Form.SPLIT:
                return Order(form, self._read_split(dict(document)))
            return Order(form, self._read_list(document[0][1], form))
        if is_list(document):
            return Order(Form.LIST, self._read_list(document, Form.LIST))
        raise malformed("", "a record, a list of records, or an object with records", values.described(document))

    def _read_list(self, records: Any, form: Form) -> list[Row]:
        if not is_list(records):
            raise malformed("records", "a list of records", values.described(records))
        if not records:
            raise malformed("records", "at least one record", "an empty list")
        if len(records) > self._max_rows:
            raise too_many_rows(len(records), self._max_rows)
        return self._read_records(records, form)

    def _read_records(self, records: Iterable[Any], form: Form) -> list[Row]:
        faults: list[Fault] = []
        rows: list[Row] = []
        for i, record in enumerate(records):
            place = form.place(i)
            if isinstance(record, Pairs):
                rows.append(self.read_record(record, place, faults))
            else:
                faults.append(Fault(place, "a record (an object of fields)", values.described(record)))
            if len(faults) >= MAX_FAULTS:
                break
        raise_any(faults)
        return rows

    def read_record(self, record: Pairs, place: str, faults: list[Fault]) -> Row:
        """The values of one record that stands at ``place``; what is wrong with it is added to ``faults``."""
        path = f"{place}." if place else ""
        row: list[Any] = [UNSET] * self._n_fields
        doubled = record.duplicates()
        faults.extend(
            Fault(f"{path}{shown(name)}", "each field once", "the same field more than once")
            for name in doubled[:MAX_FAULTS]
        )
        for written, value in record:
            if len(faults) >= MAX_FAULTS:
                break
            name = written
            if name not in self._by_name:
                name = self._by_nfc.get(normalize("NFC", name), name)
            if name not in self._by_name:
                faults.append(values.unknown(f"{path}{shown(name)}", name, self._names, len(faults)))
                continue
            position, field = self._by_name[name]
            if row[position] is not UNSET:
                if written not in doubled:
                    faults.append(Fault(f"{path}{name}", "each field once", "the same field in two Unicode forms"))
                continue
            try:
                row[position] = values.read_value(field, value)
            except values.Misfit as misfit:
                row[position] = None
                faults.append(Fault(f"{path}{name}", values.expected(field), str(misfit)))
        for position, field in enumerate(self._fields):
            if row[position] is UNSET:
                row[position] = None
                if field.required:
                    faults.append(values.missing(f"{path}{field.name}", field))
        return tuple(row)

    def _read_split(self, parts: dict[str, Any]) -> list[Row]:
        columns, data = parts["columns"], parts["data"]
        if not is_list(columns) or not all(isinstance(name, str) for name in columns):
            raise malformed("columns", "a list of field names", values.described(columns))
        if len(set(columns)) < len(columns):
            raise_any([Fault("columns", "each field once", "the same field more than once")])
        if not is_list(data) or not data:
            got = "an empty list" if data == [] else values.described(data)
            raise malformed("data", "a list of rows, at least one", got)
        if len(data) > self._max_rows:
            raise too_many_rows(len(data), self._max_rows)
        records: list[Any] = []
        for i, row in enumerate(data):
            if not is_list(row) or len(row) != len(columns):
                got = f"{len(row)} values" if is_list(row) else values.described(row)
                raise malformed(f"data[{i}]", f"a list of {len(columns)} values, one per column", got)
            records.append(Pairs(zip(columns, row, strict=True)))
        return self._read_records(records, Form.SPLIT)


class _Doubtful(Exception):
    """A name may have come twice: the careful reader has to look."""
