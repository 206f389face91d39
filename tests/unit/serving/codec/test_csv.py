from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from garcom.errors import InvalidRows, MalformedBody
from garcom.model.signature import Field, FieldType, Signature
from garcom.serving.codec.csv_body import CsvBodies
from garcom.serving.codec.forms import Form
from tests.unit.serving.codec.examples import MIXED, one, refusal, signature

#: A number, a text that may be missing, a text that may not.
MODEL = signature(
    Field(name="a", type=FieldType.FLOAT),
    Field(name="note, free", type=FieldType.STRING, required=False, nullable=True),
    Field(name="ação", type=FieldType.STRING, required=False),
)


def rows(body: bytes, model: Signature = MODEL) -> list[tuple[Any, ...]]:
    order = CsvBodies(model, 1000).read(body)
    assert order.form is Form.CSV
    return list(order.rows)  # type: ignore[arg-type]


def cell(field: Field, text: str) -> Any:
    """What one cell is read as."""
    quoted = text.replace('"', '""')
    return rows(f'{field.name}\n"{quoted}"\n'.encode(), signature(field))[0][0]


FULL = [(1.5, "x", "y"), (2.0, None, "")]


@pytest.mark.parametrize(
    "body",
    [
        b'a,"note, free",a\xc3\xa7\xc3\xa3o\n1.5,x,y\n2,,\n',
        b'a,"note, free",a\xc3\xa7\xc3\xa3o\r\n1.5,x,y\r\n2,,\r\n',
        b'a,"note, free",a\xc3\xa7\xc3\xa3o\r1.5,x,y\r2,,',
        b'\xef\xbb\xbfa,"note, free",a\xc3\xa7\xc3\xa3o\n1.5,x,y\n2,,\n',
        b'a,"note, free",a\xc3\xa7\xc3\xa3o\n\n1.5,x,y\n\r\n2,"",""\n\n\n',
        b'a\xc3\xa7\xc3\xa3o,a,"note, free"\n"y","1.5","x"\n,2,\n',
    ],
)
def test_dialects(body: bytes) -> None:
    assert rows(body) == FULL


def test_quotes_line_breaks_and_commas_inside_cells() -> None:
    body = b'a,"note, free",a\xc3\xa7\xc3\xa3o\n1,"a ""b"",\r\nc","\n"\n'
    assert rows(body) == [(1.0, 'a "b",\r\nc', "\n")]


def test_optional_columns_may_be_left_out() -> None:
    assert rows(b"a\n1\n2\n") == [(1.0, None, None), (2.0, None, None)]


def test_blank_lines_of_a_single_column_are_no_rows() -> None:
    assert rows(b"t\nx\n\ny\n\n", one("t", FieldType.STRING)) == [("x",), ("y",)]
    assert rows(b'n\n1\n""\n', one("n", nullable=True)) == [(1.0,), (None,)]


@pytest.mark.parametrize(
    ("text", "number"), [("1", 1.0), ("-1.5e3", -1500.0), ("+2", 2.0), (" 3 ", 3.0), (".5", 0.5), ("1e-400", 0.0)]
)
def test_numbers(text: str, number: float) -> None:
    assert cell(Field(name="x", type=FieldType.FLOAT), text) == number


@pytest.mark.parametrize(
    ("kind", "text", "got"),
    [
        (FieldType.FLOAT, "1_000", "text"),
        (FieldType.FLOAT, "1,5", "text"),
        (FieldType.FLOAT, "0x10", "text"),
        (FieldType.FLOAT, "१२", "text"),
        (FieldType.FLOAT, "true", "text"),
        (FieldType.FLOAT, "nan", "NaN"),
        (FieldType.FLOAT, "-inf", "Infinity"),
        (FieldType.FLOAT, "1e400", "a number too large for float64"),
        (FieldType.FLOAT, "9" * 400, "a number too large for float64"),
        (FieldType.FLOAT, "9" * 5000, "a number too large for float64"),
        (FieldType.INTEGER, "1.5", "a number with a fraction"),
        (FieldType.INTEGER, "nan", "NaN"),
        (FieldType.INTEGER, "inf", "Infinity"),
        (
            FieldType.INTEGER,
            str(2**53 + 1),
            "an integer beyond ±9007199254740992 (2**53), which is not exact in a model",
        ),
        (FieldType.BOOLEAN, "yes", "text"),
        (FieldType.DATETIME, "tomorrow", "text that is no date-time (ISO 8601)"),
        (FieldType.FLOAT, "", "null"),
        (FieldType.CATEGORY, "", "null"),
    ],
)
def test_cells_that_do_not_fit(kind: FieldType, text: str, got: str) -> None:
    with pytest.raises(InvalidRows) as caught:
        cell(Field(name="x", type=kind), text)
    fault = caught.value.faults[0]
    assert (fault.where, fault.got) == ("records[0].x", got)


def test_other_types() -> None:
    assert cell(Field(name="i", type=FieldType.INTEGER), "7.0") == 7
    assert cell(Field(name="k", type=FieldType.CATEGORY, categories=(1, 2)), "2") == 2
    assert cell(Field(name="c", type=FieldType.CATEGORY, categories=("1", "2")), "2") == "2"
    assert cell(Field(name="d", type=FieldType.DATETIME), "2026-01-01T10:00:00Z") == datetime(
        2026, 1, 1, 10, tzinfo=UTC
    )
    for text, value in (("true", True), ("False", False), ("1", True), ("0", False)):
        assert cell(Field(name="b", type=FieldType.BOOLEAN), text) is value


@pytest.mark.parametrize(
    ("body", "where", "got"),
    [
        (b"a,A\n1,2\n", "A", "an unknown field"),
        (b"a,a\n1,2\n", "a", "the same column more than once"),
        (b"a,note, free\n1,2,3\n", "note", "an unknown field"),
        (b"t\n1\n", "a", "nothing: the field is missing"),
        (b"a,t\n1\n", "records[0]", "1"),
        (b"a,t\n1,2\n1,2,3\n", "records[1]", "3"),
        (b"a,t\n1,x\nx,x\n", "records[1].a", "text"),
    ],
)
def test_wrong_headers_and_rows(body: bytes, where: str, got: str) -> None:
    faults = refusal(CsvBodies(MIXED, 1000).read, body, InvalidRows)
    assert (where, got) in [(fault.where, fault.got) for fault in faults]


@pytest.mark.parametrize(
    "body", [b"", b"\n", b"a\n", b"a\n\n\n", b'a\n"1', b'a\n"1"2\n', b"a\n\xff\n", "a\n1\n".encode("utf-16")]
)
def test_malformed(body: bytes) -> None:
    refusal(CsvBodies(MIXED, 1000).read, body, MalformedBody)


def test_bounds() -> None:
    reader = CsvBodies(MIXED, 3)
    assert refusal(reader.read, b"a\n1\n1\n1\n1\n", InvalidRows)[0].where == "records"
    header = b"a," + ",".join(f"x{i}" for i in range(50_000)).encode()
    assert len(refusal(reader.read, header + b"\n1\n", InvalidRows)) == 100
    assert len(refusal(CsvBodies(MIXED, 1000).read, b"a\n" + b"x\n" * 900, InvalidRows)) == 100


@pytest.mark.parametrize(
    ("body", "got"),
    [
        (b"a;t\n1;2\n", "another separator"),
        (b'{"a": 917263.5, "t": "segredo"}', "JSON"),
        (b"917263.5,segredo\n917263.5,segredo\n", "names none"),
    ],
)
def test_a_first_line_that_is_no_header_is_not_repeated(body: bytes, got: str) -> None:
    fault = refusal(CsvBodies(MIXED, 10).read, body, MalformedBody)[0]
    assert got in fault.got
    assert fault.suggestion
    assert "segredo" not in repr(fault)
    assert "917263" not in repr(fault)


def test_a_fault_never_repeats_the_cell() -> None:
    with pytest.raises(InvalidRows) as caught:
        CsvBodies(MIXED, 10).read(b"a,i,d\nsegredo,917263.5,segredo\n")
    text = str(caught.value) + repr(caught.value.faults)
    assert "segredo" not in text
    assert "917263" not in text
