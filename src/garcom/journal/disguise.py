"""What may be written of an input row: fields about a person are dropped, masked or hashed before the journal."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any, Protocol

from garcom.journal.lines import encode
from garcom.journal.pseudonyms import SubjectKey

MASK = "***"

Change = Callable[[Any], Any]


class PersonalField(Protocol):
    """What has to be known of a field; that of a signature knows it."""

    @property
    def pii(self) -> str:
        """``keep``, ``drop``, ``mask`` or ``hash``."""


class PersonalSignature(Protocol):
    """The fields, in the order of a row's values."""

    @property
    def fields(self) -> Sequence[PersonalField]:
        """One for each value of a row."""


def disguise(signature: PersonalSignature, key: SubjectKey) -> Callable[[Sequence[Any]], list[Any]] | None:
    """The function that makes of a row (values in the order of the fields) what may be written of it.

    ``drop`` leaves null, ``mask`` ``***`` of a text and null of anything else, ``hash`` 32 hexadecimal digits: the
    HMAC of the value's canonical JSON, in which 7 and 7.0 are the same and times are in UTC. A missing value stays
    null. ``None`` where every field is kept, so that a row costs nothing then.
    """
    changes: dict[str, Change] = {"drop": _dropped, "mask": _masked, "hash": partial(_hashed, key)}
    changed = [(at, changes[field.pii]) for at, field in enumerate(signature.fields) if field.pii != "keep"]
    if not changed:
        return None

    def disguised(row: Sequence[Any]) -> list[Any]:
        values = list(row)
        for at, change in changed:
            values[at] = change(values[at])
        return values

    return disguised


def _dropped(value: Any) -> None:
    return None


def _masked(value: Any) -> str | None:
    return MASK if isinstance(value, str) else None


def _hashed(key: SubjectKey, value: Any) -> str | None:
    if value is None or value != value:
        return None
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    elif isinstance(value, datetime):
        value = value.astimezone(UTC)
    return key.hashed(encode(value))
