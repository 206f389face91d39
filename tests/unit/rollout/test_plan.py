from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from garcom.errors import Unavailable
from garcom.registry import Registry
from garcom.rollout.plan import ModelPlan, TrafficPlan, current_plan, current_revision
from garcom.run_folder import publish_json, read_published
from garcom.storage import models, traffic, versions
from tests.bundles import make_bundle


def test_the_plan_of_an_empty_registry(tmp_path: Path) -> None:
    registry = Registry.open(tmp_path)
    assert current_plan(registry.database) == TrafficPlan(
        revision=0, default=None, models={}, bundles=str(tmp_path / "bundles")
    )


def test_the_plan_says_what_answers_where(tmp_path: Path) -> None:
    registry = Registry.open(tmp_path / "home")
    first = registry.register(make_bundle(tmp_path / "a"))
    second = registry.register(make_bundle(tmp_path / "b", weights=b"b"), use=True)
    other = registry.register(make_bundle(tmp_path / "c", name="price"))
    registry.add_route("price", "/prever_precos")
    plan = current_plan(registry.database)
    assert plan.models == {
        "wine": ModelPlan(answers=2, versions={1: first.digest, 2: second.digest}),
        "price": ModelPlan(answers=1, versions={1: other.digest}, routes=("/prever_precos",)),
    }
    assert plan.revision == current_revision(registry.database) == 4
    assert (plan.folder("wine", 2) / "manifest.json").is_file()
    with pytest.raises(KeyError):
        plan.folder("wine", 3)


def test_the_default_is_the_marked_model_or_the_only_one(tmp_path: Path) -> None:
    registry = Registry.open(tmp_path / "home")
    bundle = make_bundle(tmp_path / "a")
    registry.register(bundle)
    assert current_plan(registry.database).default == "wine"
    registry.register(bundle, name="vinho")
    assert current_plan(registry.database).default == "wine"
    registry.set_default("vinho")
    assert current_plan(registry.database).default == "vinho"
    registry.register(bundle, name="cerveja")
    registry.remove("vinho")
    assert current_plan(registry.database).default is None
    registry.remove("cerveja")
    assert current_plan(registry.database).default == "wine"


def test_removed_versions_are_not_in_the_plan(tmp_path: Path) -> None:
    registry = Registry.open(tmp_path / "home")
    registry.register(make_bundle(tmp_path / "a"))
    second = registry.register(make_bundle(tmp_path / "b", weights=b"b"))
    registry.remove("wine:1", force=True)
    assert current_plan(registry.database).models == {"wine": ModelPlan(answers=None, versions={2: second.digest})}


def test_the_file_says_what_the_plan_says(tmp_path: Path) -> None:
    plan = TrafficPlan(
        revision=7,
        default="wine",
        models={"wine": ModelPlan(answers=None, versions={1: "a" * 64, 10: "b" * 64}, routes=("/x",))},
        bundles="/a folder/ção",
    )
    path = tmp_path / "plan.json"
    publish_json(path, plan)
    publish_json(path, plan)
    assert read_published(path, TrafficPlan) == plan
    assert [entry.name for entry in tmp_path.iterdir()] == ["plan.json"]


@pytest.mark.parametrize("data", [None, b"", b"{", b"[]", b"\xff", b'{"revision": "x"}'])
def test_a_plan_that_cannot_be_read_is_unavailable(tmp_path: Path, data: bytes | None) -> None:
    path = tmp_path / "plan.json"
    if data is not None:
        path.write_bytes(data)
    with pytest.raises(Unavailable, match="Restart the server"):
        read_published(path, TrafficPlan)


def test_a_plan_that_cannot_be_written_leaves_the_old_one(tmp_path: Path) -> None:
    path = tmp_path / "plan.json"
    path.mkdir()  # cannot be replaced by a file
    with pytest.raises(OSError, match="directory"):
        publish_json(path, TrafficPlan(revision=1, default=None, models={}, bundles=""))
    assert [entry.name for entry in tmp_path.iterdir()] == ["plan.json"]


def test_reading_a_plan_imports_no_database() -> None:
    code = "import sys; import garcom.rollout.plan; sys.exit('sqlalchemy' in sys.modules or 'numpy' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_thousand_models_are_one_plan(tmp_path: Path) -> None:
    registry = Registry.open(tmp_path)
    now = datetime.now(UTC)
    with registry.database.write() as connection:
        for i in range(1000):
            model_id = models.make_model(connection, f"model-{i}", now)
            ids = [
                versions.add_version(
                    connection,
                    model_id=model_id,
                    number=models.next_number(connection, model_id),
                    digest=f"{3 * i + j:064x}",
                    task="regression",
                    created=now,
                    metadata={},
                    facts=versions.Facts({}, {}, {}),
                )
                for j in range(3)
            ]
            traffic.answer_with(connection, model_id, ids[1])
    plan = current_plan(registry.database)
    assert len(plan.models) == 1000
    assert plan.models["model-999"] == ModelPlan(answers=2, versions={j + 1: f"{2997 + j:064x}" for j in range(3)})
    publish_json(tmp_path / "plan.json", plan)
    assert read_published(tmp_path / "plan.json", TrafficPlan) == plan
