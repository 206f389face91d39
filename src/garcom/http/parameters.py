"""What the documentation says of parameters that several routes have; the parts behind them refuse what does not fit.

The framework checks none of this: its refusals would tell less than those of the part that needs the parameter.
"""

from __future__ import annotations

from typing import Annotated

from fastapi import Path, Query

from garcom.model.names import LENGTH_LIMIT

#: The greatest version that a reference can name.
LAST_VERSION = 999_999_999
#: A length of time, or nothing; or a date, with or without a time.
_MOMENT = {
    "anyOf": [
        {"type": "string", "pattern": r"^([0-9]{1,4}(\.[0-9]{1,3})?[smhdw]){0,3}$"},
        {"type": "string", "format": "date"},
        {"type": "string", "format": "date-time"},
    ]
}

ModelName = Annotated[
    str,
    Path(
        description="The model's name.",
        json_schema_extra={"pattern": rf"^[a-z0-9][a-z0-9_.-]{{0,{LENGTH_LIMIT - 1}}}$"},
    ),
]
VersionNumber = Annotated[
    str,
    Path(
        description="The version's number.",
        json_schema_extra={"type": "integer", "minimum": 1, "maximum": LAST_VERSION},
    ),
]
Since = Annotated[
    str,
    Query(
        alias="from",
        description="The first moment: a date (ISO 8601), or how long ago: 30m, 1h, 7d.",
        json_schema_extra=_MOMENT,
    ),
]
Until = Annotated[
    str, Query(alias="to", description="The moment before which they were made.", json_schema_extra=_MOMENT)
]
Cursor = Annotated[
    str | None,
    Query(description="The `next` of the page before.", json_schema_extra={"minLength": 1, "maxLength": 100}),
]
