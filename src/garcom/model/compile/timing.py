"""How long an engine takes at the timed batch sizes, and which engine is therefore kept for which."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from itertools import pairwise

import numpy as np

from garcom.model.bundle import Choice
from garcom.model.engines.base import Engine
from garcom.model.proof import TIMED_ROWS
from garcom.records import Batch

#: A second engine makes the bundle larger and a worker heavier: it must be this many times faster somewhere.
WORTH = 1.3
#: A smaller difference between two timings is noise: on a machine shared with others, runs differ that much.
NOTICEABLE = 1.25
_BUDGET_S = 0.25
_REPEATS_LIMIT = 300

Timings = dict[int, float]


def time_engine(engine: Engine, rows: Batch) -> Timings:
    """The median duration in µs of a call with each of :data:`TIMED_ROWS` rows, taken from ``rows`` in turn."""
    timings: Timings = {}
    for n_rows in TIMED_ROWS:
        batches = [_take(rows, start, n_rows) for start in range(0, 7 * n_rows, n_rows)]
        engine.run(batches[0])
        durations: list[float] = []
        ends = time.perf_counter() + _BUDGET_S
        while len(durations) < _REPEATS_LIMIT and (len(durations) < 3 or time.perf_counter() < ends):
            batch = batches[len(durations) % len(batches)]
            started = time.perf_counter()
            engine.run(batch)
            durations.append(time.perf_counter() - started)
        timings[n_rows] = round(float(np.median(durations)) * 1e6, 1)
    return timings


def _take(rows: Batch, start: int, count: int) -> Batch:
    return rows.rows(np.arange(start, start + count) % rows.n_rows)


def choose(timings: Mapping[str, Timings]) -> tuple[Choice, ...]:
    """The engine for each number of rows, from the timings of all proved engines in order of preference.

    One engine is the best over all sizes by the geometric mean; the first stays it unless another is clearly
    better (:data:`NOTICEABLE`). Another takes the sizes at which it is at least :data:`WORTH` times faster than
    that one. Between two timed sizes the change is
    where straight lines through their timings, both axes logarithmic, cross.
    """
    means = {name: math.prod(values.values()) ** (1 / len(values)) for name, values in timings.items()}
    first, best_on_average = next(iter(means)), min(means, key=means.__getitem__)
    main = best_on_average if means[best_on_average] * NOTICEABLE < means[first] else first
    best: dict[int, str] = {}
    for size in TIMED_ROWS:
        fastest = min(timings, key=lambda name: timings[name][size])
        best[size] = fastest if timings[fastest][size] * WORTH <= timings[main][size] else main
    choices = [
        Choice(_crossing(timings[best[small]], timings[best[large]], small, large), best[small])
        for small, large in pairwise(TIMED_ROWS)
        if best[small] != best[large]
    ]
    return (*choices, Choice(None, best[TIMED_ROWS[-1]]))


def _crossing(first: Timings, second: Timings, small: int, large: int) -> int:
    """The number of rows from which ``second``, slower at ``small``, becomes faster than ``first``."""
    ahead = max(math.log(second[small] / first[small]), 0.0)
    behind = max(math.log(first[large] / second[large]), 0.0)
    share = 0.5 if ahead + behind == 0 else ahead / (ahead + behind)
    size = small * math.pow(large / small, share)
    return min(max(math.floor(size), small), large - 1)
