"""Whether this machine gives the walls of Python engines, for tests that need them."""

from __future__ import annotations

import pytest

from garcom.model.walls.check import walls

#: What to give ``garcom serve`` so that Python engines run here at all.
ALLOW_PYTHON = "--allow-python" if walls().confines else "--allow-python=unconfined"
NEEDS_WALLS = pytest.mark.skipif(not walls().confines, reason=walls().says or "the walls stand")
