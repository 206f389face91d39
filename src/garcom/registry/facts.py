"""What a bundle says of itself, in the registry's form."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from typing import Any

from garcom.errors import BundleError
from garcom.model.bundle import Bundle
from garcom.registry.records import Signer, Summary

#: Numbers that a bundle's metrics may hold, and how deep: each is a row of the database.
METRICS_LIMIT = 10_000
_DEPTH_LIMIT = 16


def summarise(bundle: Bundle, signer: Signer | None = None) -> Summary:
    """What lists show of a bundle without opening it."""
    return Summary(
        engines=tuple(spec.name for spec in bundle.manifest.engines),
        needs_python=bundle.needs_python,
        real_rows=bundle.proof.real_rows,
        placed_rows=bundle.proof.placed_rows,
        size_bytes=bundle.size_bytes,
        garcom=bundle.manifest.garcom,
        signer=signer,
    )


def flat_metrics(metrics: Mapping[str, Any]) -> dict[str, float]:
    """The numbers among a bundle's metrics; nested ones by dotted name (``f1.ruim``), lists left out.

    Raises :class:`~garcom.errors.BundleError` for more of them, or deeper ones, than any model has.
    """
    found = dict(itertools.islice(_numbers(metrics, "", 0), METRICS_LIMIT + 1))
    if len(found) > METRICS_LIMIT:
        raise BundleError(f"metrics.json has more than {METRICS_LIMIT:,} numbers. Pack the model again.")
    return found


def _numbers(metrics: Mapping[str, Any], prefix: str, depth: int) -> Iterator[tuple[str, float]]:
    if depth > _DEPTH_LIMIT:
        raise BundleError(f"metrics.json nests deeper than {_DEPTH_LIMIT} objects. Pack the model again.")
    for name, value in metrics.items():
        if isinstance(value, Mapping):
            yield from _numbers(value, f"{prefix}{name}.", depth + 1)
        elif isinstance(value, int | float) and not isinstance(value, bool):
            yield f"{prefix}{name}", _number(value)


def _number(value: int | float) -> float:
    try:
        return float(value)
    except OverflowError as error:
        raise BundleError("metrics.json has a number beyond float64. Pack the model again.") from error
