from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from garcom import pack
from garcom.access.roles import Grant, Role
from garcom.cli.greeting import greeting
from garcom.cli.serve import nobody_administers
from garcom.registry import Registry
from garcom.rollout.plan import TrafficPlan, current_plan
from garcom.settings import OidcSettings, Settings
from garcom.storage.database import Database
from tests.bundles import make_bundle
from tests.unit.access.opened import open_accounts

ADDRESS = "http://127.0.0.1:8000"


@pytest.fixture
def plan(tmp_path: Path) -> TrafficPlan:
    """``share``, the default, carries a Python engine; ``wine`` does not."""
    registry = Registry.open(tmp_path / "home")
    registry.register(make_bundle(tmp_path / "share.bundle", name="share", engine="python"))
    registry.register(make_bundle(tmp_path / "wine.bundle"))
    return current_plan(registry.database)


def said(plan: TrafficPlan | None, *, allow_python: bool = False) -> list[str]:
    first, *advice = greeting(ADDRESS, plan, allow_python, is_open=False).splitlines()
    assert first == f"Garçom serves on {ADDRESS} (documentation: {ADDRESS}/docs)"
    return advice


def test_a_default_that_may_not_run_says_how_to_allow_it(plan: TrafficPlan) -> None:
    assert plan.default == "share"
    why, what_to_do = said(plan)
    assert "default model share carries a Python engine" in why
    assert what_to_do.endswith("garcom serve --allow-python")


def test_a_default_that_may_run_is_to_be_tried(plan: TrafficPlan) -> None:
    (advice,) = said(plan, allow_python=True)
    assert advice.startswith(f"Try it: curl -s {ADDRESS}/example | curl -s {ADDRESS}/predict ")


def test_a_default_without_python_is_to_be_tried(tmp_path: Path) -> None:
    registry = Registry.open(tmp_path / "home")
    registry.register(make_bundle(tmp_path / "wine.bundle"))
    (advice,) = said(current_plan(registry.database))
    assert advice.startswith("Try it: ")


def test_a_default_that_is_served_elsewhere_is_logged_to(tmp_path: Path) -> None:
    registry = Registry.open(tmp_path / "home")
    rows = pd.DataFrame({"x": np.linspace(0, 1, 40)})
    registry.register(pack(None, rows, answers=rows["x"] * 2, name="cellar", out=tmp_path).path)
    (advice,) = said(current_plan(registry.database))
    assert advice == f"cellar is served elsewhere: log its predictions at {ADDRESS}/v1/models/cellar/log"


def test_a_damaged_default_does_not_keep_the_server_silent(plan: TrafficPlan) -> None:
    (plan.folder("share", 1) / "manifest.json").write_text("{")
    (advice,) = said(plan)
    assert advice.startswith("Try it: ")


def test_nothing_registered_says_how_to_get_a_model_in() -> None:
    (advice,) = said(None)
    assert "garcom pack" in advice
    assert "garcom register" in advice


def test_where_nobody_may_administer_that_is_one_line() -> None:
    *_, last = greeting(ADDRESS, None, False, nobody_administers=True).splitlines()
    assert "`garcom user grant NAME admin`" in last


def test_administrators_of_a_provider_are_administrators(tmp_path: Path) -> None:
    accounts = open_accounts(tmp_path)
    database = Database.open(tmp_path)
    assert not nobody_administers(database, Settings())  # everyone may, on this machine
    accounts.create_user("rui", [Grant(Role.VIEWER)], None)
    assert nobody_administers(database, Settings())
    for role, alone in (("client", True), ("admin:wine", True), ("admin", False)):
        assert nobody_administers(database, Settings(oidc=OidcSettings(roles={"ml": ("viewer", role)}))) is alone


def test_many_models_without_a_default_name_one(tmp_path: Path) -> None:
    registry = Registry.open(tmp_path / "home")
    for name in ("b", "a", "c"):
        registry.register(make_bundle(tmp_path / f"{name}.bundle", name=name))
    registry.remove("b", force=True)  # the default goes
    (advice,) = said(current_plan(registry.database))
    assert advice == f"2 models: {ADDRESS}/v1/models; for instance {ADDRESS}/v1/models/a/example"


def test_a_server_that_lets_everyone_in_says_so_last() -> None:
    lines = greeting(ADDRESS, None, False, is_open=True).splitlines()
    assert "whoever is on this machine may do everything" in lines[-1]
    assert "garcom user add" in lines[-1]
