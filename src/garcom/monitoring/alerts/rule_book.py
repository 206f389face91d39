"""The rules that hold: those that Garçom brings along, those of the settings, and those that somebody added."""

from __future__ import annotations

import logging
import re
from collections.abc import Collection, Iterator
from datetime import UTC, datetime
from typing import Literal, NamedTuple

import msgspec
from sqlalchemy import Connection

from garcom.errors import Conflict, Forbidden, InputError, NotFound, SettingsError
from garcom.monitoring.alerts.defaults import default_rules
from garcom.monitoring.alerts.parsing import parse_rule
from garcom.monitoring.alerts.rule import EVERY_MODEL, Rule
from garcom.monitoring.alerts.sense import Sense
from garcom.registry.reference import require_model
from garcom.settings import AlertSettings
from garcom.storage import alerts as storage
from garcom.storage.audit import record
from garcom.storage.blobs import Blobs
from garcom.storage.database import Database
from garcom.suggestions import near

logger = logging.getLogger("garcom.alerts")

Source = Literal["default", "settings", "added"]

NAME_PATTERN = r"^[a-z0-9][a-z0-9_.-]{0,59}$"
_NAME = re.compile(NAME_PATTERN)
_NOT_IN_NAMES = re.compile(r"[^a-z0-9_.-]+")


class NamedRule(NamedTuple):
    """A rule under its name; ``by`` and ``at`` tell who added it and when."""

    name: str
    rule: Rule
    source: Source
    by: str | None = None
    at: datetime | None = None


class LastReading(msgspec.Struct, frozen=True, kw_only=True):
    """What a rule read last of a model: no ``value`` where ``why`` says why, and then the rule says nothing."""

    model: str
    state: Literal["inactive", "pending", "firing"]
    at: datetime
    value: float | None = None
    rows: int = 0
    actuals: int = 0
    why: str | None = None


class RuleShown(msgspec.Struct, frozen=True, kw_only=True):
    """A rule as it is listed: ``source`` is ``default``, ``settings`` (change it there) or ``added``.

    ``off`` names the models for which it is switched off, ``*`` being all. ``why`` tells why it can read nothing as
    things are: there is no such model, or that has no such column or metric.
    """

    name: str
    rule: str
    model: str
    severity: Literal["info", "warning", "critical"]
    source: Source
    off: tuple[str, ...] = ()
    created_by: str | None = None
    created_at: datetime | None = None
    readings: tuple[LastReading, ...] = ()
    why: str | None = None


class RulesShown(msgspec.Struct, frozen=True, kw_only=True):
    """Every rule, by name."""

    rules: tuple[RuleShown, ...]


def configured_rules(settings: AlertSettings) -> dict[str, Rule]:
    """The rules of the settings by their names. Raises SettingsError that tells of the first that is wrong."""
    found = {}
    for name, text in settings.rules.items():
        try:
            found[checked_name(name)] = parse_rule(text)
        except InputError as error:
            raise SettingsError(f"alerts.rules.{name}: {error}") from error
    return found


def checked_name(name: str) -> str:
    """The name, if it can be a rule's. Raises InputError."""
    if not _NAME.fullmatch(name):
        raise InputError(f"Expected a rule's name of up to 60 of a-z, 0-9, '_', '.' and '-', got {name[:100]!r}.")
    return name


class RuleBook:
    """The rules over one database. Whoever changes something is told by the database's actor.

    ``models`` of its methods are the models that the caller may ask for; None for all.
    """

    def __init__(self, settings: AlertSettings, database: Database) -> None:
        self._database = database
        self._sense = Sense(Blobs.under(database.home))
        self._configured = configured_rules(settings)
        self._defaults = default_rules() if settings.defaults else {}

    def rules(self, connection: Connection) -> dict[str, NamedRule]:
        """Every rule by its name; of one name those of the settings come first, then those that were added."""
        found = {name: NamedRule(name, rule, "default") for name, rule in self._defaults.items()}
        for row in storage.list_rules(connection):
            try:
                found[row.name] = NamedRule(row.name, parse_rule(row.text), "added", row.created_by, row.created_at)
            except InputError as error:  # another version of Garçom wrote it
                logger.error("rule cannot be read", extra={"rule": row.name, "why": str(error).partition("\n")[0]})
        found |= {name: NamedRule(name, rule, "settings") for name, rule in self._configured.items()}
        return dict(sorted(found.items()))

    def shown(self, models: Collection[str] | None = None) -> RulesShown:
        """Every rule that holds for one of these models, with what each read last."""
        with self._database.read() as connection:
            rules = self.rules(connection)
            exclusions = storage.list_exclusions(connection)
            standings = storage.list_standings(connection)
            whys = {name: self._why_never(connection, rule.rule) for name, rule in rules.items()}
        return RulesShown(
            rules=tuple(
                RuleShown(
                    name=each.name,
                    rule=str(each.rule),
                    model=each.rule.model,
                    severity=each.rule.severity,
                    source=each.source,
                    off=tuple(row.model for row in exclusions if row.rule == each.name and _is_seen(row.model, models)),
                    created_by=each.by,
                    created_at=each.at,
                    readings=tuple(
                        _reading(row) for row in standings if row.rule == each.name and _is_seen(row.model, models)
                    ),
                    why=whys[each.name],
                )
                for each in rules.values()
                if _is_seen(each.rule.model, models)
            )
        )

    def names(self, models: Collection[str] | None = None) -> set[str]:
        """The names of the rules that hold for one of these models."""
        with self._database.read() as connection:
            return {name for name, each in self.rules(connection).items() if _is_seen(each.rule.model, models)}

    def add(self, text: str, name: str | None = None, models: Collection[str] | None = None) -> RuleShown:
        """Keep a rule; without a name it is called after what it watches.

        Raises InputError for one that cannot be read or is about what its model has not, ModelNotFound, Conflict for a
        name that another has, and Forbidden.
        """
        rule = parse_rule(text)
        _permit(rule.model, models)
        now = datetime.now(UTC)
        with self._database.read() as connection:
            self._sense.check(connection, rule)
        with self._database.write() as connection:
            taken = self.rules(connection)
            chosen = checked_name(name) if name else next(each for each in _names_for(rule) if each not in taken)
            if chosen in taken:
                other = taken[chosen].rule
                which = f"that of {str(other)!r}" if _is_seen(other.model, models) else "taken"
                raise Conflict(f"Expected a name that no rule has, and {chosen!r} is {which}. Choose another.")
            by = self._database.actor.name
            storage.add_rule(connection, storage.RuleRow(chosen, str(rule), by[:200], now))
            record(connection, "alert_rule.add", chosen, after={"rule": str(rule)})
        return _shown(NamedRule(chosen, rule, "added", by, now))

    def put(self, name: str, text: str, models: Collection[str] | None = None) -> RuleShown:
        """Keep a rule under a name, in place of the added one that has it; the same text changes nothing.

        The alerts of the old text end in the next round. Where it was switched off it stays so, as far as it can hold
        there. Raises InputError, ModelNotFound and Forbidden as ``add`` does, of what it replaces too, and Conflict for
        the name of one that is of another source, or of models that the caller may not ask for.
        """
        rule = parse_rule(text)
        _permit(rule.model, models)
        by, now = self._database.actor.name, datetime.now(UTC)
        made = NamedRule(checked_name(name), rule, "added", by, now)
        with self._database.read() as connection:
            self._sense.check(connection, rule)
        with self._database.write() as connection:
            old = self.rules(connection).get(name)
            if old is not None:
                if not _is_seen(old.rule.model, models):
                    raise Conflict(f"Expected a name that no rule has, and {name!r} is taken. Choose another.")
                _check_added(old)
                _permit(old.rule.model, models)
                if str(old.rule) == str(rule):
                    return _shown(old)
            elif any(row.name == name for row in storage.list_rules(connection)):  # one that cannot be read
                _permit(EVERY_MODEL, models)
            storage.put_rule(connection, storage.RuleRow(name, str(rule), by[:200], now))
            for row in storage.list_exclusions(connection):
                if row.rule == name and EVERY_MODEL not in (rule.model, row.model) and row.model != rule.model:
                    storage.switch_on(connection, name, row.model)
            if old is None:
                record(connection, "alert_rule.add", name, after={"rule": str(rule)})
            else:
                told = {"rule": str(old.rule)}
                record(connection, "alert_rule.change", name, before=told, after={"rule": str(rule)})
        return _shown(made)

    def remove(self, name: str, models: Collection[str] | None = None) -> None:
        """Remove a rule that was added. Raises NotFound, Forbidden, and Conflict for one that is of another source."""
        with self._database.write() as connection:
            found = self._found(connection, name, models)
            _check_added(found)
            _permit(found.rule.model, models)
            storage.remove_rule(connection, name)
            record(connection, "alert_rule.remove", name, before={"rule": str(found.rule)})

    def switch(self, name: str, model: str, *, on: bool, models: Collection[str] | None = None) -> None:
        """Switch a rule off for a model (``*``: for all), or on again. What is so already changes nothing.

        Raises NotFound, Forbidden, and InputError for a rule that is about another model. What was switched off can be
        switched on for a model that is gone.
        """
        with self._database.write() as connection:
            found = self._found(connection, name, models)
            _permit(model, models)
            if not on and model not in (EVERY_MODEL, found.rule.model):
                require_model(connection, model)
            if found.rule.model not in (model, EVERY_MODEL):
                raise InputError(
                    f"Expected {found.rule.model!r}, which the rule {name!r} is about, got {model[:100]!r}."
                )
            is_off = any((row.rule, row.model) == (name, model) for row in storage.list_exclusions(connection))
            if on and is_off:
                storage.switch_on(connection, name, model)
                record(connection, "alert_rule.switch_on", name, after={"model": model})
            elif not on and not is_off:
                by = self._database.actor.name[:200]
                storage.switch_off(connection, storage.ExclusionRow(name, model, by, datetime.now(UTC)))
                record(connection, "alert_rule.switch_off", name, after={"model": model})

    def check_known(self, name: str, models: Collection[str] | None = None) -> None:
        """Raises NotFound for a name that no rule has."""
        with self._database.read() as connection:
            self._found(connection, name, models)

    def _why_never(self, connection: Connection, rule: Rule) -> str | None:
        try:
            self._sense.check(connection, rule)
        except (InputError, NotFound) as error:
            return str(error)
        return None

    def _found(self, connection: Connection, name: str, models: Collection[str] | None) -> NamedRule:
        rules = {each: rule for each, rule in self.rules(connection).items() if _is_seen(rule.rule.model, models)}
        if name not in rules:
            raise NotFound(f"Expected the name of a rule, got {name[:100]!r}.{near(name, rules)}")
        return rules[name]


def _check_added(rule: NamedRule) -> None:
    """Raises Conflict for a rule that is of another source than those that can be changed."""
    name = rule.name
    if rule.source == "settings":
        raise Conflict(f"The rule {name!r} stands in the settings (alerts.rules.{name}). Change or remove it there.")
    if rule.source == "default":
        raise Conflict(
            f"The rule {name!r} is one that Garçom brings along. Switch it off instead (`garcom alert off {name}`), "
            "for one model or for all, and give one of your own another name."
        )


def _is_seen(model: str, models: Collection[str] | None) -> bool:
    return models is None or model == EVERY_MODEL or model in models


def _permit(model: str, models: Collection[str] | None) -> None:
    """Raises Forbidden where the caller may not change what holds for this model, or for all of them (``*``)."""
    if models is not None and model not in models:
        meant = "every model" if model == EVERY_MODEL else f"the model {model!r}"
        raise Forbidden(f"Expected a role that permits to promote for {meant} (approver or admin), got none.")


def _names_for(rule: Rule) -> Iterator[str]:
    model = "" if rule.model == EVERY_MODEL else f"{rule.model}-"
    column = f"-{rule.subject.column}" if rule.subject.column else ""
    name = _NOT_IN_NAMES.sub("-", f"{model}{rule.subject.name}{column}".lower()).strip("-.")[:50]
    yield name
    number = 2
    while True:
        yield f"{name}-{number}"
        number += 1


def _shown(found: NamedRule) -> RuleShown:
    return RuleShown(
        name=found.name,
        rule=str(found.rule),
        model=found.rule.model,
        severity=found.rule.severity,
        source=found.source,
        created_by=found.by,
        created_at=found.at,
    )


def _reading(row: storage.StandingRow) -> LastReading:
    return LastReading(
        model=row.model,
        state="pending" if row.state == "pending" else "firing" if row.state == "firing" else "inactive",
        at=row.evaluated_at,
        value=row.value,
        rows=row.rows,
        actuals=row.actuals,
        why=row.why,
    )
