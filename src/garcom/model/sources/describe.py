"""From an object in memory to what it says of itself."""

from __future__ import annotations

from typing import Any

from garcom.model.sources import boosters, estimators, onnx
from garcom.model.sources.base import Loaded


def describe(model: Any, files: dict[str, str] | None = None) -> Loaded:
    """A fitted estimator, a bare Booster or an ONNX model as a :class:`~garcom.model.sources.base.Loaded`."""
    if isinstance(model, onnx.OnnxModel):
        return onnx.describe(model, files or {})
    if boosters.is_booster(model):
        return boosters.describe(model, files or {})
    return estimators.describe(model, files or {})
