"""Limits: how much of the machine the process may take."""

from __future__ import annotations

import contextlib
import os
import resource
from pathlib import Path

#: Threads, and descriptors: what numerical libraries take, and little more.
THREADS = 32
DESCRIPTORS = 128
#: The first thread's stack; the others' are memory like any other.
STACK_BYTES = 8 * 2**20
#: Addresses beside the memory that may be written: mapped libraries take 0.4 GB with all of the usual ones, and the C
#: library keeps 64 MB, unused, for each thread. Page tables grow with addresses.
OTHER_ADDRESSES_BYTES = 4 * 2**30
#: Seconds of processor time in a process's whole life; the next call starts another.
CPU_S = 3600
#: Somewhat below the server: what its own engines need comes first, and a model still starts on a busy machine.
NICENESS = 5
#: Who ends first when the machine has no memory left; 1000 is the most.
_OOM_SCORE = 1000


def step_back() -> None:
    """Let everything else on the machine come first; what needs /proc and rights is done before they are gone."""
    with contextlib.suppress(OSError):
        os.nice(NICENESS)
    # With autogroups (sched(7)) niceness counts within a session only, and the session's own is this.
    for name, value in (("autogroup", NICENESS), ("oom_score_adj", _OOM_SCORE)):
        with contextlib.suppress(OSError):
            Path("/proc/self", name).write_text(str(value))


def bound(memory_bytes: int) -> None:
    """Set every limit, hard and soft. Raises :class:`OSError` or :class:`ValueError`."""
    limits = {
        # Private memory that can be written; what is only mapped from libraries does not count. Shared memory, which
        # would not count either, is refused by the filter of calls.
        resource.RLIMIT_DATA: memory_bytes,
        resource.RLIMIT_STACK: STACK_BYTES,
        resource.RLIMIT_AS: memory_bytes + OTHER_ADDRESSES_BYTES,
        resource.RLIMIT_CPU: CPU_S,
        resource.RLIMIT_NPROC: THREADS,
        resource.RLIMIT_NOFILE: DESCRIPTORS,
        resource.RLIMIT_FSIZE: 0,
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_MEMLOCK: 0,
        resource.RLIMIT_MSGQUEUE: 0,
        resource.RLIMIT_SIGPENDING: DESCRIPTORS,
        resource.RLIMIT_NICE: 0,
        resource.RLIMIT_RTPRIO: 0,
    }
    for limit, value in limits.items():
        _, hard = resource.getrlimit(limit)
        value = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(limit, (value, value))
