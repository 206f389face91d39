"""Says what became of acknowledged predictions: the ids that clients received are compared with the lake."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import NamedTuple

import polars as pl

from garcom.journal.segment import closed_segments, open_segments
from garcom.lake.drain import Drain
from garcom.lake.tables import Lake


class Outcome(NamedTuple):
    """What one proof found. ``cycles`` counts what was done to the server; ``figures`` are the proof's own."""

    proof: str
    cycles: int
    acknowledged: int
    lost: int
    doubled: int
    seconds: float
    figures: str = ""


class Verdict(NamedTuple):
    """Acknowledged rows that are nowhere, and rows that are there more than once."""

    lost: int
    doubled: int


def judge(home: Path, acknowledged: Collection[str]) -> Verdict:
    """Drain whatever a stopped server left, and look for each id in the lake."""
    in_lake = drained(home)["id"]
    assert len(set(acknowledged)) == len(acknowledged), "two answers had the same id"
    missing = set(acknowledged).difference(in_lake.to_list())
    return Verdict(len(missing), in_lake.len() - in_lake.n_unique())


def drained(home: Path) -> pl.DataFrame:
    """Ids and keys of the lake, after everything has been drained into it."""
    journal = home / "journal"
    Drain(Lake.open(home)).run()
    left = [*open_segments(journal), *closed_segments(journal), *journal.glob("*.damaged")]
    assert not left, f"segments that could not be drained: {left}"
    return Lake.open(home).predictions.scan().select("id", "key").collect()
