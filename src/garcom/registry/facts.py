"""What a bundle says of itself, in the registry's form."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from garcom.model.bundle import Bundle
from garcom.registry.records import Summary


def summarise(bundle: Bundle) -> Summary:
    """What lists show of a bundle without opening it."""
    return Summary(
        engines=tuple(spec.name for spec in bundle.manifest.engines),
        needs_python=bundle.needs_python,
        real_rows=bundle.proof.real_rows,
        placed_rows=bundle.proof.placed_rows,
        size_bytes=bundle.size_bytes,
        garcom=bundle.manifest.garcom,
    )


def flat_metrics(metrics: Mapping[str, Any]) -> dict[str, float]:
    """The numbers among a bundle's metrics; nested ones by dotted name (``f1.ruim``), lists left out."""
    return dict(_numbers(metrics, ""))


def _numbers(metrics: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, float]]:
    for name, value in metrics.items():
        if isinstance(value, Mapping):
            yield from _numbers(value, f"{prefix}{name}.")
        elif isinstance(value, int | float) and not isinstance(value, bool):
            yield f"{prefix}{name}", float(value)
