"""The predictions of a model, batch by batch, with what really happened beside them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

import polars as pl

from garcom.lake.predictions import Wanted
from garcom.lake.tables import Lake
from garcom.lake.truth import latest, observations
from garcom.lake.undrained import Undrained

#: What a batch has: columns of the predictions, and of the actual that counts (null where it is not known).
COLUMNS = ("id", "version", "input", "label", "value", "output", "latency_us")
ACTUAL = {"actual": "actual", "actual_label": "label", "actual_value": "value"}

_DAY = timedelta(days=1)
#: So many rows are fetched together: a call for each batch would cost more than the rows.
_FETCHED = 8192


class LoggedRows:
    """The rows as they were when this was made: of the lake and of the journal, each once."""

    def __init__(self, lake: Lake, model: str, wanted: Wanted, limit: int | None = None) -> None:
        window = wanted.window
        rows = Undrained(lake).view().scan(model=model, days=window.days(), ids=window.ids)
        # A shadow's row has the same input as that of the version which answered.
        rows = rows.filter(pl.col("role") != "shadow", wanted.condition)
        if limit is not None:
            newest = rows.select("id").top_k(limit, by="id").collect(engine="streaming")["id"]
            rows = rows.filter(pl.col("id") >= newest.min()) if len(newest) else rows
        counts = rows.group_by("version").len().collect(engine="streaming")
        self.n_rows = int(counts["len"].sum())
        #: The versions that answered.
        self.versions: list[int] = counts["version"].sort().to_list()
        known = latest(observations(lake.actuals.snapshot(), model, rows, window.days(_DAY)))
        # Actuals are few and short beside the inputs: they are held, the inputs are not.
        truth = known.select("id", **ACTUAL).collect(engine="streaming")
        self._rows = rows.select(COLUMNS).join(truth.lazy(), on="id", how="left", maintain_order="left")

    def batches(self, n_rows: int) -> Iterator[pl.DataFrame]:
        """All rows in batches of so many, the last one smaller. Few of them are in memory at a time."""
        rest = pl.DataFrame()
        for fetched in self._rows.collect_batches(chunk_size=_FETCHED):
            rest = pl.concat([rest, fetched]) if rest.height else fetched
            whole = rest.height - rest.height % n_rows
            for start in range(0, whole, n_rows):
                yield rest.slice(start, n_rows)
            rest = rest.slice(whole)
        if rest.height:
            yield rest


def window_told(since: datetime | None, until: datetime | None) -> str:
    """The window in words, to stand in a sentence."""
    parts = [
        f"{word} {moment.isoformat(timespec='seconds')}"
        for word, moment in (("from", since), ("until", until))
        if moment is not None
    ]
    return " ".join(parts) or "at any time"
