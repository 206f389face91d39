"""Rows made up where there are no real ones: from the model's own anchors and from what the signature knows."""

from __future__ import annotations

from typing import Any

import numpy as np

from garcom.model.compile.anchors import Anchors, find_anchors
from garcom.model.signature import Field, FieldType, Signature
from garcom.model.sources.base import Loaded
from garcom.records import Batch, FloatArray, TextArray

MADE_ROWS = 600
#: Where nothing is known of a number, it may be of any size.
_ANYTHING = np.concatenate([np.linspace(-3, 3, 25), 10.0 ** np.arange(1, 5), -(10.0 ** np.arange(1, 5))])
_A_YEAR_US = 365.25 * 24 * 3600 * 1e6


def made_rows(loaded: Loaded, signature: Signature, rng: np.random.Generator, n_rows: int = MADE_ROWS) -> Batch:
    """Rows that reach what the model distinguishes, as far as it shows that itself."""
    anchors = find_anchors(loaded.model, len(signature.fields))
    positions = {one.name: at for at, one in enumerate(signature.fields)}
    numbers = [
        _numbers(one, np.array(anchors.numbers.get(positions[one.name], [])), rng, n_rows)
        for one in signature.number_fields
    ]
    texts = [_texts(one, anchors, signature.example.get(one.name), rng, n_rows) for one in signature.text_fields]
    return Batch(
        np.column_stack(numbers) if numbers else np.empty((n_rows, 0)),
        np.column_stack(texts) if texts else np.empty((n_rows, 0), object),
    )


def _numbers(one: Field, anchors: FloatArray, rng: np.random.Generator, n_rows: int) -> FloatArray:
    """Half of the values are anchors, half lie anywhere within a little more than their range."""
    if one.type is FieldType.BOOLEAN:
        return rng.integers(0, 2, n_rows).astype(np.float64)
    known = [value for value in (one.minimum, one.maximum) if value is not None]
    values = np.concatenate([anchors, known])
    if not len(values):
        values = np.array([0.0, 50 * _A_YEAR_US]) if one.type is FieldType.DATETIME else _ANYTHING
    low, high = float(values.min()), float(values.max())
    margin = 0.1 * (high - low) or max(abs(low), 1.0)
    anywhere = rng.uniform(low - margin, high + margin, n_rows)
    chosen = np.where(rng.random(n_rows) < 0.5, rng.choice(values, n_rows), anywhere)
    return chosen if one.type is FieldType.FLOAT else np.rint(chosen)


def _texts(one: Field, anchors: Anchors, example: Any, rng: np.random.Generator, n_rows: int) -> TextArray:
    values = np.empty(n_rows, object)
    if one.categories:
        values[:] = [one.categories[at] for at in rng.integers(0, len(one.categories), n_rows)]
    elif anchors.words:
        values[:] = [" ".join(rng.choice(anchors.words, size)) for size in rng.integers(1, 12, n_rows)]
    else:
        choices = ["", "a", "texto", "ação", str(example)]
        values[:] = [choices[at] for at in rng.integers(0, len(choices), n_rows)]
    return values
