"""Alert rules, alerts and silences, for those who ask the controller; and sending what is to be told."""

from __future__ import annotations

import functools
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import msgspec

from garcom.controller.messages import (
    AcknowledgeAlert,
    AddAlertRule,
    AddSilence,
    AlertQuestion,
    Change,
    ListAlertRules,
    ListAlerts,
    ListSilences,
    ListUndelivered,
    PutAlertRule,
    RemoveAlertRule,
    RemoveSilence,
    Reply,
    RetryMessage,
    SwitchAlertRule,
)
from garcom.monitoring.alerts.alert_list import AlertList
from garcom.monitoring.alerts.destinations import destinations, signing_secret
from garcom.monitoring.alerts.evaluation import Evaluator
from garcom.monitoring.alerts.outbox import Outbox
from garcom.monitoring.alerts.rule_book import RuleBook
from garcom.monitoring.alerts.sender import Sender
from garcom.monitoring.alerts.silences import Silences
from garcom.settings import AlertSettings
from garcom.storage import alerts as storage
from garcom.storage.audit import Actor
from garcom.storage.database import Database

if TYPE_CHECKING:
    from garcom.monitoring.alerts.readings import Readings


class AlertDesk:
    """Answers over one database; every change is told as whoever asked for it."""

    def __init__(self, settings: AlertSettings, database: Database) -> None:
        self._settings = settings
        self._database = database

    def answer(self, question: AlertQuestion) -> tuple[Reply, bytes]:
        """The answer as JSON. Raises GarcomError."""
        return Reply(), msgspec.json.encode(self._answer(question))

    def _answer(self, question: AlertQuestion) -> object:
        database = self._database
        if isinstance(question, Change):
            database = database.by(Actor(question.by, question.address))
        match question:
            case ListAlerts():
                return AlertList(database).page(
                    models=question.models,
                    states=question.states,
                    since=question.since,
                    limit=question.limit,
                    cursor=question.cursor,
                )
            case ListAlertRules():
                return self._book(database).shown(question.models)
            case ListSilences():
                return Silences(database).shown(question.models, self._book(database).names(question.models))
            case ListUndelivered():
                return Outbox(database).shown(question.models, question.states, question.limit)
            case RetryMessage():
                return Outbox(database).retry(question.id, question.models)
            case AddAlertRule():
                return self._book(database).add(question.rule, question.name, question.models)
            case PutAlertRule():
                return self._book(database).put(question.name, question.rule, question.models)
            case RemoveAlertRule():
                self._book(database).remove(question.name, question.models)
            case SwitchAlertRule():
                self._book(database).switch(question.name, question.model, on=question.enabled, models=question.models)
            case AcknowledgeAlert():
                return AlertList(database).acknowledge(question.id, question.models)
            case AddSilence():
                if question.rule is not None:
                    self._book(database).check_known(question.rule, question.models)
                return Silences(database).add(
                    question.until,
                    rule=question.rule,
                    model=question.model,
                    reason=question.reason,
                    models=question.models,
                )
            case RemoveSilence():
                Silences(database).remove(question.id, question.models)
        return None

    def evaluate(self, readings: Readings) -> None:
        """Read every rule in the windows that end now, and write down what becomes of the alerts."""
        evaluator = Evaluator(self._book(self._database), self._database, repeat_s=self._settings.repeat_s)
        evaluator.run(readings, datetime.now(UTC))

    def send(self) -> None:
        """Deliver what is to be told; where nothing is, what delivers is not even loaded."""
        with self._database.read() as connection:
            if not (storage.list_events(connection) or storage.list_waiting(connection)):
                return
        self._sender.run(datetime.now(UTC))

    @functools.cached_property
    def _sender(self) -> Sender:
        from garcom.monitoring.alerts.post_office import PostOffice

        return Sender(
            self._database,
            destinations(self._settings),
            PostOffice(signing_secret(self._settings)),
            language=self._settings.language,
            group_s=self._settings.group_s,
        )

    def _book(self, database: Database) -> RuleBook:
        return RuleBook(self._settings, database)
