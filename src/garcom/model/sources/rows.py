"""A batch in the form in which an original wants its rows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from garcom.model.frames import to_frame
from garcom.model.signature import FieldType, Signature
from garcom.model.sources.base import InputKind
from garcom.model.sources.columns import Columns
from garcom.records import Batch

Feed = Callable[[Batch], Any]


def feed_for(kind: InputKind, signature: Signature, columns: Columns) -> Feed:
    """The function that turns a batch into what the original's ``predict`` takes.

    ``columns`` are the signature's fields by position, as the model reads them (empty where that is unknown).
    """
    if kind == "text":
        return _feed_texts
    if kind == "array":
        return _array_feed(signature)
    as_text = frozenset(
        field.name
        for at, field in enumerate(signature.fields)
        if field.type is FieldType.CATEGORY and at in columns and columns[at].encoded
    )
    missing_text = None if any(column.none for column in columns.values()) else np.nan
    return lambda batch: to_frame(batch, signature, as_text=as_text, missing_text=missing_text)


def _feed_texts(batch: Batch) -> Any:
    import pandas as pd

    return pd.Series(batch.texts[:, 0], dtype=object)


def _array_feed(signature: Signature) -> Feed:
    if not signature.text_fields:
        return lambda batch: np.ascontiguousarray(batch.numbers)
    is_text = np.array([field.type.is_text for field in signature.fields])

    def feed(batch: Batch) -> Any:
        matrix = np.empty((batch.n_rows, len(is_text)), dtype=object)
        matrix[:, is_text] = batch.texts
        matrix[:, ~is_text] = batch.numbers
        return matrix

    return feed
