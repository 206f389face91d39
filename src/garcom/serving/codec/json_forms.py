"""Which form a JSON object has: a record, or an envelope around rows."""

from __future__ import annotations

from collections.abc import Collection

from garcom.serving.codec.documents import Pairs
from garcom.serving.codec.faults import malformed, shown
from garcom.serving.codec.forms import Form

_SPLIT = frozenset({"columns", "data"})
#: pandas writes an index too; it is not read.
_SPLIT_NAMES = _SPLIT | {"index"}
#: How rows that other servers take are written for this one.
_ELSEWHERE = {
    "dataframe_split": 'Send what is inside it, alone: {"columns": […], "data": [[…]]}.',
    "dataframe_records": 'Name it records: {"records": [{…}]}.',
    "instances": 'Send {"records": [{…}]}, each an object of fields, or {"columns": […], "data": [[…]]}.',
    "inputs": 'Send {"records": [{…}]}, each an object of fields, or {"columns": […], "data": [[…]]}.',
}


def form_of(document: Pairs, fields: Collection[str]) -> Form:
    """RECORD, RECORDS or SPLIT, by the object's names.

    Raises MalformedBody for an envelope that lacks a part, has one too many, or is another server's.
    """
    names = {name for name, _ in document}
    # A model may have fields of these names; no field's value is a list, so a list settles it.
    has_list = any(is_list(value) for _, value in document)
    if names == {"records"} and (has_list or "records" not in fields):
        return Form.RECORDS
    if _SPLIT <= names <= _SPLIT_NAMES and (has_list or not names <= set(fields)):
        return Form.SPLIT
    nested = [name for name, value in document if isinstance(value, list) and name not in fields]
    for name in nested:
        if name == "records":
            raise _beside("records", names - {"records"})
        if name in _SPLIT:
            raise _half_split(names)
        if name in _ELSEWHERE:
            raise malformed("", "a form that this server reads", f"one with {name!r}", _ELSEWHERE[name])
    return Form.RECORD


def is_list(value: object) -> bool:
    """Whether a value of a document is a JSON array."""
    return isinstance(value, list) and not isinstance(value, Pairs)


def _half_split(names: set[str]) -> Exception:
    if missing := _SPLIT - names:
        (part,) = missing
        (other,) = _SPLIT - missing
        return malformed(part, f"{part!r} beside {other!r}", "nothing", 'Send {"columns": […], "data": [[…]]}.')
    return _beside("columns and data", names - _SPLIT_NAMES)


def _beside(envelope: str, others: set[str]) -> Exception:
    listed = ", ".join(repr(shown(name)) for name in sorted(others)[:3])
    return malformed("", f"nothing beside {envelope}", listed, "Values of a row go into the row.")
