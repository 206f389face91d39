"""Rows that tell in a field of their own whom they are about, or what the client calls them.

Such a field stands beside the model's fields, or is one of them. It is read like a text field that each row needs.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import msgspec

from garcom.errors import Fault, InputError
from garcom.journal.journal import Origin
from garcom.model.signature import Field, FieldType, Signature
from garcom.records import Batch
from garcom.serving.codec import Codec
from garcom.serving.codec.faults import raise_any
from garcom.serving.codec.forms import Order
from garcom.serving.rows import BatchBuilder, Row

#: The longest value that names a subject or a row.
MAX_NAME = 255


class NameFields(NamedTuple):
    """The fields that name each row; empty where there is none."""

    subject: str = ""
    key: str = ""

    @property
    def given(self) -> list[str]:
        """Those that are given."""
        return list(dict.fromkeys(name for name in self if name))


class NamedRows:
    """Reads bodies whose rows are named by these fields, for one version of a model."""

    def __init__(self, model: str, version: int, signature: Signature, max_rows: int, fields: NameFields) -> None:
        self._fields = fields
        for field in signature.fields:
            if field.name == fields.key and field.pii != "keep":
                raise InputError(
                    f"Expected a Garcom-Key-Field that may be written down, got {field.name!r}, which is personal "
                    f"(pii = {field.pii}). Name the rows by another field."
                )
        beside = [name for name in fields.given if name not in signature.names]
        self._n_beside = len(beside)
        wider = msgspec.structs.replace(
            signature,
            fields=(*signature.fields, *(Field(name=name, type=FieldType.STRING) for name in beside)),
            example=signature.example | dict.fromkeys(beside, "text"),
        )
        self._codec = Codec(model, version, wider, max_rows)
        self._rows_of = BatchBuilder(wider).rows
        self._places = {name: wider.names.index(name) for name in fields.given}

    def read(
        self, body: bytes, content_type: bytes, origin: Origin, pseudonym: Callable[[str], str]
    ) -> tuple[Order, list[Origin]]:
        """The model's own rows, and an origin for each. Raises InputError, for names that are too long as well."""
        form, rows = self._codec.decode(body, content_type)
        whole = self._rows_of(rows) if isinstance(rows, Batch) else rows
        order = Order(form, self._without(rows))
        subjects = self._named(self._fields.subject, whole, order)
        keys = self._named(self._fields.key, whole, order)
        return order, [
            whence._replace(
                subject=whence.subject if subject is None else pseudonym(subject),
                key=whence.key if key is None else key,
            )
            for whence, subject, key in zip(origin.of_rows(len(whole)), subjects, keys, strict=True)
        ]

    def _without(self, rows: Sequence[Row] | Batch) -> Sequence[Row] | Batch:
        n = self._n_beside
        if not n:
            return rows
        if isinstance(rows, Batch):
            return Batch(rows.numbers, rows.texts[:, :-n])
        return [row[:-n] for row in rows]

    def _named(self, name: str, rows: Sequence[Row], order: Order) -> list[str | None]:
        if not name:
            return [None] * len(rows)
        place = self._places[name]
        values = [_text(row[place]) for row in rows]
        long = [i for i, value in enumerate(values) if value is not None and len(value) > MAX_NAME]
        raise_any([Fault(_at(order, i, name), f"text of at most {MAX_NAME} characters", "a longer one") for i in long])
        return values


def _text(value: Any) -> str | None:
    """A name as text; an empty one names nobody."""
    return None if value is None else str(value).strip() or None


def _at(order: Order, row: int, name: str) -> str:
    place = order.form.place(row)
    return f"{place}.{name}" if place else name
