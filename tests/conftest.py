"""What holds for every test."""

from __future__ import annotations

import os

from hypothesis import settings

# The suite draws the same examples each time, so that it fails only for what was changed; the long form looks further.
settings.register_profile("suite", derandomize=True)
settings.register_profile("long", derandomize=False)
settings.load_profile("long" if os.environ.get("GARCOM_LONG_TESTS") else "suite")

# Before NumPy and scikit-learn are imported, and for every process that a test starts: two workers of the suite with
# two threads each wait for one another more than they calculate. Garçom itself gives each engine one.
for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(name, "1")
