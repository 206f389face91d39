"""Two tables compared, without any server: reference rows and current rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from garcom.errors import InputError
from garcom.monitoring.drift import JointRows, drift
from garcom.monitoring.quality import quality
from garcom.monitoring.records import NEW_COLUMNS, PerformanceReport, Report, Scope
from garcom.monitoring.tables import FrameTable, Table, open_table
from garcom.monitoring.truth_columns import Task, performance_of
from garcom.profiles.layout import Layout, layout_of
from garcom.profiles.profile import Profile
from garcom.records import FloatArray

#: So many reference rows decide the grids, the categories and the components; more are counted, but decide nothing.
LAYOUT_ROWS = 1_000_000
#: So many rows of each side are told apart by the domain classifier.
CLASSIFIER_ROWS = 1_000

#: Told the step under way and the part of the whole that is done, 0 to 1.
Progress = Callable[[str, float], None]


def compare_files(
    reference: Path,
    current: Path,
    *,
    prediction: str | None = None,
    truth: str | None = None,
    task: Task | None = None,
    min_rows: int = 100,
    progress: Progress = lambda step, done: None,
) -> Report:
    """Compare the rows of two files (Parquet is read in pieces); the rest is as in :func:`compare_frames`."""
    return _compare(
        open_table(reference), open_table(current), prediction, truth, task, min_rows=min_rows, progress=progress
    )


def compare_frames(
    reference: Any,
    current: Any,
    *,
    prediction: str | None = None,
    truth: str | None = None,
    task: Task | None = None,
    min_rows: int = 100,
    progress: Progress = lambda step, done: None,
) -> Report:
    """Compare two tables in memory (pandas, polars, Arrow, or a mapping of columns).

    ``prediction`` and ``truth`` name the columns of what a model answered and of what really happened: with both the
    report tells its performance too: of labels or of numbers, by their looks or as ``task`` says. All other columns are
    features. Drift, joint drift and quality are of the current rows against the reference rows.

    Raises InputError for something that is no table, a reference without columns, and columns that are named but not
    there.
    """
    left, right = FrameTable(reference, "reference"), FrameTable(current, "current")
    return _compare(left, right, prediction, truth, task, min_rows=min_rows, progress=progress)


def _compare(
    reference: Table,
    current: Table,
    prediction: str | None,
    truth: str | None,
    task: Task | None,
    *,
    min_rows: int,
    progress: Progress,
) -> Report:
    progress("reading the reference", 0.0)
    head, rest = _head(reference)
    known = head[0].columns if head else []
    layout = _layout(reference.name, head, prediction, truth)
    profiles: list[Profile] = []
    samples: list[_Sample] = []
    total = max(1, reference.n_rows + current.n_rows)
    done = 0
    names: list[str] = []
    for table, pieces, title in (
        (reference, chain(_let_go(head), rest), "reading the reference"),
        (current, current.pieces(), "reading the current rows"),
    ):
        profile, sample = Profile(layout), _Sample(layout, table.n_rows, seed=len(samples))
        for piece in pieces:
            profile.add(piece)
            sample.add(piece)
            done += piece.height
            names = piece.columns
            progress(title, 0.95 * done / total)
        profiles.append(profile)
        samples.append(sample)
    progress("comparing", 0.95)
    left, right = profiles
    scope = Scope(model=current.name)
    rows = None if layout.together is None else JointRows(samples[0].rows(), samples[1].rows())
    extra = [name for name in names if name not in known]
    report = Report(
        title=f"{current.name} against {reference.name}",
        made_at=datetime.now(UTC),
        drift=drift(left, right, scope, kind="file", rows=rows, min_rows=min_rows),
        quality=quality(right, scope, reference=left, min_rows=min_rows),
        performance=_performance(reference, current, prediction, truth, scope, min_rows, task),
        details={"reference": reference.name, "current": current.name} | ({NEW_COLUMNS: extra} if extra else {}),
    )
    progress("compared", 1.0)
    return report


def _head(table: Table) -> tuple[list[pl.DataFrame], Iterator[pl.DataFrame]]:
    """The rows that decide the layout, and those behind them: each is read once."""
    pieces = table.pieces()
    head: list[pl.DataFrame] = []
    n = 0
    for piece in pieces:
        head.append(piece)
        n += piece.height
        if n >= LAYOUT_ROWS:
            break
    return head, pieces


def _let_go(pieces: list[pl.DataFrame]) -> Iterator[pl.DataFrame]:
    """The pieces, each of which is held no longer once it was looked at."""
    while pieces:
        yield pieces.pop(0)


def _layout(reference: str, head: list[pl.DataFrame], prediction: str | None, truth: str | None) -> Layout:
    if not head:
        raise InputError(f"Expected a reference with rows and columns, got {reference} without any rows.")
    first = pl.concat(head, how="diagonal_relaxed")
    for role, name in (("prediction", prediction), ("truth", truth)):
        if name is not None and name not in first.columns:
            raise InputError(
                f"Expected the column of the {role} in the reference, and it has none of the name {name!r}; it has "
                f"{', '.join(map(repr, first.columns[:20]))}."
            )
    if prediction is not None and prediction == truth:
        raise InputError(f"Expected different columns for the prediction and the truth, got {prediction!r} for both.")
    predictions, truths = ([name] if name is not None else [] for name in (prediction, truth))
    return layout_of(first, predictions=predictions, truths=truths)


def _performance(
    reference: Table,
    current: Table,
    prediction: str | None,
    truth: str | None,
    scope: Scope,
    min_rows: int,
    task: Task | None,
) -> PerformanceReport | None:
    if prediction is None or truth is None:
        return None

    def both(table: Table) -> pl.DataFrame:
        wanted: Sequence[str] = (prediction, truth)
        pieces = [piece.select([name for name in wanted if name in piece.columns]) for piece in table.pieces()]
        return pl.concat(pieces, how="diagonal_relaxed") if pieces else pl.DataFrame()

    return performance_of(both(reference), both(current), prediction, truth, scope, min_rows, task)


class _Sample:
    """Rows of a table for the domain classifier.

    They are drawn, not each n-th: where stations or hours take turns, those would be some of them only.
    """

    def __init__(self, layout: Layout, n_rows: int, seed: int) -> None:
        self._together = layout.together
        drawn = np.random.default_rng(seed).choice(n_rows, min(CLASSIFIER_ROWS, n_rows), replace=False)
        self._places = np.sort(drawn)
        self._seen = 0
        self._found: list[FloatArray] = []

    def add(self, piece: pl.DataFrame) -> None:
        """See the next rows."""
        if self._together is None:
            return
        begin, end = np.searchsorted(self._places, [self._seen, self._seen + piece.height])
        places = self._places[begin:end] - self._seen
        self._seen += piece.height
        if len(places):
            self._found.append(self._together.matrix(piece[places]))

    def rows(self) -> FloatArray:
        """Those that were chosen."""
        width = 0 if self._together is None else len(self._together.names)
        return np.concatenate([np.empty((0, width)), *self._found])
