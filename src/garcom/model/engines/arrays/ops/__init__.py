"""The operations of the arrays engine, by kind."""

from garcom.model.engines.arrays.ops import (
    categories,
    features,
    links,
    matrix,
    trees,
)
from garcom.model.engines.arrays.ops.registry import build

__all__ = ["build", "categories", "features", "links", "matrix", "trees"]
