from __future__ import annotations

import io
import json
from typing import Any

import msgspec
import pyarrow as pa
import pytest

from garcom.errors import InputError, InvalidRows
from garcom.journal.journal import Origin
from garcom.model.signature import Field, FieldType, Output, Signature
from garcom.records import Batch
from garcom.serving.codec.forms import Form
from garcom.serving.named_rows import NamedRows, NameFields
from garcom.serving.rows import BatchBuilder

SIGNATURE = Signature(
    fields=(
        Field(name="x", type=FieldType.FLOAT),
        Field(name="city", type=FieldType.STRING),
        Field(name="n", type=FieldType.INTEGER),
    ),
    output=Output(task="regression", names=("y",)),
    example={"x": 1.0, "city": "Natal", "n": 1},
)
ROWS = [
    {"x": 1.0, "city": "Natal", "n": 7, "cpf": "a", "order": "o-1"},
    {"x": 2.0, "city": "", "n": 8, "cpf": "b", "order": "o-2"},
]


def reader(subject: str = "cpf", key: str = "order") -> NamedRows:
    return NamedRows("wine", 1, SIGNATURE, 1000, NameFields(subject, key))


def arrow(rows: list[dict[str, Any]]) -> bytes:
    table = pa.Table.from_pylist(rows)
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, table.schema) as stream:
        stream.write_table(table)
    return sink.getvalue()


def csv(rows: list[dict[str, Any]]) -> bytes:
    return "\n".join([",".join(rows[0]), *(",".join(map(str, row.values())) for row in rows)]).encode()


@pytest.mark.parametrize(
    ("body", "content_type", "form"),
    [
        (json.dumps(ROWS), b"application/json", Form.LIST),
        (json.dumps({"records": ROWS}), b"application/json", Form.RECORDS),
        (
            json.dumps({"columns": list(ROWS[0]), "data": [list(row.values()) for row in ROWS]}),
            b"application/json",
            Form.SPLIT,
        ),
        (csv([row | {"city": "Natal"} for row in ROWS]), b"text/csv", Form.CSV),
        (arrow(ROWS), b"application/vnd.apache.arrow.stream", Form.ARROW),
    ],
)
def test_names_are_taken_out_of_bodies_in_every_form(body: str | bytes, content_type: bytes, form: Form) -> None:
    data = body.encode() if isinstance(body, str) else body
    order, origins = reader().read(data, content_type, Origin("req"), str.upper)
    build = BatchBuilder(SIGNATURE)
    batch = order.rows if isinstance(order.rows, Batch) else build(order.rows)
    assert order.form is form
    assert batch.numbers.tolist() == [[1.0, 7.0], [2.0, 8.0]]
    assert batch.texts.shape == (2, 1)
    assert origins == [Origin("req", "o-1", "A"), Origin("req", "o-2", "B")]


def test_a_field_of_the_model_may_name_the_row() -> None:
    order, origins = reader(subject="n", key="").read(
        json.dumps({"x": 1.0, "city": "Natal", "n": 7}).encode(), b"application/json", Origin(key="k"), str.upper
    )
    assert order.rows == [(1.0, "Natal", 7)]
    assert origins == [Origin(key="k", subject="7")]


def test_rows_of_one_request_with_a_key_keep_their_places() -> None:
    rows = [{name: row[name] for name in ("x", "city", "n", "cpf")} for row in ROWS]
    _, origins = reader(key="").read(json.dumps(rows).encode(), b"application/json", Origin(key="k"), str.upper)
    assert origins == [Origin(key="k/0", subject="A"), Origin(key="k/1", subject="B")]


def test_a_row_without_its_name_is_refused_and_an_empty_one_names_nobody() -> None:
    rows = [{"x": 1.0, "city": "a", "n": 1, "cpf": "a"}, {"x": 1.0, "city": "a", "n": 1}]
    with pytest.raises(InvalidRows, match=r"records\[1\]\.cpf: expected"):
        reader(key="").read(json.dumps(rows).encode(), b"application/json", Origin(), str.upper)
    row = {"x": 1.0, "city": "Natal", "n": 7, "cpf": " "}
    assert reader(key="").read(json.dumps(row).encode(), b"application/json", Origin(), str.upper)[1] == [Origin()]


def test_a_name_that_is_too_long_is_told_by_its_row() -> None:
    rows = [ROWS[0], ROWS[1] | {"order": "x" * 256}]
    with pytest.raises(InvalidRows) as caught:
        reader().read(json.dumps(rows).encode(), b"application/json", Origin(), str.upper)
    (fault,) = caught.value.faults
    assert (fault.where, fault.got) == ("records[1].order", "a longer one")
    assert "xxx" not in str(caught.value)


def test_a_personal_field_is_no_key() -> None:
    fields = tuple(msgspec.structs.replace(field, pii="hash") for field in SIGNATURE.fields)
    personal = msgspec.structs.replace(SIGNATURE, fields=fields)
    with pytest.raises(InputError, match=r"got 'city', which is personal \(pii = hash\)"):
        NamedRows("wine", 1, personal, 1000, NameFields(key="city"))
    NamedRows("wine", 1, personal, 1000, NameFields(subject="city"))  # stored as a pseudonym
