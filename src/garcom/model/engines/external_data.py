"""Finds ONNX graphs that want bytes from other files, or from memory, without the ``onnx`` package.

A tensor of a graph may name a file, an offset and a length in place of its numbers (ONNX: External Data); whoever loads
the graph reads that file. A bundle's graphs hold their numbers themselves, so one that does not is refused before ONNX
Runtime sees it. Read are the fields of onnx.proto in which a tensor can be, in the wire format of Protocol Buffers.
"""

from __future__ import annotations

import re
from typing import Literal

from garcom.errors import BundleError

#: The kinds of messages that are descended into.
_Kind = Literal["model", "training", "graph", "function", "node", "attribute", "sparse", "tensor"]

#: Of each kind, the fields in which another of interest lies, by field number (onnx.proto, IR version 12).
_FIELDS: dict[_Kind, dict[int, _Kind]] = {
    "model": {7: "graph", 20: "training", 25: "function"},
    "training": {1: "graph", 2: "graph"},
    "graph": {1: "node", 5: "tensor", 15: "sparse"},
    "function": {7: "node", 11: "attribute"},
    "node": {5: "attribute"},
    "attribute": {5: "tensor", 6: "graph", 10: "tensor", 11: "graph", 22: "sparse", 23: "sparse"},
    "sparse": {1: "tensor", 2: "tensor"},
    "tensor": {},
}
_EXTERNAL_DATA, _DATA_LOCATION = 13, 14
#: Every external tensor has an entry of this key; one without cannot be loaded. Most graphs need no walk at all.
_KEY = b"location"
#: A run of an attribute's floats (field 7) or integers (field 8), which may be millions, each with a tag of its own.
_RUN = re.compile(rb"(?:\x3d.{4})+|(?:\x40[\x80-\xff]{0,9}[\x00-\x7f])+", re.DOTALL)
#: What a model of ONNX Runtime's own format has at its fifth byte; its tensors are not looked through.
_ORT_FORMAT = b"ORTM"


def refuse_external_data(data: bytes, origin: str) -> None:
    """Raise :class:`~garcom.errors.BundleError` for a graph with a tensor outside of ``data``; ``origin`` names it."""
    if data[4:8] == _ORT_FORMAT:
        raise BundleError(f"{origin} is in ONNX Runtime's own format. Export the model to ONNX, and pack it again.")
    if _KEY in data:
        _walk(data, origin)


def _walk(data: bytes, origin: str) -> None:
    open_messages: list[tuple[int, int, _Kind]] = [(0, len(data), "model")]
    while open_messages:
        at, end, kind = open_messages.pop()
        inner = _FIELDS[kind]
        while at < end:
            if kind == "attribute" and (run := _RUN.match(data, at, end)):
                at = run.end()
                continue
            number, start, at = _field(data, at, end, origin)
            if kind == "tensor" and (
                number == _EXTERNAL_DATA or (number == _DATA_LOCATION and data[start:at] != b"\0")
            ):
                raise BundleError(
                    f"{origin} keeps tensors in other files (ONNX external data), which is refused: whoever loads it "
                    "would read them. Save the model in one file (onnx.save_model with save_as_external_data=False), "
                    "and pack it again."
                )
            if number in inner:
                open_messages.append((start, at, inner[number]))


def _field(data: bytes, at: int, end: int, origin: str) -> tuple[int, int, int]:
    """The number of the field at a place, where its content starts, and where it ends."""
    tag, at = _varint(data, at, end, origin)
    number, wire_type = tag >> 3, tag & 7
    start = at
    if wire_type == 0:
        _, at = _varint(data, at, end, origin)
    elif wire_type == 1:
        at += 8
    elif wire_type == 2:
        length, start = _varint(data, at, end, origin)
        at = start + length
    elif wire_type == 5:
        at += 4
    else:  # groups were never part of ONNX
        raise _unreadable(origin)
    if at > end or not number:
        raise _unreadable(origin)
    return number, start, at


def _varint(data: bytes, at: int, end: int, origin: str) -> tuple[int, int]:
    value = 0
    for position in range(at, min(at + 10, end)):
        byte = data[position]
        value |= (byte & 0x7F) << 7 * (position - at)
        if byte < 0x80:
            return value, position + 1
    raise _unreadable(origin)


def _unreadable(origin: str) -> BundleError:
    return BundleError(f"{origin} is not an ONNX graph, or is damaged. Export the model again, and pack it.")
