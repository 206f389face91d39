"""What the suite leaves to ``make accept``, so that it stays under ten minutes on two cores."""

from __future__ import annotations

import os

import pytest

shortened = pytest.mark.skipif("GARCOM_LONG_TESTS" not in os.environ, reason="a long one, in make accept")
