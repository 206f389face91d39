"""The operations of the arrays engine, by kind."""

from garcom.model.engines.arrays.ops import (
    categories,
    distances,
    features,
    links,
    matrix,
    pairs,
    texts,
    trees,
)
from garcom.model.engines.arrays.ops.registry import build

__all__ = ["build", "categories", "distances", "features", "links", "matrix", "pairs", "texts", "trees"]
