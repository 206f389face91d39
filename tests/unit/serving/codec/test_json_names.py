"""Field names of every kind, and names that mean something to the bodies themselves."""

from __future__ import annotations

import json
from typing import Any

import pytest

from garcom.errors import InputError, InvalidRows
from garcom.model.signature import Field, FieldType
from garcom.serving.codec.forms import Form
from tests.unit.serving.codec.examples import json_reader, one, refusal, signature

ODD = [
    "fixed acidity",
    " ",
    "",
    "ação",
    "ac\u0327a\u0303o",  # the same letters, decomposed: another name
    'a "quoted" name',
    "back\\slash",
    "new\nline",
    "tab\tname",
    "null\0name",
    "a:b",
    ":",
    "🍷 doçura",
    "\u2028",
    "\x7f",
    "f0",
    "__class__",
    "records",
    "columns",
    "data",
    "index",
    "self",
    "NaN",
    "x" * 500,
    "بيانات",
]


@pytest.mark.parametrize("name", ODD, ids=ascii)
def test_any_name_in_every_form(name: str) -> None:
    reader = json_reader(one(name))
    for escaped in (False, True):
        for document, form in (
            ({name: 1.5}, Form.RECORD),
            ([{name: 1.5}], Form.LIST),
            ({"records": [{name: 1.5}]}, Form.RECORDS),
            ({"columns": [name], "data": [[1.5]]}, Form.SPLIT),
        ):
            order = reader.read(json.dumps(document, ensure_ascii=escaped).encode())
            assert order.form is form
            assert list(order.rows) == [(1.5,)]


@pytest.mark.parametrize("name", ODD, ids=ascii)
def test_any_name_twice_is_refused(name: str) -> None:
    reader = json_reader(one(name))
    plain = json.dumps(name, ensure_ascii=False)
    spelt = '"' + "".join(f"\\u{ord(c):04x}" if ord(c) < 0x10000 else c for c in name) + '"'
    for first, second in ((plain, plain), (plain, spelt), (spelt, spelt)):
        fault = refusal(reader.read, f"{{{first}:1,{second}:2}}".encode(), InvalidRows)[0]
        assert fault.got == "the same field more than once"


@pytest.mark.parametrize("name", ODD, ids=ascii)
def test_all_odd_names_together(name: str) -> None:
    model = signature(*(Field(name=odd, type=FieldType.FLOAT) for odd in ODD))
    reader = json_reader(model)
    record = {odd: float(i) for i, odd in enumerate(ODD)}
    assert list(reader.read(json.dumps(record).encode()).rows) == [tuple(record.values())]
    del record[name]
    assert refusal(reader.read, json.dumps(record).encode(), InvalidRows)[0].got == "nothing: the field is missing"


COLONS = signature(
    Field(name="a:b", type=FieldType.STRING),
    Field(name="c", type=FieldType.STRING, required=False, nullable=True),
    Field(name="d", type=FieldType.STRING, required=False, nullable=True),
)


@pytest.mark.parametrize(
    ("body", "doubled"),
    [
        ('{"a:b":"x"}', False),
        ('{"a:b":"x:y"}', False),
        ('{"a:b":"\\"c\\":"}', False),
        ('{"a:b":"x","c":"","d":null}', False),
        ('{"a:b":"x","c":"1","c":"2"}', True),  # as many names as fields, one of them twice
        ('{"a:b":"x","c":"1","\\u0063":"2"}', True),
        ('{"a:b":"x","c":null,"c":null}', True),
        ('{"a:b":"x:","c":"1","c":"2:"}', True),
        ('{"a:b":"x","a\\u003ab":"y"}', True),
        ('{"a:b" \n:"x","a:b"\t:"y"}', True),
        ('[{"a:b":"x"},{"a:b":"y","c":"1","c":"2"}]', True),
        ('[{"a:b":"x","c":"1"},{"a:b":"y","a:b":"z"}]', True),
        ('{"records":[{"a:b":"x","c":"1","c":"2"}]}', True),
    ],
)
def test_doubled_names_among_colons_and_optional_fields(body: str, doubled: bool) -> None:
    reader = json_reader(COLONS)
    if doubled:
        assert refusal(reader.read, body.encode(), InvalidRows)[0].got == "the same field more than once"
    else:
        assert reader.read(body.encode()).n_rows == 1


def test_a_model_with_a_field_called_records() -> None:
    reader = json_reader(one("records", FieldType.STRING))
    assert reader.read(b'{"records":"x"}').form is Form.RECORD
    assert reader.read(b'{"records":[{"records":"x"}]}').form is Form.RECORDS
    assert refusal(reader.read, b'{"records":[{"records":"x"},{"records":1}]}')[0].where == "records[1].records"
    assert refusal(reader.read, b'{"records":1}')[0].where == "records"


def test_a_model_with_fields_called_columns_and_data() -> None:
    model = signature(Field(name="columns", type=FieldType.STRING), Field(name="data", type=FieldType.STRING))
    reader = json_reader(model)
    assert reader.read(b'{"columns":"x","data":"y"}').form is Form.RECORD
    split = reader.read(b'{"columns":["data","columns"],"data":[["y","x"]]}')
    assert (split.form, list(split.rows)) == (Form.SPLIT, [("x", "y")])
    assert refusal(reader.read, b'{"columns":"x","data":1}')[0].where == "data"


def test_a_model_that_needs_no_field_takes_an_empty_record() -> None:
    reader = json_reader(one("n", required=False, nullable=True))
    for body in (b"{}", b"[{}]", b'{"records":[{}]}'):
        rows: Any = reader.read(body).rows
        assert list(rows) == [(None,)]


def test_suggestions_stay_quick_for_a_model_with_many_fields() -> None:
    model = signature(*(Field(name=f"feature_{i}", type=FieldType.FLOAT) for i in range(2000)))
    body = json.dumps({f"featre_{i}": 1 for i in range(2000)}).encode()
    with pytest.raises(InputError) as caught:
        json_reader(model).read(body)
    hinted = [fault for fault in caught.value.faults if fault.suggestion]
    assert 0 < len(hinted) <= 10


@pytest.mark.parametrize(("field", "sent"), [("ação", "ac\u0327a\u0303o"), ("ac\u0327a\u0303o", "ação")], ids=ascii)
def test_another_unicode_form_of_a_name_is_the_same_name(field: str, sent: str) -> None:
    reader = json_reader(one(field))
    assert reader.read(json.dumps({sent: 1.5}).encode()).rows == [(1.5,)]
    twice = json.dumps({field: 1.5, sent: 1.5}).encode()
    assert "two Unicode forms" in refusal(reader.read, twice, InvalidRows)[0].got
