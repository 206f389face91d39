"""The predictions of a window with their actuals, as columns that can be scored."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

import msgspec
import polars as pl

from garcom.lake.rereading import rereading
from garcom.lake.tables import Lake
from garcom.lake.truth import known, latest, observations, observations_of
from garcom.lake.undrained import Undrained, View
from garcom.lake.window import Window, among, newest_first
from garcom.model.signature import Output
from garcom.monitoring.lake_rows import condition_of
from garcom.monitoring.performance import segments
from garcom.monitoring.records import Scope

_DAY = timedelta(days=1)
_TOLD = "the field's value"
_HASHES = 1 << 64


class Wanted(NamedTuple):
    """Which predictions: those of a scope, whose segment is ``only``, a field and its value.

    Without a stage those that were given as answers: not a shadow's.
    """

    scope: Scope
    only: tuple[str, str] | None = None

    @property
    def model(self) -> str:
        """Whose they are."""
        return self.scope.model

    @property
    def window(self) -> Window:
        """Their time."""
        return Window(self.scope.since, self.scope.until)

    def at(self, since: datetime | None, until: datetime | None) -> Wanted:
        """Such predictions at another time."""
        return self._replace(scope=msgspec.structs.replace(self.scope, since=since, until=until))

    def rows(self, view: View, share: float = 1.0) -> pl.LazyFrame:
        """All columns of them, or of this share of them: chosen by their ids, the same ones each time."""
        rows = view.scan(model=self.model, days=self.window.days(), ids=self.window.ids)
        if share < 1:
            rows = rows.filter(pl.col("id").hash(0) < int(share * _HASHES))
        return self.among(rows)

    def among(self, rows: pl.LazyFrame) -> pl.LazyFrame:
        """Those of some rows of the lake."""
        rows = rows.filter(condition_of(self.scope))
        if self.only is None:
            return rows
        # In two steps: one filter on what the JSON says would be tried on the files' statistics, where texts are cut.
        field, value = self.only
        if (part := segments.always_in(value)) is not None:
            rows = rows.filter(part)
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
    share: float = 1.0,
) -> pl.DataFrame:
    """The rows by rising time, with the times of the actual that counts (null where there is none).

    ``fields`` come as texts ``field_0``, ``field_1`` …; ``inputs`` adds ``input``, the JSON of about so many of the
    rows, null in the others. Of a ``share`` below 1 only so many of the rows, evenly chosen by their ids.
    """
    rows = wanted.rows(undrained.view(), share)
    truth = latest(observations(lake.actuals.snapshot(), wanted.model, rows, wanted.window.days(_DAY)))
    return _together(rows, truth, output, fields, inputs)


@rereading
def newest_known(
    lake: Lake, undrained: Undrained, wanted: Wanted, output: Output, n: int, *, inputs: int = 0
) -> pl.DataFrame:
    """The newest ``n`` rows that have an actual, as :func:`joined` gives them; older files are not even opened."""
    view, actuals = undrained.view(), lake.actuals.snapshot()
    days = wanted.window.days(_DAY)
    found: list[str] = []
    for part in newest_first(view, wanted.model, wanted.window):
        if len(found) >= n and part.ids is not None and part.ids[1] < found[n - 1]:
            break
        rows = wanted.among(part.rows)
        there = known(actuals, wanted.model, rows, days, part.ids)
        top = rows.select("id").join(there, on="id", how="semi").top_k(n, by="id").collect(engine="streaming")["id"]
        found = sorted({*found, *top}, reverse=True)[:n]
    chosen = among(view, wanted.model, sorted(found)).collect()
    return _together(chosen.lazy(), latest(observations_of(actuals, wanted.model, chosen).lazy()), output, (), inputs)


def _together(
    rows: pl.LazyFrame, truth: pl.LazyFrame, output: Output, fields: Sequence[str], inputs: int
) -> pl.DataFrame:
    # Actuals are few and short beside the rows: they are held, so that the rows are read once.
    held = truth.select("id", "observed_at", "received_at", *observed(output)).collect(engine="streaming")
    told = segments.texts(fields)
    columns = [
        *answered(output),
        *(told.struct.field(name).alias(f"field_{i}") for i, name in enumerate(fields)),
        *([_some(rows, inputs)] if inputs else []),
    ]
    found = (
        rows.select("id", "time", "version", *columns)
        .join(held.lazy(), on="id", how="left")
        .collect(engine="streaming")
    )
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
