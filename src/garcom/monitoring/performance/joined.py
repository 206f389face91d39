"""The predictions of a window with their actuals, as columns that can be scored."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

import polars as pl

from garcom.lake.rereading import rereading
from garcom.lake.tables import Lake
from garcom.lake.truth import latest, observations
from garcom.lake.undrained import Undrained, View
from garcom.lake.window import Window
from garcom.model.signature import Output
from garcom.monitoring.performance import segments

_DAY = timedelta(days=1)
_TOLD = "the field's value"


class Wanted(NamedTuple):
    """Which predictions of a model. ``stage`` None means all that were given as answers: not a shadow's."""

    model: str
    since: datetime | None = None
    until: datetime | None = None
    version: int | None = None
    stage: str | None = None
    only: tuple[str, str] | None = None

    @property
    def window(self) -> Window:
        """Their time."""
        return Window(self.since, self.until)

    def rows(self, view: View) -> pl.LazyFrame:
        """All columns of them."""
        window = self.window
        role = pl.col("role") != "shadow" if self.stage is None else pl.col("role") == self.stage
        rows = view.scan(model=self.model, days=window.days(), ids=window.ids).filter(window.condition, role)
        if self.version is not None:
            rows = rows.filter(pl.col("version") == self.version)
        if self.only is None:
            return rows
        # In two steps: one filter on what the JSON says would be tried on the files' statistics, where texts are cut.
        field, value = self.only
        told = segments.texts([field]).struct.field(field)
        return rows.with_columns(told.alias(_TOLD)).filter(segments.condition(pl.col(_TOLD), value)).drop(_TOLD)


@rereading
def joined(
    lake: Lake,
    undrained: Undrained,
    wanted: Wanted,
    output: Output,
    *,
    fields: Sequence[str] = (),
    inputs: int = 0,
    newest_known: int | None = None,
) -> pl.DataFrame:
    """The rows by rising time, with the times of the actual that counts (null where there is none).

    ``fields`` come as texts ``field_0``, ``field_1`` …; ``inputs`` adds ``input``, the JSON of about so many of the
    rows, null in the others. ``newest_known`` leaves only the newest so many rows that have an actual.
    """
    rows = wanted.rows(undrained.view())
    known = latest(observations(lake.actuals.snapshot(), wanted.model, rows, wanted.window.days(_DAY)))
    # Actuals are few and short beside the rows: they are held, so that the rows are read once.
    truth = known.select("id", "observed_at", "received_at", *observed(output)).collect(engine="streaming")
    if newest_known is not None:
        truth = truth.top_k(newest_known, by="id")
        rows = rows.join(truth.lazy().select("id"), on="id", how="semi")
    told = segments.texts(fields)
    columns = [
        *answered(output),
        *(told.struct.field(name).alias(f"field_{i}") for i, name in enumerate(fields)),
        *([_some(rows, inputs)] if inputs else []),
    ]
    found = rows.select("id", "time", *columns).join(truth.lazy(), on="id", how="left").collect(engine="streaming")
    return found.sort("time", "id").drop("id")


def _some(rows: pl.LazyFrame, n: int) -> pl.Expr:
    """The inputs of about so many of the rows, chosen by their ids: the same ones each time."""
    n_rows = rows.select(pl.len()).collect(engine="streaming").item()
    if n_rows <= n:
        return pl.col("input")
    return pl.when(pl.col("id").hash(0) % (n_rows // n + 1) == 0).then(pl.col("input")).alias("input")


def answered(output: Output) -> list[pl.Expr]:
    """What was answered: ``label`` and ``probability_0`` …, or ``value_0`` … for each target."""
    if output.task == "regression":
        return _values(output.names, "value", "output", '{"prediction":{', "prediction")
    names = output.probability_names
    if not output.probabilities:
        return [pl.col("label")]
    told = pl.col("output").str.json_decode(pl.Struct({"probabilities": pl.Struct(dict.fromkeys(names, pl.Float64))}))
    shares = told.struct.field("probabilities")
    return [
        pl.col("label"),
        *(shares.struct.field(name).alias(f"probability_{i}") for i, name in enumerate(names)),
    ]


def observed(output: Output) -> list[pl.Expr]:
    """What happened: ``actual_label``, or ``actual_0`` … for each target."""
    if output.task == "regression":
        return [
            column.alias(f"actual_{i}") for i, column in enumerate(_values(output.names, "value", "actual", "{", None))
        ]
    return [pl.col("label").alias("actual_label")]


def _values(names: Sequence[str], plain: str, text: str, begins: str, within: str | None) -> list[pl.Expr]:
    """A column for each target: of one its column, of several what the JSON says."""
    if len(names) <= 1:
        return [pl.col(plain).alias("value_0")]
    # Another version may have answered one number: JSON of another form cannot be decoded with this one.
    fitting = pl.when(pl.col(text).str.starts_with(begins)).then(pl.col(text))
    targets = pl.Struct(dict.fromkeys(names, pl.Float64))
    told = fitting.str.json_decode(targets if within is None else pl.Struct({within: targets}))
    told = told if within is None else told.struct.field(within)
    return [told.struct.field(name).alias(f"value_{i}") for i, name in enumerate(names)]
