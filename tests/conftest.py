"""What holds for every test."""

from __future__ import annotations

import os

# Before NumPy and scikit-learn are imported, and for every process that a test starts: two workers of the suite with
# two threads each wait for one another more than they calculate. Garçom itself gives each engine one.
for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(name, "1")
