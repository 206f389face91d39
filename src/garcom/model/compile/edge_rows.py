"""Rows with what real data rarely hold: missing values, every category, unknown ones, odd texts, far numbers."""

from __future__ import annotations

import numpy as np

from garcom.model.compile.comparison import stack
from garcom.model.signature import Field, FieldType, Signature
from garcom.records import Batch

#: Base rows that each value is tried in.
_TRIED_IN = 4
_CATEGORIES_LIMIT = 200
_UNKNOWN = "garçom-unknown-value"


def edge_rows(signature: Signature, base: Batch, rng: np.random.Generator) -> list[Batch]:
    """Batches of rows made from ``base``, each with one kind of oddity; the original may refuse some of them."""
    if not base.n_rows:
        return []
    made = [_missing(signature, base, rng)]
    made += [_far(field, at, base, rng) for at, field in enumerate(signature.number_fields)]
    made += [_texts(field, at, base, rng) for at, field in enumerate(signature.text_fields)]
    return [batch for batch in made if batch.n_rows]


def _some(base: Batch, count: int, rng: np.random.Generator) -> Batch:
    rows = base.rows(rng.integers(base.n_rows, size=count))
    return Batch(rows.numbers.copy(), rows.texts.copy())


def _missing(signature: Signature, base: Batch, rng: np.random.Generator) -> Batch:
    """Each nullable field missing alone, and all of them at once."""
    numbers = [at for at, field in enumerate(signature.number_fields) if field.nullable]
    texts = [at for at, field in enumerate(signature.text_fields) if field.nullable]
    made = [base.rows(slice(0, 0))]
    for at in numbers:
        rows = _some(base, _TRIED_IN, rng)
        rows.numbers[:, at] = np.nan
        made.append(rows)
    for at in texts:
        rows = _some(base, _TRIED_IN, rng)
        rows.texts[:, at] = None
        made.append(rows)
    if numbers or texts:
        rows = _some(base, _TRIED_IN, rng)
        rows.numbers[:, numbers] = np.nan
        rows.texts[:, texts] = None
        made.append(rows)
    return stack(made)


def _far(field: Field, at: int, base: Batch, rng: np.random.Generator) -> Batch:
    """The field's range left on both sides, and zero."""
    if field.type is FieldType.BOOLEAN:
        values = [0.0, 1.0]
    else:
        known = base.numbers[:, at][np.isfinite(base.numbers[:, at])]
        if not len(known):
            return base.rows(slice(0, 0))
        low, high = float(known.min()), float(known.max())
        width = max(high - low, 1.0)
        values = [low, high, low - width, high + width, 0.0]
        if field.type is not FieldType.FLOAT:
            values = [float(np.rint(value)) for value in values]
    rows = _some(base, _TRIED_IN * len(values), rng)
    rows.numbers[:, at] = np.repeat(values, _TRIED_IN)
    return rows


def _texts(field: Field, at: int, base: Batch, rng: np.random.Generator) -> Batch:
    """Every known category and an unknown one; of free texts, forms that a tokeniser may stumble over."""
    values: list[object]
    if field.type is FieldType.CATEGORY and field.categories:
        numeric = [value for value in field.categories if isinstance(value, int)]
        values = [*field.categories[:_CATEGORIES_LIMIT], max(numeric) + 1 if numeric else _UNKNOWN]
    else:
        seen = [text for text in base.texts[:, at] if text]
        first, last = (seen[0], seen[-1]) if seen else ("texto", "ação")
        values = [
            "",
            " ",
            _UNKNOWN,
            first.upper(),
            first.lower(),
            f"{first} {last}",
            f"«{last}»\t{first}!\n",
            "ﬁ İ ß ǆ",
        ]
    rows = _some(base, _TRIED_IN * len(values), rng)
    rows.texts[:, at] = [value for value in values for _ in range(_TRIED_IN)]
    return rows
