from __future__ import annotations

import math
from pathlib import Path

import pytest

from garcom.errors import BundleError, Conflict, InputError, ModelNotFound, VersionNotFound
from garcom.model.archive import zip_bundle
from garcom.model.bundle import read_bundle
from garcom.registry import Registry
from garcom.rollout.plan import current_revision
from tests.bundles import LINEAGE, make_bundle


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    return Registry.open(tmp_path / "home")


@pytest.fixture
def wine(tmp_path: Path) -> Path:
    return make_bundle(tmp_path / "wine.bundle")


@pytest.fixture
def better(tmp_path: Path) -> Path:
    return make_bundle(tmp_path / "better.bundle", weights=b"better")


def stored(registry: Registry) -> set[str]:
    return {entry.name for entry in registry.blobs.folder.iterdir() if not entry.name.startswith(".lock")}


def test_an_empty_registry(registry: Registry) -> None:
    assert registry.models() == ()
    with pytest.raises(ModelNotFound, match=r"No model is registered yet,.*garcom register"):
        registry.model("wine")


def test_register_keeps_everything_that_is_known(registry: Registry, wine: Path) -> None:
    version = registry.register(wine, parameters={"trees": "100", "nota": "ção"})
    assert (version.reference, version.task, version.answers, version.existed) == (
        "wine:1",
        "classification",
        True,
        False,
    )
    assert version.digest == read_bundle(wine).digest
    assert version.metrics == {"accuracy": 0.8125, "roc_auc": 0.87654, "f1.bom": 0.7, "f1.ruim": 0.9}
    assert version.parameters == {"trees": "100", "nota": "ção"}
    assert version.lineage == LINEAGE
    assert version.created.tzinfo is not None
    assert registry.version("wine", 1) == version
    assert registry.model("wine").versions == (version,)
    assert registry.models() == (registry.model("wine"),)
    assert registry.bundle("wine", 1).folder == registry.blobs.path(version.digest)


def test_a_zip_is_the_same_content_as_its_folder(registry: Registry, wine: Path, tmp_path: Path) -> None:
    version = registry.register(zip_bundle(wine, tmp_path / "wine.zip"))
    assert registry.register(wine).existed
    assert stored(registry) == {version.digest}


def test_undefined_metrics_stay_undefined(registry: Registry, tmp_path: Path) -> None:
    # JSON has no NaN, so a bundle cannot carry one; a registry that reads other sources may.
    bundle = make_bundle(tmp_path / "b", metrics={"mae": 1, "r2": None})
    assert registry.register(bundle).metrics == {"mae": 1.0}


def test_the_first_version_answers_and_later_ones_wait(registry: Registry, wine: Path, better: Path) -> None:
    assert registry.register(wine).answers
    second = registry.register(better)
    assert (second.number, second.answers) == (2, False)
    assert registry.model("wine").answers == 1
    assert [version.answers for version in registry.model("wine").versions] == [True, False]


def test_use_switches_at_once(registry: Registry, wine: Path, better: Path) -> None:
    registry.register(wine)
    assert registry.register(better, use=True).answers
    assert registry.model("wine").answers == 2
    again = registry.register(wine, use=True)
    assert (again.number, again.existed, again.answers) == (1, True, True)


def test_the_same_content_is_one_version(registry: Registry, wine: Path) -> None:
    first = registry.register(wine, parameters={"trees": "100", "depth": "3"})
    revision = current_revision(registry.database)
    again = registry.register(wine, parameters={"trees": "200"})
    assert again.existed
    assert (again.number, again.created) == (1, first.created)
    assert again.parameters == {"trees": "200", "depth": "3"}
    assert current_revision(registry.database) == revision


def test_the_same_content_under_two_names_is_stored_once(registry: Registry, wine: Path) -> None:
    one, other = registry.register(wine), registry.register(wine, name="vinho")
    assert (other.reference, other.existed) == ("vinho:1", False)
    assert stored(registry) == {one.digest}
    registry.remove("wine")
    assert stored(registry) == {one.digest}
    assert registry.bundle("vinho", 1).digest == one.digest
    registry.remove("vinho")
    assert stored(registry) == set()


def test_a_damaged_bundle_is_refused_and_leaves_nothing(registry: Registry, wine: Path) -> None:
    (wine / "engines" / "arrays" / "weights.bin").write_bytes(b"Weights")
    with pytest.raises(BundleError, match=r"engines/arrays/weights\.bin"):
        registry.register(wine)
    assert registry.models() == ()
    assert not registry.blobs.folder.exists() or stored(registry) == set()


def test_registering_again_mends_a_damaged_store(registry: Registry, wine: Path) -> None:
    version = registry.register(wine)
    (registry.blobs.path(version.digest) / "proof.json").unlink()
    with pytest.raises(BundleError, match=r"proof\.json"):
        registry.bundle("wine", 1)
    assert registry.register(wine).existed
    assert registry.bundle("wine", 1).digest == version.digest


def test_names_that_cannot_be_one_are_refused_before_anything_is_stored(registry: Registry, wine: Path) -> None:
    with pytest.raises(InputError, match="'my-wine' would do"):
        registry.register(wine, name="My Wine")
    assert registry.models() == ()


def test_unknown_names_are_told_near_ones(registry: Registry, wine: Path, better: Path) -> None:
    registry.register(wine)
    registry.register(better)
    with pytest.raises(ModelNotFound, match="Did you mean 'wine'"):
        registry.model("vine")
    with pytest.raises(ModelNotFound, match="`garcom models` lists"):
        registry.model("something-else")
    with pytest.raises(VersionNotFound, match=r"has no version 3\. It has wine:1, wine:2"):
        registry.version("wine", 3)


def test_remove_a_version(registry: Registry, wine: Path, better: Path) -> None:
    registry.register(wine)
    second = registry.register(better, use=True)
    removal = registry.remove("wine:1")
    assert (removal.numbers, removal.whole_model, removal.answered) == ((1,), False, False)
    assert stored(registry) == {second.digest}
    with pytest.raises(VersionNotFound):
        registry.version("wine", 1)
    with pytest.raises(VersionNotFound):
        registry.remove("wine:1")


def test_the_version_that_answers_stays_unless_forced(registry: Registry, wine: Path, better: Path) -> None:
    registry.register(wine)
    registry.register(better)
    with pytest.raises(Conflict, match=r"wine:1 is the version that answers.*--force"):
        registry.remove("wine:1")
    removal = registry.remove("wine:1", force=True)
    assert (removal.answered, removal.whole_model) == (True, False)
    assert registry.model("wine").answers is None


def test_numbers_are_never_given_again(registry: Registry, wine: Path, better: Path) -> None:
    registry.register(wine)
    registry.register(better)
    registry.remove("wine:2")
    assert registry.register(better).number == 3
    registry.remove("wine")
    with pytest.raises(ModelNotFound):
        registry.model("wine")
    revived = registry.register(wine)
    assert (revived.number, revived.answers, revived.existed) == (4, True, False)
    assert len(registry.model("wine").versions) == 1


def test_with_its_last_version_the_model_goes(registry: Registry, wine: Path) -> None:
    registry.register(wine)
    registry.add_route("wine", "/vinho")
    registry.set_default("wine")
    assert registry.remove("wine:1", force=True).whole_model
    assert registry.models() == ()
    back = registry.register(wine)
    assert registry.model("wine").routes == ()
    assert back.answers


def test_the_first_model_is_the_default_and_stays_it(registry: Registry, wine: Path) -> None:
    registry.register(wine)
    registry.register(wine, name="another")
    assert [model.name for model in registry.models() if model.is_default] == ["wine"]


def test_what_a_killed_removal_left_goes_with_the_next(registry: Registry, wine: Path, better: Path) -> None:
    registry.register(wine)
    kept = registry.register(better, name="other")
    orphan = registry.blobs.path("0" * 64)
    orphan.mkdir()
    registry.remove("wine")
    assert stored(registry) == {kept.digest}


def test_there_is_one_default(registry: Registry, wine: Path) -> None:
    registry.register(wine)
    registry.register(wine, name="vinho")
    for name in ("wine", "vinho"):
        registry.set_default(name)
        assert [model.name for model in registry.models() if model.is_default] == [name]
    with pytest.raises(ModelNotFound):
        registry.set_default("wein")
    assert registry.model("vinho").is_default


def test_a_route_has_one_model(registry: Registry, wine: Path) -> None:
    registry.register(wine)
    registry.register(wine, name="vinho")
    registry.add_route("wine", "/prever_precos")
    registry.add_route("wine", "/prever_precos")
    registry.add_route("wine", "/b")
    assert registry.model("wine").routes == ("/b", "/prever_precos")
    with pytest.raises(Conflict, match=r"model 'wine'.*--drop-route"):
        registry.add_route("vinho", "/prever_precos")
    with pytest.raises(Conflict, match="has no route /prever_precos"):
        registry.remove_route("vinho", "/prever_precos")
    registry.remove_route("wine", "/prever_precos")
    registry.add_route("vinho", "/prever_precos")
    assert registry.model("vinho").routes == ("/prever_precos",)


def test_every_change_to_what_answers_counts_once(registry: Registry, wine: Path, better: Path) -> None:
    seen = [current_revision(registry.database)]

    def counted() -> int:
        seen.append(current_revision(registry.database))
        return seen[-1] - seen[-2]

    registry.register(wine)
    assert counted() == 1
    registry.register(better, use=True)
    assert counted() == 1
    registry.set_default("wine")
    assert counted() == 0
    registry.register(wine, name="vinho")
    assert counted() == 1
    registry.set_default("vinho")
    assert counted() == 1
    registry.add_route("wine", "/a")
    assert counted() == 1
    registry.add_route("wine", "/a")
    assert counted() == 0
    registry.remove_route("wine", "/a")
    assert counted() == 1
    registry.remove("wine:1")
    assert counted() == 1
    with pytest.raises(Conflict):
        registry.remove("wine:2", force=False)
    assert counted() == 0


def test_nan_metrics_survive_the_database(registry: Registry, wine: Path) -> None:
    from garcom.storage import versions

    number = registry.register(wine).number
    with registry.database.write() as connection:
        model_id = versions.list_versions(connection)[0].model_id
        version_id = versions.add_version(
            connection,
            model_id=model_id,
            number=number + 1,
            digest="f" * 64,
            task="regression",
            created=registry.version("wine", 1).created,
            metadata={},
            facts=versions.Facts({"r2": math.nan, "mae": math.inf}, {}, {}),
        )
        facts = versions.list_facts(connection, [version_id])[version_id]
    assert math.isnan(facts.metrics["r2"])
    assert facts.metrics["mae"] == math.inf
