"""Documents that have to be accepted, those that have to be refused, and what RFC 8259 leaves open, one by one."""

from __future__ import annotations

import json
import math
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from garcom.errors import InvalidRows, MalformedBody
from garcom.serving.codec import strict_json
from garcom.serving.codec.forms import Form
from tests.unit.serving.codec.examples import MIXED, json_reader, one, refusal

READER = json_reader()
NAMES = MIXED.names


def row(**values: Any) -> tuple[Any, ...]:
    """A row with these values; the other fields were left out."""
    return tuple(values.get(name) for name in NAMES)


ACCEPTED: list[tuple[bytes, tuple[Any, ...]]] = [
    (b'{"a":1}', row(a=1.0)),
    (b' \t\r\n{ \n"a"\t:\r1 } \n', row(a=1.0)),
    (b'{"\\u0061":1}', row(a=1.0)),
    (b'{"a":0}', row(a=0.0)),
    (b'{"a":-1.5e-3}', row(a=-0.0015)),
    (b'{"a":1E+5}', row(a=1e5)),
    (b'{"a":1e5}', row(a=1e5)),
    (b'{"a":5e-324}', row(a=5e-324)),
    (b'{"a":1.7976931348623157e308}', row(a=1.7976931348623157e308)),
    (b'{"a":123456789012345678901234567890}', row(a=1.2345678901234568e29)),
    (b'{"a":0.' + b"0" * 5000 + b"1}", row(a=0.0)),
    (b'{"a":1.' + b"3" * 5000 + b"}", row(a=4 / 3)),
    (b'{"a":1,"i":9007199254740992}', row(a=1.0, i=2**53)),
    (b'{"a":1,"i":-9007199254740992}', row(a=1.0, i=-(2**53))),
    (b'{"a":1,"i":-0}', row(a=1.0, i=0)),
    (b'{"a":1,"b":true}', row(a=1.0, b=True)),
    (b'{"a":1,"b":false}', row(a=1.0, b=False)),
    (b'{"a":1,"n":null}', row(a=1.0, n=None)),
    (b'{"a":1,"t":""}', row(a=1.0, t="")),
    (b'{"a":1,"t":"a:b \\"c\\": {\\\\\\":"}', row(a=1.0, t='a:b "c": {\\":')),
    (b'{"a":1,"t":"\\u0000\\/\\b\\f\\n\\r\\t\\u001f\x7f"}', row(a=1.0, t="\0/\b\f\n\r\t\x1f\x7f")),
    (b'{"a":1,"t":"\\ud83c\\udf77 \xf0\x9f\x8d\xb7 \xe2\x80\xa8"}', row(a=1.0, t="🍷 🍷 \u2028")),
    (b'{"a":1,"t":"\\ufffe\\uffff"}', row(a=1.0, t="\ufffe\uffff")),
    (b'{"a":1,"t":"NaN"}', row(a=1.0, t="NaN")),
    (b'{"a":1,"c":"never seen"}', row(a=1.0, c="never seen")),
    (b'{"a":1,"k":3}', row(a=1.0, k=3)),
    (b'{"a":1,"d":"2026-01-01T10:00:00Z"}', row(a=1.0, d=datetime(2026, 1, 1, 10, tzinfo=UTC))),
    (
        b'{"a":1,"d":"2026-01-01T10:00:00.25-03:00"}',
        row(a=1.0, d=datetime(2026, 1, 1, 10, 0, 0, 250_000, timezone(timedelta(hours=-3)))),
    ),
]


@pytest.mark.parametrize(("body", "expected"), ACCEPTED, ids=range(len(ACCEPTED)))
def test_accepted(body: bytes, expected: tuple[Any, ...]) -> None:
    order = READER.read(body)
    assert order.form is Form.RECORD
    assert list(order.rows) == [expected]
    assert list(READER._read_carefully(body).rows) == [expected]


#: Not JSON at all, whichever reader sees it.
BROKEN: list[bytes] = [
    b"{",
    b'{"a":1',
    b'{"a":1}}',
    b'{"a":1}{"a":1}',
    b'{"a":1},',
    b'{"a":1,}',
    b'{,"a":1}',
    b'{"a" 1}',
    b'{"a"::1}',
    b"{a:1}",
    b"{'a':1}",
    b'{"a":01}',
    b'{"a":-01}',
    b'{"a":1.}',
    b'{"a":.5}',
    b'{"a":+1}',
    b'{"a":1e}',
    b'{"a":0x1F}',
    b'{"a":1_000}',
    b'{"a":- 1}',
    b'{"a":nan}',
    b'{"a":True}',
    b'{"a":nul}',
    b'{"a":1 /* one */}',
    b'{"a":1} // one',
    b'{"a":1}\x00',
    b'\x0c{"a":1}',
    b'\x0b[{"a":1}]',
    b'\xc2\xa0{"a":1}',
    b'{"a":1,"t":"\n"}',
    b'{"a":1,"t":"\t"}',
    b'{"a":1,"t":"\x00"}',
    b'{"a":1,"t":"\\x41"}',
    b'{"a":1,"t":"\\u12"}',
    b'{"a":1,"t":"\\"}',
    b'{"a":1,"t":"\xff"}',
    b'{"a":1,"t":"\xc0\xaf"}',
    b'{"a":1,"t":"\xed\xa0\x80"}',
    b'{"a":1,"t":"\xf4\x90\x80\x80"}',
    b'{"a":1,"t":"\xf0\x9f\x8d"}',
    b'{"\xff":1}',
    b'\xef\xbb\xbf{"a":1}',
    '{"a":1}'.encode("utf-16"),
    '{"a":1}'.encode("utf-32-be"),
    b"[",
    b'[{"a":1},]',
    b'[{"a":1}',
    b'[,{"a":1}]',
    b'[{"a":1} {"a":1}]',
    b"a=1&b=2",
    b"<a>1</a>",
    b"[" * 100_000,
    b'{"a":' * 100_000,
    b'[{"a":1},' + b"[" * 50_000 + b"]" * 50_000 + b"]",
]


@pytest.mark.parametrize("body", BROKEN, ids=range(len(BROKEN)))
def test_broken_json_is_malformed(body: bytes) -> None:
    refusal(READER.read, body, MalformedBody)
    with pytest.raises(MalformedBody):
        strict_json.read(body)


def test_every_single_byte_error_of_a_record_is_refused_or_read_alike() -> None:
    body = b'{"a":1.5,"t":"x:y","n":null}'
    for position in range(len(body)):
        for byte in (0x00, 0x22, 0x2C, 0x3A, 0x5C, 0x7B, 0x80, 0xFF):
            changed = body[:position] + bytes([byte]) + body[position + 1 :]
            try:
                careful: Any = list(READER._read_carefully(changed).rows)
            except (MalformedBody, InvalidRows):
                refusal(READER.read, changed)
            else:
                assert list(READER.read(changed).rows) == careful


#: Where the fault is, what was expected, and what came.
WRONG: list[tuple[bytes, str, str, str]] = [
    (b"{}", "a", "a number", "nothing: the field is missing"),
    (b'{"a":null}', "a", "a number", "null"),
    (b'{"a":"1"}', "a", "a number", "text"),
    (b'{"a":""}', "a", "a number", "empty text"),
    (b'{"a":true}', "a", "a number", "a boolean"),
    (b'{"a":[1]}', "a", "a number", "a list"),
    (b'{"a":{"b":1}}', "a", "a number", "an object"),
    (b'{"a":{}}', "a", "a number", "an object"),
    (b'{"a":NaN}', "a", "a number", "NaN"),
    (b'{"a":Infinity}', "a", "a number", "Infinity"),
    (b'{"a":-Infinity}', "a", "a number", "-Infinity"),
    (b'{"a":1e400}', "a", "a number", "a number too large for float64"),
    (b'{"a":-1e400}', "a", "a number", "a number too large for float64"),
    (b'{"a":1' + b"0" * 309 + b"}", "a", "a number", "a number too large for float64"),
    (b'{"a":1' + b"0" * 100_000 + b"}", "a", "a number", "a number too large for float64"),
    (b'{"a":1,"n":"x"}', "n", "a number or null", "text"),
    (b'{"a":1,"i":1.5}', "i", "an integer", "a number with a fraction"),
    (b'{"a":1,"i":true}', "i", "an integer", "a boolean"),
    (b'{"a":1,"i":"1"}', "i", "an integer", "text"),
    (b'{"a":1,"i":1e400}', "i", "an integer", "a number too large for float64"),
    (b'{"a":1,"i":null}', "i", "an integer", "null"),
    (b'{"a":1,"b":1}', "b", "true or false", "a number"),
    (b'{"a":1,"b":"true"}', "b", "true or false", "text"),
    (b'{"a":1,"t":1}', "t", "text", "a number"),
    (b'{"a":1,"t":"\\ud800"}', "t", "text", "text with half a surrogate pair, which is not Unicode"),
    (b'{"a":1,"t":"\\udf77\\ud83c"}', "t", "text", "text with half a surrogate pair, which is not Unicode"),
    (b'{"a":1,"c":1}', "c", "text (a category such as x, y)", "a number"),
    (b'{"a":1,"k":"1"}', "k", "an integer (a category such as 1, 2)", "text"),
    (b'{"a":1,"k":1.5}', "k", "an integer (a category such as 1, 2)", "a number with a fraction"),
    (b'{"a":1,"d":1767225600}', "d", "a date-time such as 2026-11-21T10:00:00Z", "a number"),
    (
        b'{"a":1,"d":"yesterday"}',
        "d",
        "a date-time such as 2026-11-21T10:00:00Z",
        "text that is no date-time (ISO 8601)",
    ),
    (
        b'{"a":1,"d":"2026-02-30T10:00:00Z"}',
        "d",
        "a date-time such as 2026-11-21T10:00:00Z",
        "text that is no date-time (ISO 8601)",
    ),
    (b'{"a":1,"a":1}', "a", "each field once", "the same field more than once"),
    (b'{"a":1,"\\u0061":2}', "a", "each field once", "the same field more than once"),
    (b'{"a":1,"t":"x","t":"x:"}', "t", "each field once", "the same field more than once"),
    (b'{"a":1,"n":null,"n":null}', "n", "each field once", "the same field more than once"),
    (b'{"columns":["a","a"],"data":[[1,2]]}', "columns", "each field once", "the same field more than once"),
    (b'[{"a":1},1]', "records[1]", "a record (an object of fields)", "a number"),
    (b'[{"a":1},[{"a":1}]]', "records[1]", "a record (an object of fields)", "a list"),
    (b'[{"a":1},null]', "records[1]", "a record (an object of fields)", "null"),
    (b'[{"a":1},{"a":2},{"a":3},{"a":"x"}]', "records[3].a", "a number", "text"),
    (b'{"records":[{"a":1},{"b":true}]}', "records[1].a", "a number", "nothing: the field is missing"),
    (b'{"columns":["a"],"data":[[1],[null]]}', "data[1].a", "a number", "null"),
    (b'{"columns":["i"],"data":[[1]]}', "data[0].a", "a number", "nothing: the field is missing"),
]


@pytest.mark.parametrize(("body", "where", "expected", "got"), WRONG, ids=range(len(WRONG)))
def test_wrong_rows_are_refused_with_their_place(body: bytes, where: str, expected: str, got: str) -> None:
    fault = refusal(READER.read, body, InvalidRows)[0]
    assert (fault.where, fault.expected, fault.got) == (where, expected, got)


def test_a_field_given_twice_is_told_once() -> None:
    assert len(refusal(READER.read, b'{"a":1,"a":2}', InvalidRows)) == 1


INTEGERS_BEYOND = [str(2**53 + 1), str(-(2**53) - 1), str(2**63), str(-(2**63) - 1), str(2**64), "1e19", "9" * 300]


@pytest.mark.parametrize("literal", INTEGERS_BEYOND)
@pytest.mark.parametrize("name", ["i", "k"])
def test_integers_that_a_model_cannot_hold_exactly_are_refused(literal: str, name: str) -> None:
    fault = refusal(READER.read, f'{{"a":1,"{name}":{literal}}}'.encode(), InvalidRows)[0]
    assert fault.where == name
    assert fault.got == "an integer beyond ±9007199254740992 (2**53), which is not exact in a model"


#: RFC 8259 and ISO 8601 leave these open; this is what is done.
CHOSEN: list[tuple[bytes, tuple[Any, ...]]] = [
    (b'{"a":1e-400}', row(a=0.0)),  # too small for float64: the nearest number, which is zero
    (b'{"a":4.9406564584124654e-325}', row(a=0.0)),
    (b'{"a":0.1000000000000000055511151231257827021181583404541015625}', row(a=0.1)),
    (b'{"a":9007199254740993}', row(a=9007199254740992.0)),  # rounded: a number is a float64
    (b'{"a":1,"i":1.0}', row(a=1.0, i=1)),  # written with a fraction of zero, it is an integer all the same
    (b'{"a":1,"i":1e2}', row(a=1.0, i=100)),
    (b'{"a":1,"i":9007199254740993.0}', row(a=1.0, i=2**53)),  # a float literal, rounded as any other
    (b'{"a":1,"k":2.0}', row(a=1.0, k=2)),
    (b'{"a":1,"d":"2026-01-01"}', row(a=1.0, d=datetime(2026, 1, 1))),  # a date is its first moment
    (b'{"a":1,"d":"2026-01-01T10:00:00"}', row(a=1.0, d=datetime(2026, 1, 1, 10))),  # without a zone: UTC
    (b'{"a":1,"d":"2026-01-01 10:00:00"}', row(a=1.0, d=datetime(2026, 1, 1, 10))),
    (b'{"a":1,"d":"20260101T100000"}', row(a=1.0, d=datetime(2026, 1, 1, 10))),
]


@pytest.mark.parametrize(("body", "expected"), CHOSEN, ids=range(len(CHOSEN)))
def test_what_the_standards_leave_open(body: bytes, expected: tuple[Any, ...]) -> None:
    assert list(READER.read(body).rows) == [expected]


def test_leap_seconds_and_hour_24_are_refused() -> None:
    for moment in ("2026-01-01T10:00:60Z", "2026-01-01T24:00:00Z"):
        assert refusal(READER.read, f'{{"a":1,"d":"{moment}"}}'.encode(), InvalidRows)[0].where == "d"


def test_negative_zero_keeps_its_sign_where_it_is_written_as_a_float() -> None:
    found = READER.read(b'{"a":-0.0}').rows[0]
    assert math.copysign(1, found[0]) == -1


EMPTY: list[tuple[bytes, str]] = [
    (b"", "an empty body"),
    (b" \r\n\t", "an empty body"),
    (b"[]", "an empty list"),
    (b" [ ] ", "an empty list"),
    (b'{"records":[]}', "an empty list"),
    (b'{"columns":["a"],"data":[]}', "an empty list"),
]


@pytest.mark.parametrize(("body", "got"), EMPTY)
def test_nothing_to_predict_is_malformed(body: bytes, got: str) -> None:
    assert refusal(READER.read, body, MalformedBody)[0].got == got


SHAPES: list[tuple[bytes, str]] = [
    (b"null", "null"),
    (b"1", "a number"),
    (b"NaN", "NaN"),
    (b'"a"', "text"),
    (b"true", "a boolean"),
]


@pytest.mark.parametrize(("body", "got"), SHAPES)
def test_a_body_that_is_no_record_says_what_would_be_one(body: bytes, got: str) -> None:
    fault = refusal(READER.read, body, MalformedBody)[0]
    assert fault.got == got
    assert fault.expected == "a record, a list of records, or an object with records"


ENVELOPES: list[tuple[bytes, str]] = [
    (b'{"records":{"a":1}}', "records"),
    (b'{"records":null}', "records"),
    (b'{"records":[{"a":1}],"records":[{"a":1}]}', ""),
    (b'{"columns":"a","data":[[1]]}', "columns"),
    (b'{"columns":{},"data":[[]]}', "columns"),
    (b'{"columns":[1],"data":[[1]]}', "columns"),
    (b'{"records":[{"a":1}],"records":[]}', ""),
    (b'{"records":[{"a":1}],"x":1}', ""),
    (b'{"columns":["a"]}', "data"),
    (b'{"data":[[1]]}', "columns"),
    (b'{"columns":["a"],"index":[1]}', "data"),
    (b'{"columns":["a"],"data":[[1]],"x":1}', ""),
    (b'{"columns":["a"],"data":{}}', "data"),
    (b'{"columns":["a"],"data":[[1,2]]}', "data[0]"),
    (b'{"columns":["a"],"data":[[1],{"a":1}]}', "data[1]"),
    (b'{"columns":["a"],"data":[[1]],"data":[[2]]}', ""),
]


@pytest.mark.parametrize(("body", "where"), ENVELOPES, ids=range(len(ENVELOPES)))
def test_broken_envelopes_are_malformed(body: bytes, where: str) -> None:
    assert refusal(READER.read, body, MalformedBody)[0].where == where


ELSEWHERE: list[tuple[bytes, str]] = [
    (b'{"dataframe_split":{"columns":["a"],"data":[[1]]}}', '{"columns": […], "data": [[…]]}'),
    (b'{"dataframe_split":{"columns":["a"],"data":[[1]]},"params":{}}', '{"columns": […], "data": [[…]]}'),
    (b'{"dataframe_records":[{"a":1}]}', '{"records": [{…}]}'),
    (b'{"instances":[{"a":1}]}', '{"records": [{…}]}'),
    (b'{"inputs":{"a":[1]}}', '{"columns": […], "data": [[…]]}'),
]


@pytest.mark.parametrize(("body", "remedy"), ELSEWHERE, ids=range(len(ELSEWHERE)))
def test_rows_as_other_servers_take_them_are_told_how_to_be_written(body: bytes, remedy: str) -> None:
    fault = refusal(READER.read, body, MalformedBody)[0]
    assert remedy in fault.suggestion


def test_a_field_may_have_the_name_of_an_envelope() -> None:
    for name in ("inputs", "instances", "data", "columns"):
        reader = json_reader(one(name))
        assert reader.read(b'{"%s":1}' % name.encode()).form is Form.RECORD
        assert refusal(reader.read, b'{"%s":[1]}' % name.encode(), InvalidRows)[0].got == "a list"
        unknown = refusal(reader.read, b'{"%s":1,"records":2}' % name.encode(), InvalidRows)[0]
        assert unknown.got == "an unknown field"


def test_forms() -> None:
    record = {"a": 1.5, "t": "x"}
    rows = [row(a=1.5, t="x"), row(a=2.5)]
    for document, form, expected in (
        (record, Form.RECORD, rows[:1]),
        ([record], Form.LIST, rows[:1]),
        ([record, {"a": 2.5}], Form.LIST, rows),
        ({"records": [record, {"a": 2.5}]}, Form.RECORDS, rows),
        ({"columns": ["t", "a"], "data": [["x", 1.5]]}, Form.SPLIT, rows[:1]),
        ({"columns": ["t", "a"], "index": [7], "data": [["x", 1.5]]}, Form.SPLIT, rows[:1]),
    ):
        order = READER.read(json.dumps(document).encode())
        assert (order.form, list(order.rows), order.n_rows) == (form, expected, len(expected))


def test_too_many_rows() -> None:
    reader = json_reader(max_rows=3)
    for body in (
        b"[" + b",".join([b'{"a":1}'] * 4) + b"]",
        b'{"records":[' + b",".join([b'{"a":1}'] * 4) + b"]}",
        b'{"columns":["a"],"data":[[1],[1],[1],[1]]}',
    ):
        fault = refusal(reader.read, body, InvalidRows)[0]
        assert (fault.where, fault.expected, fault.got) == ("records", "at most 3 rows", "4")


def test_a_misspelt_field_gets_a_suggestion_and_a_strange_one_the_list() -> None:
    reader = json_reader()
    assert refusal(reader.read, b'{"A":1}')[0].suggestion == "Did you mean 'a'?"
    strange = refusal(reader.read, b'{"a":1,"zzzzzzzz":1}')[0]
    assert strange.where == "zzzzzzzz"
    assert strange.suggestion == "The fields are: 'a', 'i', 'b', 'd', 't', 'c', 'k', 'n'."


def test_a_hostile_field_name_comes_back_short_and_fit_to_be_sent() -> None:
    long = refusal(READER.read, b'{"' + b"x" * 1_000_000 + b'":1}')[0]
    assert len(long.where) == 101
    assert refusal(READER.read, b'{"a":1,"\\ud800":1}')[0].where == "\\ud800"
    assert refusal(READER.read, b'{"a":1,"\\ud800":1,"\\ud800":1}')[0].where == "\\ud800"


def test_at_most_a_hundred_faults() -> None:
    many_rows = b"[" + b",".join([b'{"a":"x"}'] * 500) + b"]"
    many_names = json.dumps({f"name{i}": i for i in range(100_000)}).encode()
    doubled = b"{" + b",".join(b'"x%d":1,"x%d":1' % (i, i) for i in range(500)) + b"}"
    for body in (many_rows, many_names, doubled):
        assert len(refusal(READER.read, body, InvalidRows)) == 100


def test_a_fault_never_repeats_the_value() -> None:
    secrets = [b'"segredo123"', b"[917263]", b'{"segredo123":917263}', b"917263.917263"]
    for name in ("a", "i", "b", "d", "k", "n"):
        for secret in secrets:
            body = b'{"a":"segredo123"}' if name == "a" else b'{"a":1,"%s":%s}' % (name.encode(), secret)
            try:
                READER.read(body)
            except InvalidRows as error:
                text = str(error) + repr(error.faults)
                assert "segredo123" not in text
                assert "917263" not in text


def test_a_huge_list_is_read() -> None:
    order = json_reader(max_rows=100_000).read(b"[" + b",".join([b'{"a":1,"t":"x:y"}'] * 50_000) + b"]")
    assert order.n_rows == 50_000
