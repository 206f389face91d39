"""The controller process: ``python -m garcom.controller.process RUN_FOLDER LIFELINE_FD``.

It ends when the other end of the lifeline closes, so that it does not outlive its supervisor, or when it is killed.
Nothing has to be put in order then: every duty may be interrupted anywhere, and is done again.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import os
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from garcom.access.key_use import KeyUses
from garcom.controller.answering import Answering
from garcom.controller.asking import SOCKET
from garcom.controller.desk import Desk
from garcom.controller.duties import repeat
from garcom.journal.journal import JOURNAL_FOLDER
from garcom.journal.segment import holds_predictions
from garcom.logs import configure
from garcom.run_folder import SETTINGS
from garcom.settings import Settings

if TYPE_CHECKING:
    from garcom.lake.tables import Lake
    from garcom.monitoring.expiry import EndedWriters
    from garcom.monitoring.folding import Folding
    from garcom.monitoring.known_versions import KnownVersions

#: Questions that are answered at the same time; more wait.
THREADS = 4
#: Gauges are taken once in so many times that rules are read: they look at every column of every model.
GAUGES_EVERY = 5
#: What looks at every model rests for so many times as long as it took: rules half of the time, gauges a tenth of it.
RULES_REST, GAUGES_REST = 1, 9
#: Nobody waits for the controller as those who ask for predictions wait for the workers.
NICENESS = 5
#: How often keys that sign tokens are looked after.
SIGNING_KEYS_S = 3600.0
#: How often it is written down when API keys were last used.
KEY_USES_S = 5.0
#: How often the public keys of the OpenID provider are fetched.
PROVIDER_KEYS_S = 3600.0
#: How often it is looked whether there is something to tell people.
ALERT_MESSAGES_S = 2.0


class Process:
    """The controller of one node."""

    def __init__(self, settings: Settings, run_folder: Path) -> None:
        self._settings = settings
        self._run_folder = run_folder
        self._home = Path(settings.home)
        self._desk = Desk(settings, run_folder, self._open_lake)
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="desk")
        #: Duties have a thread of their own: a long one must not take the place of questions.
        self._duties = ThreadPoolExecutor(1, thread_name_prefix="duties")
        #: Reports take a while, and a mail server may not answer: neither holds up the other, nor the drain.
        self._rules = ThreadPoolExecutor(1, thread_name_prefix="alert-rules")
        self._messages = ThreadPoolExecutor(1, thread_name_prefix="alert-messages")
        self._key_uses = KeyUses(run_folder)
        self._answering = Answering(run_folder / SOCKET, self._desk.answer, self._threads)

    async def run(self) -> None:
        """Serve until the process is ended."""
        await self._answering.start()
        lake, every_s = self._settings.lake, self._settings.monitoring.every_s
        await asyncio.gather(
            repeat("drain", self._drain, lake.drain_s, self._duties),
            repeat("upkeep", self._upkeep, lake.upkeep_s, self._duties),
            repeat("signing keys", self._keep_signing_keys, SIGNING_KEYS_S, self._duties),
            repeat("key uses", self._note_key_uses, KEY_USES_S, self._duties),
            repeat("alert rules", self._read_alert_rules, every_s, self._rules, rest=RULES_REST),
            repeat("gauges", self._gauge, GAUGES_EVERY * every_s, self._rules, rest=GAUGES_REST),
            repeat("alert messages", self._send_alerts, ALERT_MESSAGES_S, self._messages, at_once=True),
            # In the other threads: a provider that does not answer must not hold up the drain.
            repeat("provider keys", self._fetch_provider_keys, PROVIDER_KEYS_S, self._threads, at_once=True),
        )

    @functools.cached_property
    def _known_versions(self) -> KnownVersions:
        from garcom.monitoring.known_versions import KnownVersions
        from garcom.storage.blobs import Blobs

        return KnownVersions(Blobs.under(self._home))

    @functools.cached_property
    def _folding(self) -> Folding:
        from garcom.monitoring.folding import Folding

        return Folding(self._desk.database, self._known_versions)

    @functools.cached_property
    def _ended_writers(self) -> EndedWriters:
        from garcom.monitoring.expiry import EndedWriters

        return EndedWriters(self._desk.database, self._home / JOURNAL_FOLDER)

    def _open_lake(self) -> Lake:
        from garcom.lake.opening import open_lake

        return open_lake(self._home, self._settings.lake.url)

    def _drain(self) -> None:
        if not holds_predictions(self._home / JOURNAL_FOLDER):
            return  # the lake's libraries are not even loaded where nothing is served
        from garcom.lake.drain import Drain

        Drain(self._desk.lake, fold=self._folding).run()

    def _upkeep(self) -> None:
        from garcom.lake.upkeep import Upkeep
        from garcom.monitoring.days import remove_old_hours, sum_days
        from garcom.monitoring.expiry import forget_names, remove_orphans

        Upkeep(self._desk.lake, self._settings.retention, self._tell_expired).run()
        remove_orphans(self._desk.database)
        sum_days(self._desk.database, self._known_versions)
        remove_old_hours(self._desk.database)
        forget_names(self._desk.database, self._settings.retention)
        self._ended_writers.forget()

    @property
    def _has_monitors(self) -> bool:
        """Whether there is anything to look at; else the libraries are not even loaded."""
        is_kept = bool(self._settings.lake.url) or (self._home / "lake").exists()
        is_served = is_kept or holds_predictions(self._home / JOURNAL_FOLDER)
        return self._settings.monitoring.enabled and is_served

    def _gauge(self) -> None:
        if not self._has_monitors:
            return
        from garcom.controller.gauging import gauge
        from garcom.monitoring.alerts.alert_list import MAX_LIMIT, AlertList

        answering = [(model.name, model.answers) for model in self._desk.registry.models() if model.answers is not None]
        alerts = AlertList(self._desk.database).page(limit=MAX_LIMIT).alerts
        gauge(self._desk.monitor, answering, alerts, self._run_folder, datetime.now(UTC))

    def _read_alert_rules(self) -> None:
        if not self._has_monitors:
            return
        from garcom.monitoring.alerts.report_readings import ReportReadings

        self._desk.alert_desk.evaluate(ReportReadings(self._desk.monitor))

    def _send_alerts(self) -> None:
        self._desk.alert_desk.send()

    def _keep_signing_keys(self) -> None:
        from garcom.controller.token_desk import signing_keys

        signing_keys(self._settings.access, self._desk.database).keep(datetime.now(UTC))

    def _note_key_uses(self) -> None:
        news = self._key_uses.news()
        if news:
            self._desk.accounts.note_use(news)
            self._key_uses.told(news)

    def _fetch_provider_keys(self) -> None:
        if self._desk.provider is not None:
            self._desk.provider.fetch_keys()

    def _tell_expired(self, table: str, rows: dict[str, int]) -> None:
        from garcom.storage.audit import record

        with self._desk.database.write() as connection:
            record(connection, "retention.expire", table, before={"rows": rows})


def main(run_folder: Path, lifeline_fd: int) -> None:
    """Serve until a signal or the end of the supervisor ends the process, in whatever it is doing."""
    settings = msgspec.json.decode((run_folder / SETTINGS).read_bytes(), type=Settings)
    configure(settings.log_format, settings.log_level)
    step_back()
    threading.Thread(target=_watch_lifeline, args=(lifeline_fd,), daemon=True).start()
    asyncio.run(Process(settings, run_folder).run())


def step_back() -> None:
    """Let predictions come first where reports and they want the same processor."""
    with contextlib.suppress(OSError):
        os.nice(NICENESS)
    # With autogroups (sched(7)) niceness counts within a session only, and the session's own is this.
    with contextlib.suppress(OSError):
        Path("/proc/self/autogroup").write_text(str(NICENESS))


def _watch_lifeline(lifeline_fd: int) -> None:
    with contextlib.suppress(OSError):
        os.read(lifeline_fd, 1)
    os._exit(0)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
