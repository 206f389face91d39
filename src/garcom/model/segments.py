"""Segments: how the rows in which a field has a value are named, as ``field=value``."""

from __future__ import annotations

import polars as pl

from garcom.model.signature import Field, FieldType


def segment_texts(values: pl.Series, field: Field) -> pl.Series:
    """The values of a field as segments name them; null where missing.

    Booleans are ``true`` and ``false``, whole numbers have no fraction.
    """
    if values.dtype == pl.String:
        return values
    if field.type is FieldType.BOOLEAN:
        return values.cast(pl.Boolean).cast(pl.String)
    whole = values.cast(pl.Int64, strict=False)
    texts = pl.select(pl.when(values == whole).then(whole.cast(pl.String)).otherwise(values.cast(pl.String)))
    return texts.to_series().alias(values.name)
