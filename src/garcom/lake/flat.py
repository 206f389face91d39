"""Predictions as people and their tools read them: one column for each field, probability and target."""

from __future__ import annotations

import polars as pl

#: The columns that every such frame has, before and after those of the model.
FIRST = ("id", "time", "model", "version", "role")
LAST = ("latency_ms", "request_id", "key", "subject", "actual", "observed_at")

#: Reading JSON of unknown types takes many times the memory of what it says: so many rows together.
_ROWS_AT_ONCE = 20_000


def flat(rows: pl.DataFrame) -> pl.DataFrame:
    """Rows of predictions, with ``actual`` (JSON) and ``observed_at`` beside them, as one column for each thing.

    The model's columns are ``input_<field>``, ``prediction`` (or ``prediction_<target>``), ``probability_<label>`` and
    ``score``, those that any row has. Where versions differ in the type of a field, numbers become texts. ``actual``
    is of its own type, or ``actual_<target>`` each.
    """
    parts = [_flat(part) for part in rows.iter_slices(_ROWS_AT_ONCE)] or [_flat(rows)]
    whole: pl.DataFrame = pl.concat(parts, how="diagonal_relaxed")
    columns: list[str] = sorted(whole.columns, key=_place)
    return whole.select(columns)


def _place(column: str) -> int:
    """Where a column stands; those of one kind stay as they came."""
    if column in FIRST:
        return FIRST.index(column)
    kinds = ("input", "prediction", "probability", "score")
    kind = column.partition("_")[0]
    if kind in kinds:
        return len(FIRST) + kinds.index(kind)
    return len(FIRST) + len(kinds) + LAST.index("actual" if kind == "actual" else column)


def _flat(rows: pl.DataFrame) -> pl.DataFrame:
    answers = _decoded(rows["output"]).struct.unnest() if rows.height else pl.DataFrame()
    columns = [
        *(rows[name] for name in FIRST),
        *(_parts(rows["input"], "input") if rows.height else ()),
        *(_spread(answers["prediction"], "prediction") if "prediction" in answers.columns else ()),
        *(_spread(answers["probabilities"], "probability") if "probabilities" in answers.columns else ()),
        *(answers.select("score") if "score" in answers.columns else ()),
        (rows["latency_us"] / 1000).alias("latency_ms"),
        *(rows[name] for name in ("request_id", "key", "subject")),
        *_spread(_decoded(rows["actual"]), "actual"),
        rows["observed_at"],
    ]
    return pl.DataFrame(columns)


def _parts(texts: pl.Series, prefix: str) -> list[pl.Series]:
    return _spread(_decoded(texts), prefix)


def _decoded(texts: pl.Series) -> pl.Series:
    """What a column of JSON texts says, in the type that holds all of it."""
    return texts.str.json_decode(infer_schema_length=None) if texts.null_count() < len(texts) else texts


def _spread(values: pl.Series, prefix: str) -> list[pl.Series]:
    """A column of objects as a column for each name; any other column as it is, named as the prefix."""
    if not isinstance(values.dtype, pl.Struct):
        return [_typed(values).alias(prefix)]
    return [_typed(part).alias(f"{prefix}_{part.name}") for part in values.struct.unnest()]


def _typed(values: pl.Series) -> pl.Series:
    """A column that has a type even where it has no value: not every format can write one that has none."""
    return values.cast(pl.String) if values.dtype == pl.Null else values
