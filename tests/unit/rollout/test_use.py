from __future__ import annotations

from pathlib import Path

import pytest

from garcom.errors import InputError, ModelNotFound, VersionNotFound
from garcom.registry import Registry
from garcom.rollout.plan import current_revision
from garcom.rollout.records import Switch
from garcom.rollout.use import use
from tests.bundles import make_bundle


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    registry = Registry.open(tmp_path / "home")
    registry.register(make_bundle(tmp_path / "a"))
    registry.register(make_bundle(tmp_path / "b", weights=b"b"))
    return registry


def test_use_switches_and_counts_the_change(registry: Registry) -> None:
    assert use(registry.database, "wine:2") == Switch(model="wine", answers=2, answered=1, revision=3)
    assert registry.model("wine").answers == 2
    assert use(registry.database, "wine:1") == Switch(model="wine", answers=1, answered=2, revision=4)


def test_using_what_answers_changes_nothing(registry: Registry) -> None:
    assert use(registry.database, "wine:1") == Switch(model="wine", answers=1, answered=1, revision=2)
    assert current_revision(registry.database) == 2


def test_use_after_the_version_that_answered_is_gone(registry: Registry) -> None:
    registry.remove("wine:1", force=True)
    assert use(registry.database, "wine:2").answered is None


def test_what_cannot_be_used_changes_nothing(registry: Registry) -> None:
    with pytest.raises(InputError, match="as in `garcom use wine:2`"):
        use(registry.database, "wine")
    with pytest.raises(VersionNotFound, match="wine:1, wine:2"):
        use(registry.database, "wine:3")
    with pytest.raises(ModelNotFound, match="Did you mean 'wine'"):
        use(registry.database, "wien:1")
    assert current_revision(registry.database) == 2
