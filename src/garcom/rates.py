"""How much may be asked for: rates as they are written, and the limits of one caller or one model."""

from __future__ import annotations

from typing import Annotated, NamedTuple

import msgspec
from msgspec import Meta

_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}

#: Any count here is still exact as the double of a Redis script.
Count = Annotated[int, Meta(ge=1, le=2**53 - 1)]

#: A rate as it is written; empty is no limit.
RateText = Annotated[
    str,
    Meta(
        pattern=r"^([1-9][0-9]{0,8}/[1-9][0-9]{0,4}[smhd])?$(?!\n)",
        extra={"words": "a rate such as 100/1s, 500/10s, 1000/1m or 50000/24h"},
    ),
]


class Rate(NamedTuple):
    """At most ``amount`` in any span of ``span_s`` seconds."""

    amount: int
    span_s: int

    @classmethod
    def read(cls, text: str) -> Rate | None:
        """The rate in a :data:`RateText`; None for none. Raises ValueError for text that is no rate."""
        if not text:
            return None
        amount, _, span = msgspec.convert(text, RateText).partition("/")
        return cls(int(amount), int(span[:-1]) * _SECONDS[span[-1]])


class Limits(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """What one caller, or everybody together on one model, may ask for; empty or None is no limit.

    Rates are written as the most in a span: ``100/1s`` is a hundred in any second; ``500/10s`` is fifty a second in the
    long run, and up to five hundred at once.
    """

    requests: RateText = ""
    rows: RateText = ""
    #: Requests answered at the same time, in each worker.
    concurrent: Count | None = None
    body_bytes: Count | None = None
    #: Rows predicted per day (UTC).
    daily_rows: Count | None = None

    def over(self, defaults: Limits) -> Limits:
        """These limits, and where one is left open, that of ``defaults``."""
        return Limits(**{name: getattr(self, name) or getattr(defaults, name) for name in self.__struct_fields__})
