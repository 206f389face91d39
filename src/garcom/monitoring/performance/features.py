"""The inputs of logged rows as numbers, for the model of the error."""

from __future__ import annotations

import msgspec
import numpy as np
import polars as pl

from garcom.records import FloatArray


def features(inputs: pl.Series) -> FloatArray:
    """One column for each field of the inputs (JSON objects): float64 ``[n, d]``, NaN where there is no value.

    Texts are codes in the order of the alphabet. A row without an input (null) is NaN everywhere, and so is a field
    that has no value at all.
    """
    fields: dict[str, None] = {}
    told = inputs.drop_nulls()
    for text in (*told.head(1), *told.tail(1)):  # versions may differ
        fields |= dict.fromkeys(msgspec.json.decode(text, type=dict[str, msgspec.Raw]))
    if not fields:
        return np.empty((len(inputs), 0))
    texts = inputs.str.json_decode(pl.Struct(dict.fromkeys(fields, pl.String))).struct.unnest()
    return np.stack([_numbers(texts[name]) for name in fields], axis=1)


def _numbers(texts: pl.Series) -> FloatArray:
    numbers = texts.cast(pl.Float64, strict=False)
    if numbers.null_count() > texts.null_count():
        numbers = texts.rank("dense").cast(pl.Float64)
    found: FloatArray = numbers.fill_null(np.nan).to_numpy()
    return np.where(np.isfinite(found), found, np.nan)
