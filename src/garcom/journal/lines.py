"""What stands in a segment: a header, a line for each version that answered, and a line for each prediction.

Newline-delimited JSON. Blank lines mean nothing: a segment that is being written ends in many. ::

    {"garcom":"journal","format":1,"segment":"01a…","worker":4711,"began":"2026-11-21T…Z","columns":["v","id",…]}
    {"v":0,"model":"wine","version":3,"digest":"6592…","role":"stable","task":"classification","fields":["alcohol",…],"classes":["bom","ruim"]}
    [0,"01a1fdb2-…",1795264812345678,[7.0,0.27],"bom",[0.98,0.02],null,412,null,null,null,null]
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import msgspec

FORMAT = 1


class Entry(NamedTuple):
    """One prediction, as a line of the journal.

    ``v`` is the number of a version line of the same segment. ``time_us`` and ``latency_us`` are microseconds, the
    first since 1970-01-01 UTC. ``row`` holds the input values in the order of the version's fields, datetimes as text;
    ``probabilities`` are in the order of its classes. ``score`` is an outlier's.
    """

    v: int
    id: str
    time_us: int
    row: Sequence[Any]
    prediction: Any
    probabilities: Sequence[float] | None = None
    score: float | None = None
    latency_us: int | None = None
    warnings: Sequence[Any] | None = None
    request_id: str | None = None
    key: str | None = None
    subject: str | None = None


class Header(msgspec.Struct, frozen=True, kw_only=True):
    """The first line of a segment: enough to read the rest without Garçom."""

    garcom: str = "journal"
    format: int = FORMAT
    segment: str
    worker: int
    began: str
    columns: tuple[str, ...] = Entry._fields


class Version(msgspec.Struct, frozen=True, kw_only=True):
    """A version that answers, told once in each segment before its first prediction.

    ``classes`` are the values that the API answers, in the order of the probabilities; ``targets`` the names of a
    regression's outputs, which it answers as an object where there are several.
    """

    v: int
    model: str
    version: int
    digest: str
    role: str
    task: str
    fields: tuple[str, ...]
    classes: tuple[Any, ...] = ()
    targets: tuple[str, ...] = ()


encode = msgspec.json.Encoder().encode
encode_lines = msgspec.json.Encoder().encode_lines
decode_header = msgspec.json.Decoder(Header).decode
decode_version = msgspec.json.Decoder(Version).decode
