"""Streams of numbers for the tests of detectors: as they come, with a change in the middle, of 0 and 1."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import numpy as np

from garcom.records import FloatArray
from garcom.stats.change.detector import Detector


def streams(n: int, seed: int, *, binary: bool = False) -> list[FloatArray]:
    """``n`` streams of 1 to 1,200 values: some stand still, some change once, some are constant at first."""
    rng = np.random.default_rng(seed)
    found = []
    for i in range(n):
        many = int(rng.integers(1, 1200))
        late = np.arange(many) >= rng.integers(1, many + 1)
        if binary:
            rates = np.where(late, rng.choice([0.0, 0.1, 0.6, 1.0]), rng.choice([0.0, 0.02, 0.3, 1.0]))
            found.append((rng.random(many) < rates).astype(float))
        else:
            noise = rng.normal(size=many) if i % 3 else rng.integers(0, 3, many).astype(float)
            found.append(noise * rng.choice([0.0, 0.1, 1.0]) + late * rng.choice([0.0, 0.5, 3.0]))
    return found


def seen(detector: Detector, values: FloatArray) -> list[int]:
    return [at for at, x in enumerate(values.tolist()) if detector.update(x)]


def seen_by_river(detector: Any, values: FloatArray) -> list[int]:
    found = []
    for at, x in enumerate(values.tolist()):
        detector.update(x)
        if detector.drift_detected:
            found.append(at)
    return found


def goes_on_after_a_restart(make: Callable[[], Detector], values: FloatArray) -> bool:
    """Whether a detector that is written down after every 50 values, and read again, sees what another one does."""
    one, other = make(), make()
    whole = seen(one, values)
    parts = []
    for start in range(0, len(values), 50):
        parts += [start + at for at in seen(other, values[start : start + 50])]
        other = msgspec.msgpack.decode(msgspec.msgpack.encode(other), type=type(other))
    return whole == parts and bool(whole) and one == other
