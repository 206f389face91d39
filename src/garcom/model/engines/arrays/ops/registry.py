"""The table of operations: a name in a program, and what builds the function that runs it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from garcom.errors import BundleError
from garcom.model.engines.arrays.program import Step

#: What a built operation is: earlier values in, one value out. Inputs are never written to.
Call = Callable[..., Any]


class Builder(Protocol):
    """Prepares everything that does not depend on the rows."""

    def __call__(self, step: Step, /) -> Call:
        """The function that runs the step."""


_BUILDERS: dict[str, Builder] = {}


def operation(name: str) -> Callable[[Builder], Builder]:
    """Register the builder of the operation called ``name`` in programs."""

    def register(builder: Builder) -> Builder:
        _BUILDERS[name] = builder
        return builder

    return register


def build(step: Step) -> Call:
    """The function that runs ``step``. Raises :class:`BundleError` where the operation or its data are wrong."""
    if step.op not in _BUILDERS:
        raise BundleError(f"The program uses the operation {step.op!r}, which this Garçom does not know; upgrade it.")
    try:
        return _BUILDERS[step.op](step)
    except (KeyError, IndexError, TypeError, ValueError) as error:
        raise BundleError(f"The operation {step.op!r} has unusable data ({error!r}); pack the model again.") from error
