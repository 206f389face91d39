"""Environment: no variable but the number of threads and the alphabet, and no descriptor but those that are named."""

from __future__ import annotations

import os
from itertools import pairwise

KEPT = (
    "LC_ALL",
    "LOKY_MAX_CPU_COUNT",
    "MKL_NUM_THREADS",
    "OMP_NUM_THREADS",
    "OMP_THREAD_LIMIT",
    "OPENBLAS_NUM_THREADS",
)


def clear(descriptors: tuple[int, ...]) -> None:
    """Forget every other variable, and close every other descriptor; the standard ones lead nowhere."""
    for name in set(os.environ).difference(KEPT):
        del os.environ[name]
    nowhere = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1, 2):
        os.dup2(nowhere, standard)
    close_others((0, 1, 2, *descriptors))


def close_others(kept: tuple[int, ...]) -> None:
    """Close every descriptor but these."""
    edges = [-1, *sorted(kept), os.sysconf("SC_OPEN_MAX")]
    for low, high in pairwise(edges):
        if low + 1 < high:  # an empty range closes everything where close_range(2) does the work
            os.closerange(low + 1, high)
