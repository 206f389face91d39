"""What a rule can be about, judged by models that are registered."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import garcom
from garcom.errors import InputError, ModelNotFound
from garcom.monitoring.alerts.parsing import parse_rule
from garcom.monitoring.alerts.rule_book import RuleBook
from garcom.monitoring.alerts.sense import Sense
from garcom.monitoring.alerts.silences import Silences
from garcom.registry.registry import Registry
from garcom.settings import AlertSettings
from garcom.storage.blobs import Blobs
from garcom.storage.database import Database

X = pd.DataFrame({"pH": np.linspace(2.8, 4.0, 60), "region": ["SP", "RJ", "MG"] * 20})
NUMBERS = X["pH"].to_numpy() ** 2


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """``wine`` answers labels without probabilities, ``price`` a number, ``two`` two."""
    folder = tmp_path_factory.mktemp("models")
    registry = Registry.open(folder / "home")
    two = X.assign(low=NUMBERS, high=NUMBERS + 1)
    for name, rows, answers in (
        ("wine", X, np.where(X["pH"] > 3.4, "good", "bad")),
        ("price", X, NUMBERS),
        ("two", two, ["low", "high"]),
    ):
        registry.register(garcom.pack(None, rows, answers=answers, name=name, out=folder).path)
    return folder / "home"


def book(home: Path, **rules: str) -> RuleBook:
    return RuleBook(AlertSettings(defaults=False, rules=rules), Database.open(home))


@pytest.mark.parametrize(
    ("rule", "why"),
    [
        ("wine.mae > 1", "Expected a metric of a classification, which wine is (accuracy, "),
        ("price.accuracy < 1", "Expected a metric of a regression, which price is (mae, "),
        ("price.estimated_bias > 1", "(estimated_mae, estimated_rmse), got estimated_bias."),
        ("wine.estimated_accuracy < 1", "wine answers no probabilities"),
        ("two.mae > 1", "Expected one of the targets of two after mae (low, high), got none."),
        ("two.mae.middle > 1", "Expected one of its targets (low, high) after two.mae, got 'middle'."),
        ("price.mae.pH > 1", "Expected nothing after price.mae, got 'pH'."),
        ("wine.missing.ph > 1%", "(pH, region, prediction), got 'ph'. Did you mean 'pH'?"),
        ("wine.psi.alcohol > 1", "Expected a column of the model"),
        ("wine.accuracy [regoin=SP] < 1", "got 'regoin'. Did you mean 'region'?"),
    ],
)
def test_what_its_model_has_not_is_refused(home: Path, rule: str, why: str) -> None:
    with pytest.raises(InputError) as told:
        book(home).add(rule)
    assert why in str(told.value)
    (shown,) = book(home, own=rule).shown().rules
    assert shown.why == str(told.value)


@pytest.mark.parametrize(
    "rule",
    [
        "wine.accuracy [region=SP] < 0.8",
        "price.estimated_rmse > 1 version 7",
        "two.mae.low > 1",
        "two.drift.prediction_high > 1",
        "wine.missing.pH > 1%",
        "wine.drift.prediction > 1",
        "wine.decay > 1",
        "*.mae.anything > 1",
    ],
)
def test_what_it_may_have_is_taken(home: Path, rule: str) -> None:
    assert book(home, own=rule).shown().rules[0].why is None


def test_a_model_that_is_not_there(home: Path) -> None:
    with pytest.raises(ModelNotFound, match="Did you mean 'wine'"):
        book(home).add("wyne.rows < 1")
    with pytest.raises(ModelNotFound, match="Did you mean 'wine'"):
        Silences(Database.open(home)).add("2h", model="wyne")
    rules = book(home, own="wyne.rows < 1", every="*.rows < 1")
    every, own = rules.shown().rules
    assert every.why is None
    assert own.why is not None
    assert "Did you mean 'wine'" in own.why
    with pytest.raises(ModelNotFound):
        rules.switch("every", "wyne", on=False)
    rules.switch("own", "wyne", on=False)


def test_by_a_bundle_that_is_gone_nothing_is_judged(home: Path, tmp_path: Path) -> None:
    with Database.open(home).read() as connection:
        Sense(Blobs(tmp_path)).check(connection, parse_rule("wine.mae > 1"))
