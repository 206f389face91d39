"""Logged inputs as rows of another version, and why some of them cannot be."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from garcom.errors import Fault, InputError
from garcom.journal.disguise import MASK
from garcom.model.signature import STORED, Pii, Signature
from garcom.records import Batch
from garcom.replay.records import Reason, Refusal
from garcom.serving.codec.json_body import JsonBodies
from garcom.serving.rows import Row

#: Of a version: its fields that are not written down as they are.
Personal = Mapping[str, Pii]

_decode = msgspec.json.Decoder(dict[str, Any]).decode
#: How the codec names a field of the only record of a list.
_PLACE = "records[0]"


class Cause(NamedTuple):
    """Why a row is refused."""

    by: str
    reason: Reason
    field: str
    detail: str


class Refusals:
    """Counts refused rows by cause. The first of each is told in detail."""

    def __init__(self) -> None:
        self._rows: dict[tuple[str, Reason, str], int] = {}
        self._details: dict[tuple[str, Reason, str], str] = {}
        self.n_rows = 0

    def add(self, causes: Sequence[Cause]) -> None:
        """Count a row, once in each of its causes."""
        self.n_rows += 1
        for by, reason, field in dict.fromkeys((cause.by, cause.reason, cause.field) for cause in causes):
            self._rows[by, reason, field] = self._rows.get((by, reason, field), 0) + 1
        for cause in causes:
            self._details.setdefault(cause[:3], cause.detail)

    def told(self) -> tuple[Refusal, ...]:
        """The causes, those of the most rows first."""
        ordered = sorted(self._rows.items(), key=lambda each: (-each[1], each[0]))
        return tuple(
            Refusal(by=by, reason=reason, field=field, rows=rows, detail=self._details[by, reason, field])
            for (by, reason, field), rows in ordered
        )


class Inputs:
    """Reads logged inputs for one version, ``of``.

    ``personal`` has the personal fields of the versions that answered then, by their numbers.
    """

    def __init__(self, of: str, signature: Signature, personal: Mapping[int, Personal]) -> None:
        self._of = of
        self._names = frozenset(signature.names)
        self._read = JsonBodies(signature, max_rows=1 << 30).read
        self._disguised = {
            version: {name: pii for name, pii in fields.items() if name in self._names}
            for version, fields in personal.items()
        }

    def rows(self, inputs: Sequence[str], versions: Sequence[int]) -> list[Row | list[Cause]]:
        """For each input, which the version of that number took, the row, or why there is none."""
        if not any(self._disguised.get(version) for version in set(versions)):
            try:
                return list(self._many(inputs))
            except InputError:
                pass  # one of them at least: each has to be looked at
        return [
            self._row(text, self._disguised.get(version, {})) for text, version in zip(inputs, versions, strict=True)
        ]

    def _many(self, inputs: Sequence[str]) -> Sequence[Row]:
        rows = self._read(b"[" + ",".join(inputs).encode() + b"]").rows
        if isinstance(rows, Batch):
            raise TypeError("a JSON list decodes to tuples")
        return rows

    def _row(self, text: str, disguised: Personal) -> Row | list[Cause]:
        if disguised and (hidden := self._hidden(text, disguised)):
            return hidden
        try:
            return self._many([text])[0]
        except InputError as error:
            told = _decode(text)
            return [self._cause(fault, told) for fault in error.faults]

    def _hidden(self, text: str, disguised: Personal) -> list[Cause]:
        """The fields whose value is not the one that was served."""
        values = _decode(text)
        return [
            Cause("log", "disguised", name, f"its values are stored {STORED[pii]} (pii = {pii})")
            for name, pii in disguised.items()
            if name in values and _is_hidden(pii, values[name])
        ]

    def _cause(self, fault: Fault, told: Mapping[str, Any]) -> Cause:
        field = fault.where.removeprefix(_PLACE).removeprefix(".")
        reason: Reason = "wrong value"
        if field not in self._names:
            reason = "unknown field"
        elif field not in told:
            reason = "missing field"
        elif told[field] is None:
            reason = "null"
        return Cause(self._of, reason, field, f"expected {fault.expected}, got {fault.got}")


def _is_hidden(pii: Pii, stored: Any) -> bool:
    """Whether what is stored may stand for something else. A null that was hashed was null."""
    if pii == "hash":
        return stored is not None
    return stored is None or stored == MASK
