from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from garcom.errors import InputError, Unavailable
from garcom.monitoring.alerts.alert_list import AlertList
from garcom.monitoring.alerts.evaluation import Evaluator
from garcom.monitoring.alerts.rule_book import RuleBook
from garcom.monitoring.alerts.silences import Silences
from garcom.monitoring.records import Scope
from garcom.settings import AlertSettings
from garcom.storage import alerts as storage
from garcom.storage.audit import Actor
from garcom.storage.audit_rows import Wanted, newest_entries
from garcom.storage.models import make_model
from tests.unit.monitoring.alerts.opened import NOON, RULE, Watched

TWICE = RULE.replace("resolve", "for 2 windows resolve")


def actions(watched: Watched) -> list[str]:
    with watched.database.read() as connection:
        return [entry.action for entry in reversed(newest_entries(connection, 100, None, Wanted()))]


def test_an_alert_from_its_first_breach_to_its_end(tmp_path: Path) -> None:
    watched = Watched(tmp_path, quality=TWICE)
    watched.run(0, 0.9)
    assert watched.alerts() == []
    watched.run(1, 0.7)
    assert (watched.states(), watched.told()) == (["pending"], [])
    watched.run(16, 0.6)
    (firing,) = watched.alerts()
    assert (firing.state, firing.value, firing.fired_at, firing.began_at) == (
        "firing",
        0.6,
        NOON + timedelta(minutes=16),
        NOON + timedelta(minutes=1),
    )
    assert watched.told() == ["firing"]
    watched.run(17, 0.84)
    assert watched.states() == ["firing"]
    watched.run(18, 0.85)
    (resolved,) = watched.alerts()
    assert (resolved.id, resolved.state, resolved.value) == (firing.id, "resolved", 0.85)
    assert watched.told() == ["firing", "resolved"]
    assert actions(watched) == ["alert.fire", "alert.resolve"]
    watched.run(19, 0.7)
    assert watched.states() == ["pending", "resolved"]


def test_a_breach_that_comes_to_nothing_leaves_nothing(tmp_path: Path) -> None:
    watched = Watched(tmp_path, quality=TWICE)
    watched.run(0, 0.7)
    watched.run(1, 0.9)
    assert (watched.alerts(), watched.told(), actions(watched)) == ([], [], [])


def test_the_window_of_a_rule_is_what_is_read(tmp_path: Path) -> None:
    watched = Watched(tmp_path, seg="wine.accuracy < 0.8 over 3h version 2 stage canary [region=SP]")
    watched.run(0, 0.9)
    scope = Scope(
        model="wine", version=2, stage="canary", segment="region=SP", since=NOON - timedelta(hours=3), until=NOON
    )
    assert watched.readings.asked == [("accuracy", scope)]


def test_what_cannot_be_read_is_shown_and_changes_nothing(tmp_path: Path) -> None:
    watched = Watched(tmp_path, quality=RULE, shift="wine.drift > 0.3", joint="wine.joint_drift > 0.3")
    watched.readings.found |= {"drift": Unavailable("the lake is away\nmore"), "joint_drift": ZeroDivisionError("x")}
    watched.run(0, 0.7)
    watched.run(1, None, "no actuals yet")
    assert watched.states() == ["firing"]
    rules = {rule.name: rule.readings[0] for rule in watched.book.shown().rules}
    assert (rules["quality"].why, rules["quality"].state, rules["quality"].value) == ("no actuals yet", "firing", None)
    assert rules["shift"].why == "the lake is away"
    assert rules["joint"].why == "it could not be read (ZeroDivisionError); the server's log says why"
    assert watched.alerts()[0].why == "no actuals yet"


def test_too_few_rows_are_told_as_such(tmp_path: Path) -> None:
    watched = Watched(tmp_path, quality="wine.accuracy < 0.8 with >= 501 actuals")
    watched.run(0, 0.1)
    assert watched.book.shown().rules[0].readings[0].why == "not enough actuals: 500 of 501"
    assert watched.alerts() == []


def test_people_are_told_again_until_somebody_takes_it_on(tmp_path: Path) -> None:
    watched = Watched(tmp_path)
    for minute in (0, 59, 60, 119):
        watched.run(minute, 0.7)
    assert watched.told() == ["firing", "repeated"]
    ana = AlertList(watched.database.by(Actor("user:ana", "::1")))
    taken = ana.acknowledge(watched.alerts()[0].id)
    assert taken.acknowledged_by == "user:ana"
    AlertList(watched.database).acknowledge(taken.id)
    watched.run(300, 0.7)
    assert watched.told() == ["firing", "repeated"]
    watched.run(301, 0.9)
    assert watched.told() == ["firing", "repeated", "resolved"]
    assert actions(watched) == ["alert.fire", "alert.acknowledge", "alert.resolve"]


def test_nobody_is_told_again_where_that_is_not_wanted(tmp_path: Path) -> None:
    watched = Watched(tmp_path, repeat_s=0)
    watched.run(0, 0.7)
    watched.run(10_000, 0.7)
    assert watched.told() == ["firing"]


@pytest.mark.parametrize(
    ("rule", "model", "is_silent"),
    [(None, None, True), ("quality", None, True), (None, "wine", True), ("other", None, False), (None, "beer", False)],
)
def test_a_silence(tmp_path: Path, rule: str | None, model: str | None, is_silent: bool) -> None:
    watched = Watched(tmp_path)
    minutes = (datetime.now(UTC) - NOON).total_seconds() / 60
    silences = Silences(watched.database)
    with watched.database.write() as connection:
        make_model(connection, "beer", NOON)
    made = silences.add("2h", rule=rule, model=model, reason="a move")
    watched.run(minutes, 0.7)
    assert watched.told() == ([] if is_silent else ["firing"])
    (state,) = AlertList(watched.database).page().alerts
    assert state.silenced_until == (made.until if is_silent else None)
    # Whoever may ask for the wine alone sees what holds for it, and for rules that hold for it.
    seen = silences.shown(["wine"], {"quality"}).silences
    assert seen == ((made,) if is_silent else ())
    silences.remove(made.id)
    watched.run(minutes + 1, 0.7)
    assert watched.told() == ["firing"]
    assert silences.shown().silences == ()


def test_when_a_silence_ends_it_is_told_though_the_rule_is_read_seldom(tmp_path: Path) -> None:
    watched = Watched(tmp_path, quality="wine.accuracy < 0.8 over 20d")
    minutes = (datetime.now(UTC) - NOON).total_seconds() / 60
    silences = Silences(watched.database)
    made = silences.add("2h")
    watched.run(minutes, 0.7)
    silences.remove(made.id)
    watched.run(minutes + 1, 0.9)  # which would end it, but a rule about 20 days is read every five hours
    watched.run(minutes + 2, 0.9)
    assert (watched.states(), watched.told()) == (["firing"], ["firing"])


def test_whoever_was_not_told_of_an_alert_is_not_told_of_its_end(tmp_path: Path) -> None:
    watched = Watched(tmp_path)
    minutes = (datetime.now(UTC) - NOON).total_seconds() / 60
    Silences(watched.database).add("2h")
    watched.run(minutes, 0.7)
    watched.run(minutes + 1, 0.9)
    assert (watched.states(), watched.told()) == (["resolved"], [])


@pytest.mark.parametrize("is_off", [False, True])
def test_the_end_of_what_was_told_is_told_during_a_silence_too(tmp_path: Path, is_off: bool) -> None:
    watched = Watched(tmp_path)
    minutes = (datetime.now(UTC) - NOON).total_seconds() / 60
    watched.run(minutes, 0.7)
    Silences(watched.database).add("200m")
    watched.run(minutes + 90, 0.7)
    assert watched.told() == ["firing"]
    if is_off:
        watched.book.switch("quality", "wine", on=False)
    watched.run(minutes + 91, 0.9)
    assert (watched.states(), watched.told()) == (["resolved"], ["firing", "resolved"])


@pytest.mark.parametrize("text", ["", "yesterday", "2020-01-01", "401d", "0s"])
def test_a_silence_needs_an_end_to_come(tmp_path: Path, text: str) -> None:
    with pytest.raises(InputError, match="Expected"):
        Silences(Watched(tmp_path).database).add(text)


def test_a_rule_that_holds_no_more_ends_its_alerts(tmp_path: Path) -> None:
    watched = Watched(tmp_path, quality=RULE, early="wine.accuracy < 0.75 for 9 windows")
    watched.run(0, 0.7)
    assert watched.states() == ["pending", "firing"] or watched.states() == ["firing", "pending"]
    watched.book.switch("quality", "wine", on=False)
    watched.book.switch("early", "wine", on=False)
    watched.run(1, 0.7)
    (ended,) = watched.alerts()
    assert (ended.state, ended.why) == ("resolved", "the rule does not hold for this model any more")
    assert watched.told() == ["firing", "resolved"]
    watched.book.switch("quality", "wine", on=True)
    watched.run(2, 0.7)
    assert watched.states() == ["firing", "resolved"]


def test_a_changed_rule_begins_anew(tmp_path: Path) -> None:
    watched = Watched(tmp_path)
    watched.run(0, 0.7)
    watched.settings = AlertSettings(defaults=False, rules={"quality": "wine.accuracy < 0.75"})
    watched.run(1, 0.7)
    new, old = watched.alerts()
    assert (old.state, old.why, new.state, new.text) == (
        "resolved",
        "the rule was changed",
        "firing",
        "wine.accuracy < 0.75 over 24h warning",
    )


def test_a_rule_that_is_replaced_ends_its_alerts_unless_it_says_the_same(tmp_path: Path) -> None:
    watched = Watched(tmp_path, other="wine.rows < 1")
    watched.book.put("mine", RULE)
    watched.run(0, 0.7)
    watched.book.put("mine", f"{RULE} ")
    watched.run(1, 0.7)
    assert (watched.states(), watched.told()) == (["firing"], ["firing"])
    watched.book.put("mine", RULE.replace("0.8 ", "0.6 "))
    watched.run(2, 0.7)
    (ended,) = watched.alerts()
    assert (ended.state, ended.why) == ("resolved", "the rule was changed")
    assert watched.told() == ["firing", "resolved"]


def test_a_rule_for_every_model(tmp_path: Path) -> None:
    watched = Watched(tmp_path, all="*.accuracy < 0.8")
    with watched.database.write() as connection:
        make_model(connection, "beer", NOON)
    watched.run(0, 0.7)
    assert sorted(alert.model for alert in watched.alerts()) == ["beer", "wine"]


def test_a_round_that_fails_changes_nothing(tmp_path: Path) -> None:
    watched = Watched(tmp_path)
    watched.run(0, 0.9)

    class Torn(Evaluator):
        def _close(self, *_: object) -> None:
            raise KeyboardInterrupt

    settings = AlertSettings(defaults=False, rules={"quality": "wine.accuracy < 0.75"})
    torn = Torn(RuleBook(settings, watched.database), watched.database, repeat_s=1)
    with pytest.raises(KeyboardInterrupt):
        torn.run(watched.readings, NOON + timedelta(minutes=1))
    with watched.database.read() as connection:
        (standing,) = storage.list_standings(connection)
    assert standing.evaluated_at == NOON


def test_a_rule_about_a_long_time_is_read_less_often(tmp_path: Path) -> None:
    watched = Watched(tmp_path, week="wine.accuracy < 0.8 over 7d")
    for minutes in (0, 1, 99, 101, 102):
        watched.run(minutes, 0.9)
    assert [scope.until for _, scope in watched.readings.asked] == [NOON, NOON + timedelta(minutes=101)]
