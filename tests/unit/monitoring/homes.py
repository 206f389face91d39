"""A home folder whose model was asked something, made for tests."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl

import garcom
from garcom.ids import uuid7s_at
from garcom.journal.lines import Entry, Version, encode, encode_lines
from garcom.journal.segment import Segment, SegmentName
from garcom.lake.actuals import Actuals
from garcom.lake.drain import Drain, Drained
from garcom.lake.folds import Fold
from garcom.lake.schemas import PREDICTIONS
from garcom.lake.tables import Lake
from garcom.lake.undrained import Undrained
from garcom.monitoring.folding import Folding
from garcom.monitoring.known_versions import KnownVersions
from garcom.monitoring.monitor import Monitor
from garcom.monitoring.rebuild import rebuild
from garcom.observations import Observations, Observed
from garcom.registry.registry import Registry
from garcom.settings import Settings

NOW = datetime(2026, 11, 20, 12, 30, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
FIELDS = ("x", "z", "region")


def asked(n: int, seed: int = 0, shift: float = 0.0) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    x = random.normal(shift, 1.0, n)
    return pd.DataFrame({"x": x, "z": random.normal(size=n), "region": random.choice(["SP", "RJ"], n)})


def said(rows: pd.DataFrame) -> list[str]:
    return ["good" if x > 0 else "bad" for x in rows["x"]]


class Home:
    """A home folder with a model that is served elsewhere, and what that was asked."""

    def __init__(self, folder: Path, n: int = 800, packed: pd.DataFrame | None = None) -> None:
        self.folder = folder
        X = asked(n) if packed is None else packed
        bundle = garcom.pack(None, X, answers=said(X), name="m", out=folder / "packed")
        self.registry = Registry.open(folder)
        self.version = self.registry.register(bundle.path)
        self.lake = Lake.open(folder)
        undrained = Undrained(self.lake)
        database = self.registry.database
        settings = Settings(home=str(folder))
        self.monitor = Monitor(settings, database, self.registry, self.lake, undrained, now=lambda: NOW)
        self._n_segments = 0

    def serve(self, rows: pd.DataFrame, since: datetime, until: datetime) -> list[str]:
        """Rows that were answered evenly over a time and drained since; their ids."""
        step = (until - since) / len(rows)
        return self.serve_at(rows, [since + at * step for at in range(len(rows))])

    def serve_at(self, rows: pd.DataFrame, times: Sequence[datetime]) -> list[str]:
        """Rows that were answered at these moments, and drained since; their ids."""
        ids = uuid7s_at([int(time.timestamp() * 1000) for time in times])
        frame = pl.DataFrame(
            {
                "id": ids,
                "time": times,
                "model": "m",
                "day": [time.strftime("%Y-%m-%d") for time in times],
                "version": 1,
                "digest": self.version.digest,
                "role": "stable",
                "input": [json.dumps(row) for row in rows.to_dict("records")],
                "label": said(rows),
                "value": None,
                "output": [json.dumps({"prediction": label}) for label in said(rows)],
                **dict.fromkeys(("latency_us", "request_id", "key", "subject")),
                "segment": "01b-00000001",
            },
            schema=PREDICTIONS,
        )
        self.lake.predictions.append(frame)
        database = self.registry.database
        rebuild(self.lake, database, Folding(database, KnownVersions(self.registry.blobs)), "m")
        return ids

    def write(self, rows: pd.DataFrame, at: datetime = NOW - timedelta(minutes=1), number: int = 1) -> None:
        """Rows that a version has answered at one moment: they stand in the journal."""
        self._n_segments += 1
        (self.folder / "journal").mkdir(exist_ok=True)
        segment = Segment(self.folder / "journal", SegmentName("01a", self._n_segments), 1 << 20)
        digest = self.registry.version("m", number).digest
        version = Version(
            v=0,
            model="m",
            version=number,
            digest=digest,
            role="stable",
            task="classification",
            fields=FIELDS,
            classes=("bad", "good"),
        )
        segment.preface(encode(version) + b"\n")
        micros = int(at.timestamp() * 1e6)
        ids = uuid7s_at([micros // 1000] * len(rows))
        told = zip(ids, rows[list(FIELDS)].to_numpy().tolist(), said(rows), strict=True)
        segment.write(encode_lines([Entry(0, id, micros, row, label, None, latency_us=9) for id, row, label in told]))
        segment.close()

    def drain(self, after: Callable[[str], None] = lambda step: None, fold: Fold | None = None) -> Drained:
        """What stands in the journal becomes rows of the lake and profiles; ``after`` is told of each step of both."""
        folding = Folding(self.registry.database, KnownVersions(self.registry.blobs), after)
        return Drain(Lake.open(self.folder), after, fold or folding).run()

    def tell(self, ids: list[str], truth: list[str]) -> None:
        told = [
            Observed(id, None, json.dumps(label), label, None, NOW - HOUR) for id, label in zip(ids, truth, strict=True)
        ]
        Actuals(self.lake).add("m", Observations(told))
