"""Signatures for the tests of the codec, and a short way to what a refusal says."""

from __future__ import annotations

from typing import Any

import pytest

from garcom.errors import Fault, InputError
from garcom.model.signature import Field, FieldType, Output, Signature
from garcom.serving.codec.json_body import JsonBodies

MAX_ROWS = 1000


def signature(*fields: Field) -> Signature:
    """A regression over these fields."""
    return Signature(fields=fields, output=Output(task="regression"), example={})


#: One field of each type; ``a`` is all that a record needs.
MIXED = signature(
    Field(name="a", type=FieldType.FLOAT),
    Field(name="i", type=FieldType.INTEGER, required=False),
    Field(name="b", type=FieldType.BOOLEAN, required=False),
    Field(name="d", type=FieldType.DATETIME, required=False),
    Field(name="t", type=FieldType.STRING, required=False),
    Field(name="c", type=FieldType.CATEGORY, required=False, categories=("x", "y")),
    Field(name="k", type=FieldType.CATEGORY, required=False, categories=(1, 2)),
    Field(name="n", type=FieldType.FLOAT, required=False, nullable=True),
)


def one(name: str, kind: FieldType = FieldType.FLOAT, **options: Any) -> Signature:
    """A signature of one field."""
    return signature(Field(name=name, type=kind, **options))


def json_reader(which: Signature = MIXED, max_rows: int = MAX_ROWS) -> JsonBodies:
    """The reader of a signature's JSON bodies."""
    return JsonBodies(which, max_rows)


def refusal(read: Any, body: bytes, error: type[InputError] = InputError) -> tuple[Fault, ...]:
    """The faults for which a body is refused."""
    with pytest.raises(error) as caught:
        read(body)
    assert caught.value.faults
    assert str(caught.value).encode()  # fit to be sent
    return caught.value.faults
