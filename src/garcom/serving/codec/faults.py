"""Faults into the exceptions that carry them."""

from __future__ import annotations

from collections.abc import Sequence

from garcom.errors import Fault, InvalidRows, MalformedBody

#: A body with more faults than this is wrong as a whole; the rest would only be noise.
MAX_FAULTS = 100


def shown(name: str) -> str:
    """A name from outside, cut to a length that an error can carry; half a surrogate pair is spelt out."""
    cut = name if len(name) <= 100 else f"{name[:100]}…"
    return cut.encode("utf-8", "backslashreplace").decode()


def malformed(where: str, expected: str, got: str, suggestion: str = "") -> MalformedBody:
    """The exception for a body that cannot be read at all."""
    fault = Fault(where, expected, got, suggestion)
    return MalformedBody(f"The body cannot be read: {fault.sentence()}", (fault,))


def too_many_rows(n_rows: int, limit: int) -> InvalidRows:
    """The exception for more rows than the server takes in one request."""
    fault = Fault("records", f"at most {limit:,} rows", f"{n_rows:,}", "Send them in several requests.")
    return InvalidRows(fault.sentence(), (fault,))


def raise_any(faults: Sequence[Fault]) -> None:
    """Raise InvalidRows if there is any fault; its message is the first one's sentence."""
    if faults:
        more = f" (and {len(faults) - 1} more)" if len(faults) > 1 else ""
        raise InvalidRows(f"{faults[0].sentence()}{more}", tuple(faults[:MAX_FAULTS]))
