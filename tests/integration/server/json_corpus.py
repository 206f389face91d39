"""JSON documents for every route that takes them: to be read, to be refused, and what RFC 8259 leaves open.

Written for Garçom. A document is made of a good one (``{"name": value, …}`` or a list of such), so that the same cases
fit every route.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

#: Makes the bytes of a case of a good document.
Make = Callable[[Any], bytes]


def _dumped(**options: Any) -> Make:
    return lambda value: json.dumps(value, **options).encode()


def _around(before: bytes, after: bytes) -> Make:
    return lambda value: before + json.dumps(value).encode() + after


def _first_object(value: Any) -> dict[str, Any]:
    found: dict[str, Any] = value[0] if isinstance(value, list) else value
    return found


def _escaped_names(value: Any) -> bytes:
    text = json.dumps(value)
    for name in _first_object(value):
        text = text.replace(f'"{name}":', '"' + "".join(f"\\u{ord(letter):04X}" for letter in name) + '":')
    return text.encode()


def _backwards(value: Any) -> bytes:
    def turned(each: Any) -> Any:
        return dict(reversed(each.items())) if isinstance(each, dict) else each

    return json.dumps([turned(each) for each in value] if isinstance(value, list) else turned(value)).encode()


def _with_member(member: bytes) -> Make:
    """The document with one more member, written as it stands, at the end of its first object."""

    def make(value: Any) -> bytes:
        text = json.dumps(value).encode()
        at = text.index(b"}") if not any(isinstance(each, dict) for each in _first_object(value).values()) else -1
        at = at if at >= 0 else text.rindex(b"}")
        return text[:at] + b", " + member + text[at:]

    return make


def _first_again(value: Any) -> bytes:
    name, first = next(iter(_first_object(value).items()))
    return _with_member(f"{json.dumps(name)}: {json.dumps(first)}".encode())(value)


def _first_again_escaped(value: Any) -> bytes:
    name, first = next(iter(_first_object(value).items()))
    escaped = f'"\\u{ord(name[0]):04x}{name[1:]}"'
    return _with_member(f"{escaped}: {json.dumps(first)}".encode())(value)


#: Every JSON parser has to read these (RFC 8259 §2, §7).
MUST_ACCEPT: dict[str, Make] = {
    "as it is": _dumped(),
    "without blanks": _dumped(separators=(",", ":")),
    "indented": _dumped(indent=4),
    "indented with tabs": _dumped(indent="\t"),
    "blanks around": _around(b" \n\r\t ", b" \t\r\n "),
    "blanks around each mark": _dumped(separators=(" \n,\t", "\r: ")),
    "carriage returns": lambda value: json.dumps(value, indent=1).replace("\n", "\r\n").encode(),
    "names in escapes": _escaped_names,
    "names in another order": _backwards,
    "a long blank": _around(b" " * 3000, b"\n" * 3000),
}

#: No JSON parser may read these (RFC 8259); some are a good document that something was done to.
MUST_REJECT: dict[str, bytes | Make] = {
    "nothing": b"",
    "blanks": b" \t\r\n",
    "an open object": b"{",
    "an open list": b"[",
    "a closed object": b"}",
    "a closed list": b"]",
    "crossed": b"[{]}",
    "a comma": b",",
    "a colon": b":",
    "a name alone": b'{"a"}',
    "no value": b'{"a":}',
    "no name": b"{:1}",
    "two colons": b'{"a"::1}',
    "no colon": b'{"a" 1}',
    "an equals sign": b'{"a"=1}',
    "a name without marks": b"{a:1}",
    "a name in apostrophes": b"{'a':1}",
    "a number as a name": b"{1:1}",
    "null as a name": b"{null:1}",
    "a list as a name": b"{[]:1}",
    "a comma at the end of an object": b'{"a":1,}',
    "a comma at its begin": b'{,"a":1}',
    "two commas": b'{"a":1,,"b":2}',
    "a comma at the end of a list": b"[1,]",
    "a comma at the begin of a list": b"[,1]",
    "nothing between commas": b"[1,,2]",
    "no comma": b"[1 2]",
    "a semicolon": b"[1;2]",
    "two documents": b'{"a":1}{"a":1}',
    "two documents in lines": b'{"a":1}\n{"a":1}\n',
    "a document and a word": b'{"a":1} x',
    "a document and a bracket": b'{"a":1}]',
    "a document and a comma": b'{"a":1},',
    "a document and a comment": b'{"a":1} // one',
    "a comment before": b'/* one */{"a":1}',
    "a comment inside": b'{"a":/* one */1}',
    "a hash comment": b'# one\n{"a":1}',
    "nul": b"nul",
    "True": b"True",
    "TRUE": b"TRUE",
    "None": b"None",
    "undefined": b'{"a":undefined}',
    "a word": b"hello",
    "an open text": b'"hello',
    "a closed text": b'hello"',
    "apostrophes": b"'hello'",
    "a backslash at the end": b'"\\',
    "an escape that is none": b'"\\x41"',
    "an escaped apostrophe": b'"\\\'"',
    "an escaped digit": b'"\\0"',
    "half an escape": b'"\\u12"',
    "no hexadecimal": b'"\\u12G4"',
    "a large U": b'"\\U00000041"',
    "a newline in a text": b'"a\nb"',
    "a tab in a text": b'"a\tb"',
    "a NUL in a text": b'"a\x00b"',
    "a bell in a text": b'"a\x07b"',
    "a NUL": b"\x00",
    "a NUL after": _around(b"", b"\x00"),
    "a NUL before": _around(b"\x00", b""),
    "a form feed before": _around(b"\x0c", b""),
    "a vertical tab after": _around(b"", b"\x0b"),
    "a no-break space before": _around("\u00a0".encode(), b""),
    "a line separator after": _around(b"", "\u2028".encode()),
    "a zero-width space before": _around("\u200b".encode(), b""),
    "a plus": b"+1",
    "two minuses": b"--1",
    "a minus alone": b"-",
    "a zero before": b"01",
    "a minus and a zero before": b"-01",
    "a point at the end": b"1.",
    "a point at the begin": b".5",
    "two points": b"1.2.3",
    "an exponent without digits": b"1e",
    "an exponent's sign alone": b"1e+",
    "a broken exponent": b"1e1.5",
    "a hexadecimal number": b"0x10",
    "an octal number": b"0o7",
    "an underscore": b"1_000",
    "a comma in a number": b"1,000",
    "digits of another script": "٣".encode(),
    "a full-width digit": "１".encode(),
    "a letter after": b"1a",
    "a fraction": b"1/2",
    "UTF-8 that is cut": b'{"a":"\xc3"}',
    "a continuation alone": b'{"a":"\x80"}',
    "a byte that is never": b'{"a":"\xff"}',
    "a slash in two bytes": b'{"a":"\xc0\xaf"}',
    "a NUL in two bytes": b'{"a":"\xc0\x80"}',
    "a surrogate in bytes": b'{"a":"\xed\xa0\x80"}',
    "beyond Unicode": b'{"a":"\xf4\x90\x80\x80"}',
    "five bytes": b'{"a":"\xf8\x88\x80\x80\x80"}',
    "Latin-1": b'{"a":"caf\xe9"}',
    "UTF-16": lambda value: json.dumps(value).encode("utf-16"),
    "UTF-16 without a mark": lambda value: json.dumps(value).encode("utf-16-le"),
    "UTF-32": lambda value: json.dumps(value).encode("utf-32"),
    "a missing end": lambda value: json.dumps(value).encode()[:-1],
    "a missing begin": lambda value: json.dumps(value).encode()[1:],
    "an end too many": _around(b"", b"}"),
    "a begin too many": _around(b"{", b""),
    "twice": lambda value: json.dumps(value).encode() * 2,
    "in parentheses": _around(b"(", b")"),
    "as JavaScript": _around(b"x = ", b";"),
    "after a prefix against theft": _around(b")]}',\n", b""),
    "as a text sequence": _around(b"\x1e", b"\n"),
    "as YAML": b"a: 1\n",
    "as XML": b"<a>1</a>",
    "as a form": b"a=1&b=2",
    "as MessagePack": b"\x81\xa1a\x01",
    "as gzip": b"\x1f\x8b\x08\x00",
    "as a pickle": b"\x80\x05}\x94.",
}

#: What the RFC leaves to the reader (§4, §6, §8.1, §8.2, §9), pinned: nobody may take one reading for another.
LEFT_OPEN: dict[str, Make] = {
    "a byte order mark": _around(b"\xef\xbb\xbf", b""),
    "the same name twice": _first_again,
    "the same name twice, once in escapes": _first_again_escaped,
    "NaN": _with_member(b'"zz": NaN'),
    "Infinity": _with_member(b'"zz": Infinity'),
    "minus Infinity": _with_member(b'"zz": -Infinity'),
    "a number that no float holds": _with_member(b'"zz": 1e999'),
    "ten thousand digits": _with_member(b'"zz": ' + b"9" * 10_000),
    "half of a surrogate pair": _with_member(b'"zz": "\\ud800"'),
    "halves in the wrong order": _with_member(b'"zz": "\\udc00\\ud800"'),
    "half of a pair as a name": _with_member(b'"\\ud800": 1'),
    "a name without letters": _with_member(b'"": 1'),
    "a name with a NUL": _with_member(b'"\\u0000": 1'),
    "a very long name": _with_member(b'"' + b"z" * 20_000 + b'": 1'),
    "an unknown name": _with_member(b'"zz": 1'),
    "__proto__": _with_member(b'"__proto__": {"admin": true}'),
    "nested deeply": _with_member(b'"zz": ' + b"[" * 50_000 + b"]" * 50_000),
    "objects nested deeply": _with_member(b'"zz": ' + b'{"a":' * 20_000 + b"1" + b"}" * 20_000),
    "open lists only": lambda _: b"[" * 100_000,
    "a text": lambda _: b'"text"',
    "a number": lambda _: b"1",
    "true": lambda _: b"true",
    "null": lambda _: b"null",
    "an empty object": lambda _: b"{}",
    "an empty list": lambda _: b"[]",
    "a list in a list": lambda value: json.dumps([[value]]).encode(),
}
