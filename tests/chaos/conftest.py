from __future__ import annotations

import pytest

from tests.chaos.volumes import why_not


@pytest.fixture
def mounts() -> None:
    """Skips where no file system can be mounted, and says why."""
    if reason := why_not():
        pytest.skip(reason)
