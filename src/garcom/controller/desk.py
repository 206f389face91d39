"""Where questions to the controller are answered; the lake is opened, and its libraries imported, by the first."""

from __future__ import annotations

import functools
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from garcom.access.slowdown import Slowdown
from garcom.controller.messages import (
    AccountQuestion,
    AddActuals,
    AlertQuestion,
    AnyQuestion,
    ArriveFromProvider,
    AskToken,
    AskTokenByPassword,
    DepartToProvider,
    FetchProviderKeys,
    FindAnswer,
    FindPrediction,
    ListAudit,
    ListKeys,
    ListPredictions,
    LogIn,
    LogOut,
    MonitoringQuestion,
    RegisterUpload,
    Reply,
    RevokeToken,
    Selection,
    ShowAccessRevision,
    ShowMaturity,
    TakePredictions,
    UseVersion,
)
from garcom.errors import PredictionNotFound
from garcom.journal.journal import JOURNAL_FOLDER
from garcom.journal.segment import seal_orphans
from garcom.lake.records import LabelMaturity
from garcom.settings import Settings

if TYPE_CHECKING:
    from garcom.access.accounts import Accounts
    from garcom.access.logins import Logins
    from garcom.controller.account_desk import AccountDesk
    from garcom.controller.alert_desk import AlertDesk
    from garcom.controller.audit_desk import AuditDesk
    from garcom.controller.login_desk import LoginDesk
    from garcom.controller.monitor_desk import MonitorDesk
    from garcom.controller.provider import Provider
    from garcom.controller.token_desk import TokenDesk
    from garcom.controller.version_desk import VersionDesk
    from garcom.lake.tables import Lake
    from garcom.lake.undrained import Undrained
    from garcom.monitoring.monitor import Monitor
    from garcom.registry.registry import Registry
    from garcom.storage.database import Database

_JSON = Reply()
_ARROW = Reply(media_type="application/vnd.apache.arrow.stream")


class Desk:
    """Answers over one lake; its methods run in threads."""

    def __init__(self, settings: Settings, run_folder: Path, open_lake: Callable[[], Lake]) -> None:
        self._settings = settings
        self._run_folder = run_folder
        self._open_lake = open_lake
        self._slowdown = Slowdown()

    def answer(self, question: AnyQuestion, body: bytes) -> tuple[Reply, bytes]:
        """The answer. Raises GarcomError."""
        if isinstance(question, AccountQuestion):
            return self.account_desk.answer(question, body)
        if isinstance(question, AlertQuestion):
            return self.alert_desk.answer(question)
        if isinstance(question, MonitoringQuestion):
            return self.monitors.answer(question)
        match question:
            case FindPrediction():
                return self._find(question)
            case ListPredictions():
                return self._list(question)
            case TakePredictions():
                return self._take(question)
            case AddActuals():
                return self._add_actuals(question, body)
            case ShowMaturity():
                return self._show_maturity(question)
            case FindAnswer():
                return self._find_answer(question)
            case ListKeys():
                return self._list_keys(question)
            case AskToken() | AskTokenByPassword():
                return self.tokens.give(body, question.address)
            case RevokeToken():
                return self.tokens.revoke(body.decode(), question.address)
            case ListAudit():
                return self.audit.show(question)
            case LogIn():
                return self.browser_logins.log_in(body, question.address)
            case LogOut():
                return self.browser_logins.log_out(body.decode(), question.address)
            case DepartToProvider():
                return self.browser_logins.depart(question.redirect_uri, question.next)
            case ArriveFromProvider():
                return self.browser_logins.arrive(body, question.redirect_uri, question.address)
            case RegisterUpload():
                return self.versions.register(question)
            case UseVersion():
                return self.versions.use(question)
            case FetchProviderKeys():
                return self.browser_logins.fetch_keys()
            case ShowAccessRevision():
                return self._show_access_revision()

    @functools.cached_property
    def lake(self) -> Lake:
        """The lake, opened once."""
        return self._open_lake()

    @functools.cached_property
    def database(self) -> Database:
        """The database of the home folder, opened once; what names nobody else is done by the controller itself."""
        from garcom.storage.audit import CONTROLLER
        from garcom.storage.database import Database

        return Database.open(Path(self._settings.home)).by(CONTROLLER)

    @functools.cached_property
    def account_desk(self) -> AccountDesk:
        """Where users and API keys are made and changed."""
        from garcom.controller.account_desk import AccountDesk

        return AccountDesk(self.database)

    @functools.cached_property
    def alert_desk(self) -> AlertDesk:
        """Where alert rules, alerts and silences are listed and changed."""
        from garcom.controller.alert_desk import AlertDesk

        return AlertDesk(self._settings.alerts, self.database)

    @functools.cached_property
    def audit(self) -> AuditDesk:
        """Where the audit trail is written and read."""
        from garcom.controller.audit_desk import AuditDesk

        return AuditDesk(self.database)

    @functools.cached_property
    def monitors(self) -> MonitorDesk:
        """Where reports over any window are made."""
        from garcom.controller.monitor_desk import MonitorDesk

        return MonitorDesk(self.monitor)

    @functools.cached_property
    def monitor(self) -> Monitor:
        """Who makes them, for questions and for alert rules."""
        from garcom.monitoring.monitor import Monitor

        return Monitor(self._settings, self.database, self.registry, self.lake, self.undrained)

    @functools.cached_property
    def registry(self) -> Registry:
        """The models and their versions, to be read."""
        from garcom.registry.registry import Registry
        from garcom.storage.blobs import Blobs

        return Registry(self.database, Blobs.under(Path(self._settings.home)))

    @functools.cached_property
    def versions(self) -> VersionDesk:
        """Where versions come in, and are chosen to answer."""
        from garcom.controller.version_desk import VersionDesk
        from garcom.registry.registry import Registry
        from garcom.storage.blobs import Blobs

        uploads = self._settings.uploads
        blobs = Blobs.under(Path(self._settings.home))
        registry = Registry(self.database, blobs, require_signature=uploads.require_signature)
        return VersionDesk(registry, Path(self._settings.home), uploads)

    @functools.cached_property
    def accounts(self) -> Accounts:
        """The users and API keys."""
        from garcom.access.accounts import Accounts

        return Accounts(self.database)

    @functools.cached_property
    def logins(self) -> Logins:
        """Whoever logs in with a password, by whichever way: failures are counted in one place."""
        from garcom.access.logins import Logins

        return Logins(self.database, self.accounts, self._slowdown)

    @functools.cached_property
    def tokens(self) -> TokenDesk:
        """Where tokens are given."""
        from garcom.controller.token_desk import TokenDesk

        return TokenDesk(self._settings.access, self.database, self.accounts, self.logins)

    @functools.cached_property
    def browser_logins(self) -> LoginDesk:
        """Where sessions of browsers begin and end."""
        from garcom.controller.login_desk import LoginDesk

        return LoginDesk(self._settings, self.database, self.logins, self.provider)

    @functools.cached_property
    def provider(self) -> Provider | None:
        """The OpenID provider, where one is set."""
        if not self._settings.oidc.issuer:
            return None
        from garcom.access.seals import Seal
        from garcom.controller.provider import Provider

        return Provider(self._settings.oidc, Seal.under(Path(self._settings.home)), self._run_folder)

    @functools.cached_property
    def undrained(self) -> Undrained:
        """The journal as it is read beside the lake, by all questions together."""
        from garcom.lake.undrained import Undrained

        return Undrained(self.lake)

    def _find(self, question: FindPrediction) -> tuple[Reply, bytes]:
        from garcom.lake.predictions import Predictions

        found = Predictions(self.lake, self.undrained).find(question.id)
        if found is None or not (question.models is None or found.model in question.models):
            raise PredictionNotFound(
                f"Expected the id of a prediction that is kept here, got {question.id[:100]!r}. An answer tells its "
                "id; one may have been removed by its retention, or erased."
            )
        return _JSON, msgspec.json.encode(found)

    def _list(self, question: ListPredictions) -> tuple[Reply, bytes]:
        from garcom.lake.predictions import Predictions

        page = Predictions(self.lake, self.undrained).page(
            question.model, **_wanted(question), limit=question.limit, cursor=question.cursor
        )
        self.audit.tell_reading(question, len(page.predictions), is_export=False)
        return _JSON, msgspec.json.encode(page)

    def _take(self, question: TakePredictions) -> tuple[Reply, bytes]:
        from garcom.lake.predictions import Predictions
        from garcom.serving.codec.arrow_stream import written

        predictions = Predictions(self.lake, self.undrained)
        frame = predictions.frame(question.model, **_wanted(question), limit=question.limit)
        self.audit.tell_reading(question, frame.height, is_export=True)
        return _ARROW, written(frame.to_arrow())

    def _add_actuals(self, question: AddActuals, body: bytes) -> tuple[Reply, bytes]:
        from garcom.lake.actuals import Actuals
        from garcom.serving.codec.actuals_body import read_actuals

        told = read_actuals(body, question.content_type.encode(), question.output, datetime.now(UTC))
        return _JSON, msgspec.json.encode(Actuals(self.lake, self.undrained).add(question.model, told))

    def _show_maturity(self, question: ShowMaturity) -> tuple[Reply, bytes]:
        from garcom.lake.maturity import maturity

        ages = maturity(self.lake, question.model, question.since, question.until, undrained=self.undrained)
        return _JSON, msgspec.json.encode(LabelMaturity(model=question.model, ages=tuple(ages)))

    def _find_answer(self, question: FindAnswer) -> tuple[Reply, bytes]:
        from garcom.lake.keyed import rows_of_key

        self._make_durable()
        wanted = question.model, question.version, question.key, question.since
        rows = rows_of_key(self.undrained, *wanted, elsewhere=question.elsewhere)
        return _JSON, msgspec.json.encode(rows)

    def _list_keys(self, question: ListKeys) -> tuple[Reply, bytes]:
        from garcom.lake.keyed import keys_since

        self._make_durable()
        return _JSON, msgspec.json.encode(keys_since(self.undrained, question.since))

    def _show_access_revision(self) -> tuple[Reply, bytes]:
        from garcom.access.listing import current_access_revision

        return _JSON, msgspec.json.encode(current_access_revision(self.database))

    def _make_durable(self) -> None:
        """Sync what a killed worker wrote without having synced it: what is found may be acknowledged."""
        for _ in seal_orphans(self.lake.home / JOURNAL_FOLDER):
            pass


def _wanted(question: Selection) -> dict[str, Any]:
    return {name: getattr(question, name) for name in ("since", "until", "version", "subject", "has_actual")}
