from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from garcom.errors import Conflict, Forbidden, InputError, ModelNotFound, NotFound, SettingsError
from garcom.monitoring.alerts.defaults import default_rules
from garcom.monitoring.alerts.parsing import parse_rule
from garcom.monitoring.alerts.rule_book import RuleBook, RuleShown, configured_rules
from garcom.settings import AlertSettings
from garcom.storage.alerts import RuleRow, add_rule
from garcom.storage.audit import Actor
from garcom.storage.audit_rows import Wanted, newest_entries
from garcom.storage.database import Database
from garcom.storage.models import make_model


def book(home: Path, defaults: bool = False, **rules: str) -> RuleBook:
    settings = AlertSettings(defaults=defaults, rules=rules)
    database = Database.open(home)
    with database.write() as connection:
        for model in ("beer", "wine"):
            make_model(connection, model, datetime(2026, 11, 21, tzinfo=UTC))
    return RuleBook(settings, database.by(Actor("user:ana", "")))


def listed(found: RuleBook, models: frozenset[str] | None = None) -> dict[str, RuleShown]:
    return {rule.name: rule for rule in found.shown(models).rules}


def test_rules_of_every_source(tmp_path: Path) -> None:
    found = book(tmp_path, defaults=True, drift="*.drift > 0.9", own="wine.rows < 5")
    found.add("beer.mae > 2")
    rules = listed(found)
    assert set(rules) == {*default_rules(), "own", "beer-mae"}
    assert (rules["silence"].source, rules["own"].source, rules["beer-mae"].source) == ("default", "settings", "added")
    assert (rules["drift"].source, rules["drift"].rule) == ("settings", "*.drift > 0.9 over 24h warning")
    assert (rules["beer-mae"].created_by, rules["beer-mae"].rule) == ("user:ana", "beer.mae > 2 over 24h warning")


def test_every_default_holds_for_every_model_and_says_how_much_it_needs() -> None:
    for name, rule in default_rules().items():
        assert rule.model == "*"
        assert rule.resolve_at is not None or rule.windows > 1, name
        assert rule.least >= 100 or name == "silence"


def test_names(tmp_path: Path) -> None:
    found = book(tmp_path)
    made = [found.add(text).name for text in ("wine.drift > 0.1", "wine.drift > 0.2", '*.missing."Fixed Ácid" > 1')]
    assert made == ["wine-drift", "wine-drift-2", "missing-fixed-cid"]
    with pytest.raises(Conflict, match="'wine-drift' is that of 'wine"):
        found.add("wine.rows < 1", "wine-drift")
    with pytest.raises(Conflict, match="'wine-drift' is taken"):  # what others watch is none of the beer's business
        found.add("beer.rows < 1", "wine-drift", models=["beer"])
    assert found.names(["beer"]) == {"missing-fixed-cid"}
    with pytest.raises(InputError, match="rule's name"):
        found.add("wine.rows < 1", "Ärger")


def test_only_what_was_added_is_removed(tmp_path: Path) -> None:
    found = book(tmp_path, defaults=True, own="wine.rows < 5")
    found.add("wine.rows < 1", "mine")
    found.remove("mine")
    with pytest.raises(NotFound, match="got 'mine'"):
        found.remove("mine")
    with pytest.raises(NotFound, match="Did you mean 'drift'"):
        found.remove("drfit")
    with pytest.raises(Conflict, match=r"stands in the settings \(alerts.rules.own\)"):
        found.remove("own")
    with pytest.raises(Conflict, match="garcom alert off drift"):
        found.remove("drift")


def trail(home: Path) -> list[tuple[str, str]]:
    with Database.open(home).read() as connection:
        found = newest_entries(connection, 100, None, Wanted())
    return [(row.action, row.target) for row in reversed(found) if row.action.startswith("alert_rule")]


def test_an_added_rule_is_replaced(tmp_path: Path) -> None:
    found = book(tmp_path, defaults=True, own="wine.rows < 5")
    made = found.put("mine", "wine.rows < 1")
    assert (made.name, made.rule, made.source) == ("mine", "wine.rows < 1 over 24h warning", "added")
    other = RuleBook(AlertSettings(), Database.open(tmp_path).by(Actor("user:bob", "")))
    assert other.put("mine", "wine.rows<1").created_by == "user:ana"  # the same text
    assert other.put("mine", "wine.rows < 2").created_by == "user:bob"
    assert listed(found)["mine"].rule == "wine.rows < 2 over 24h warning"
    assert trail(tmp_path) == [("alert_rule.add", "mine"), ("alert_rule.change", "mine")]
    with pytest.raises(Conflict, match=r"stands in the settings \(alerts.rules.own\)"):
        found.put("own", "wine.rows < 1")
    with pytest.raises(Conflict, match="garcom alert off drift"):
        found.put("drift", "wine.drift > 0.1")
    with pytest.raises(InputError, match="rule's name"):
        found.put("Ärger", "wine.rows < 1")
    with pytest.raises(ModelNotFound):
        found.put("mine", "cider.rows < 1")


def test_who_may_replace_a_rule(tmp_path: Path) -> None:
    found, wine = book(tmp_path), frozenset({"wine"})
    for name, text in (("ours", "wine.rows < 5"), ("theirs", "beer.rows < 5"), ("every", "*.rows < 5")):
        found.put(name, text)
    with pytest.raises(Conflict, match="'theirs' is taken"):
        found.put("theirs", "wine.rows < 1", wine)
    for name, text in (("every", "wine.rows < 1"), ("ours", "beer.rows < 1"), ("ours", "*.rows < 1")):
        with pytest.raises(Forbidden):
            found.put(name, text, wine)
    assert found.put("ours", "wine.rows < 1", wine).rule.startswith("wine.rows < 1 ")


def test_a_replaced_rule_stays_off_where_it_can_hold(tmp_path: Path) -> None:
    found = book(tmp_path)
    found.put("mine", "*.rows < 1")
    for model in ("wine", "beer"):
        found.switch("mine", model, on=False)
    found.put("mine", "wine.rows < 2")
    assert listed(found)["mine"].off == ("wine",)


def test_a_rule_that_cannot_be_read_is_replaced_by_whoever_may_change_all(tmp_path: Path) -> None:
    found = book(tmp_path)
    with Database.open(tmp_path).write() as connection:
        add_rule(connection, RuleRow("new", "wine.novelty > 1", "user:eva", datetime(2026, 11, 21, tzinfo=UTC)))
    with pytest.raises(Forbidden):
        found.put("new", "wine.rows < 1", ["wine"])
    assert found.put("new", "wine.rows < 1").name == "new"
    assert set(listed(found)) == {"new"}


def test_switching_off_and_on(tmp_path: Path) -> None:
    found = book(tmp_path, defaults=True, own="wine.rows < 5")
    for _ in range(2):
        found.switch("drift", "wine", on=False)
    found.switch("drift", "*", on=False)
    assert listed(found)["drift"].off == ("*", "wine")
    found.switch("drift", "*", on=True)
    found.switch("drift", "beer", on=True)
    assert listed(found)["drift"].off == ("wine",)
    with pytest.raises(InputError, match="Expected 'wine'"):
        found.switch("own", "beer", on=False)


def test_whoever_may_ask_for_one_model_sees_and_changes_that(tmp_path: Path) -> None:
    found, wine = book(tmp_path, every="*.rows < 5"), frozenset({"wine"})
    found.add("wine.rows < 5", "ours", wine)
    found.add("beer.rows < 5", "theirs")
    assert set(listed(found, wine)) == {"every", "ours"}
    with pytest.raises(NotFound):
        found.remove("theirs", wine)
    for text in ("beer.rows < 5", "*.rows < 5"):
        with pytest.raises(Forbidden):
            found.add(text, None, wine)
    with pytest.raises(Forbidden):
        found.switch("every", "*", on=False, models=wine)
    found.switch("every", "wine", on=False, models=wine)
    found.switch("every", "beer", on=False)
    assert listed(found, wine)["every"].off == ("wine",)
    found.remove("ours", wine)


def test_a_wrong_rule_of_the_settings_is_told_with_its_place() -> None:
    with pytest.raises(SettingsError, match=r"alerts.rules.own: The rule cannot be read: .*Did you mean 'accuracy'"):
        configured_rules(AlertSettings(rules={"own": "wine.acuracy < 1"}))
    assert configured_rules(AlertSettings(rules={"own": "wine.rows < 1"})) == {"own": parse_rule("wine.rows < 1")}
