"""The composition root of a worker: builds the data plane and the control application, and wires them."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import gc
import logging
from collections.abc import Callable, Coroutine
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from garcom.access.access_list import AccessList
from garcom.access.key_use import KeyUse
from garcom.access.limits import Limiter
from garcom.access.provider_tokens import ExternalUsers, KeySet, ProviderTokens
from garcom.access.seals import Seal
from garcom.addresses import Proxies
from garcom.controller.asking import Controller
from garcom.controller.messages import FetchProviderKeys
from garcom.errors import GarcomError, JournalUnavailable
from garcom.http.admission import Admission
from garcom.http.asgi import Application, Asgi
from garcom.http.bodies import Bodies
from garcom.http.catching_up import CatchingUp
from garcom.http.cors import Cors
from garcom.http.edge import Edge
from garcom.http.gate import Gate
from garcom.http.hosts import Hosts
from garcom.http.login_ways import LoginWays
from garcom.http.sessions import Sessions
from garcom.http.token_owner import SessionOwners, TokenOwners
from garcom.journal.committer import Sync
from garcom.journal.disguise import disguise
from garcom.journal.journal import JOURNAL_FOLDER, Journal
from garcom.journal.pseudonyms import SubjectKey
from garcom.journal.segment import ROTATE, holds_predictions
from garcom.rollout.plan import TrafficPlan
from garcom.run_folder import ACCESS, PLAN, PROVIDER_KEYS, Followed, read_published
from garcom.serving.dataplane import DataPlane
from garcom.serving.logbook import Logbook
from garcom.serving.predictor import Predictor, load_predictor
from garcom.serving.runtime import Runtime
from garcom.serving.scribe import Scribe, described
from garcom.serving.shared_counts import SharedCounts
from garcom.serving.telemetry import Telemetry
from garcom.settings import Settings

if TYPE_CHECKING:
    from garcom.http.repeats import Repeats

logger = logging.getLogger("garcom.app")

#: How often a worker looks whether the plan or the access list has changed: one ``stat`` of each.
FOLLOW_INTERVAL_S = 0.05
#: How often idempotency keys that have had their time are removed.
KEYS_INTERVAL_S = 60.0
#: How often a worker shares its counts with its siblings.
COUNTS_INTERVAL_S = 1.0


class Worker:
    """One worker's parts and background work, over the folder in which the supervisor publishes the plan."""

    def __init__(self, settings: Settings, run_folder: Path) -> None:
        self._settings = settings
        self._run_folder = run_folder
        self._home = home = Path(settings.home)
        self._journal_folder = home / JOURNAL_FOLDER
        self._plan = Followed(run_folder / PLAN)
        self._access = Followed(run_folder / ACCESS)
        self._provider_keys = Followed(run_folder / PROVIDER_KEYS)
        self._control: asyncio.Task[Asgi] | None = None
        self._repeats: Repeats | None = None
        self._tasks: set[asyncio.Task[None]] = set()

        # Who may come in.
        self._controller = Controller(run_folder)
        self._provider = ProviderTokens(settings.oidc)
        self._key_use = KeyUse(run_folder)
        self._gate = _gate(settings, self._provider, self._key_use)
        self._limiter = Limiter(settings.limits, run_folder, home, settings.workers)
        access = settings.access
        hosts = Hosts(access.allowed_hosts, settings.host, access.public_url)
        self.admission = Admission(hosts, self._gate, self._limiter, CatchingUp(self._controller, self._gate))

        # What answers, and what is written of it.
        self._telemetry = Telemetry()
        self._counts = SharedCounts(run_folder, self._telemetry.snapshot)
        self._journal = _journal(settings)
        subjects = SubjectKey.under(home)
        self.runtime = Runtime(
            _loading(settings),
            memory_budget_bytes=settings.model_memory_mb * 1024 * 1024,
            max_queued_rows=settings.max_queued_rows,
            route=settings.route,
            employ=_employing(settings, self._journal, subjects, self._telemetry),
        )
        self.plane = DataPlane(self.runtime, self._telemetry, subjects.pseudonym)
        self._logbook = Logbook(
            self._journal, lambda signature: disguise(signature, subjects), subjects.pseudonym, self._telemetry
        )

        # How requests reach it.
        self.edge = Edge(self._telemetry, settings.access_log, subjects.pseudonym)
        self._bodies = Bodies(
            max_body_bytes=settings.max_body_bytes,
            max_buffered_bytes=settings.max_buffered_bytes,
            timeout_s=settings.client_timeout_s,
        )
        application = Application(
            self.plane,
            self.edge,
            self.admission,
            self.control,
            self.start,
            self.stop,
            self._bodies,
            self._open_repeats,
        )
        self.application: Asgi = Cors(application, access.cors_origins) if access.cors_origins else application

    async def control(self) -> Asgi:
        """The control application, imported when it is first wanted or right after the start."""
        if self._control is None:
            self._control = asyncio.create_task(asyncio.to_thread(self._create_control))
        return await asyncio.shield(self._control)

    async def start(self) -> None:
        """Wait for the plan, load what answers at ``/predict``, and leave the rest to the background."""
        if self._journal is not None:
            self._journal.commit_on(asyncio.get_running_loop())
        while not (self._plan.exists and self._access.exists):
            await asyncio.sleep(0.005)
        await self._follow()
        await self.runtime.prepare_default()
        for work in (self._watch_run_folder(), self._share_counts(), self._finish_start()):
            self._in_background(work)
        if self._provider.accepted:
            self._in_background(self._learn_provider_keys())
        if self._journal is not None:
            self._in_background(self._watch_rotation(self._journal))

    async def stop(self) -> None:
        """End the background work and free the predictors; requests in flight have ended by now."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._repeats is not None:
            await asyncio.to_thread(self._repeats.close)
        if self._journal is not None:
            await asyncio.to_thread(self._journal.close)
        await self.runtime.close()
        await self._limiter.close()

    async def _finish_start(self) -> None:
        await self.control()
        await self.runtime.preload()
        # What is there now stays: the collector need not walk it again and again while requests come and go.
        gc.collect()
        gc.freeze()
        # Last, because after a power cut it waits for the controller.
        with contextlib.suppress(GarcomError):  # whoever needs it will be told
            await self._open_repeats().prepare()

    async def _follow(self) -> None:
        """Read what the supervisor has published anew: first who may come in, then what answers."""
        if self._access.has_changed():
            self._gate.follow(read_published(self._access.path, AccessList))
        if self._provider_keys.exists and self._provider_keys.has_changed():
            self._provider.follow(read_published(self._provider_keys.path, KeySet))
        if self._plan.has_changed():
            await self.runtime.follow(read_published(self._plan.path, TrafficPlan))

    async def _watch_run_folder(self) -> None:
        while True:
            await asyncio.sleep(FOLLOW_INTERVAL_S)
            try:
                await self._follow()
            except (GarcomError, OSError) as error:
                logger.error("traffic plan or access list cannot be followed", extra={"why": str(error)})
            except Exception:
                # The boundary of this background work: a worker that never again heard of a change would look well.
                logger.exception("traffic plan or access list cannot be followed")
            else:
                continue
            self._plan.forget()
            self._provider_keys.forget()
            self._access.forget()
            await asyncio.sleep(COUNTS_INTERVAL_S)

    async def _learn_provider_keys(self) -> None:
        """Have the provider's keys fetched when a token names one that is not there; the controller says how often."""
        while True:
            await asyncio.sleep(COUNTS_INTERVAL_S)
            if self._provider.misses_a_key:
                self._provider.misses_a_key = False
                with contextlib.suppress(GarcomError):  # the controller has logged it
                    await self._controller.ask(FetchProviderKeys())

    def _open_repeats(self) -> Repeats:
        """What serves requests with a key, made when it is first wanted."""
        if self._repeats is None:
            from garcom.http.repeats import Repeats

            lifetime = timedelta(hours=self._settings.journal.keys_hours)
            self._repeats = Repeats(self._journal_folder, self.plane, self._controller, lifetime, self._is_new)
            self._in_background(self._expire_keys(self._repeats))
        return self._repeats

    def _is_new(self) -> bool:
        """Whether nothing was ever predicted in this home."""
        # An object store is asked, because nobody else knows.
        if self._settings.lake.url or (self._home / "lake" / "predictions").exists():
            return False
        return not holds_predictions(self._journal_folder)

    async def _expire_keys(self, repeats: Repeats) -> None:
        while True:
            await asyncio.sleep(KEYS_INTERVAL_S)
            try:
                await repeats.expire()
            except JournalUnavailable as error:
                logger.error("old idempotency keys cannot be removed", extra={"why": str(error)})

    async def _watch_rotation(self, journal: Journal) -> None:
        """Close the open segment whenever somebody has asked for it."""
        path = self._journal_folder / ROTATE
        asked = _changed(path)
        while True:
            await asyncio.sleep(FOLLOW_INTERVAL_S)
            if asked != (asked := _changed(path)):
                journal.rotate()

    async def _share_counts(self) -> None:
        while True:
            await asyncio.sleep(COUNTS_INTERVAL_S)
            with contextlib.suppress(OSError):  # a full disk; the next second tries again
                self._counts.write()
                self._key_use.write()

    def _in_background(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            logger.error("background work failed", exc_info=error)

    def _create_control(self) -> Asgi:
        from garcom import __version__
        from garcom.http.catalogue import Catalogue
        from garcom.http.control import Parts, create_control
        from garcom.http.metrics import Exposition
        from garcom.http.security_headers import SecurityHeaders
        from garcom.http.uploading import Uploads
        from garcom.monitoring.prometheus import read_gauges

        settings = self._settings
        exposition = Exposition(
            self._counts.total, self.runtime, self._journal_folder, lambda: read_gauges(self._run_folder)
        )
        parts = Parts(
            self.runtime,
            Catalogue(self.runtime),
            exposition,
            self._controller,
            self.edge,
            self._bodies,
            self.admission,
            LoginWays.of(settings.oidc.issuer if settings.oidc.client_id else "", settings.access.public_url),
            allow_python=settings.allow_python,
            uploads=Uploads(self._home, settings.uploads, silence_s=settings.client_timeout_s),
            proxies=Proxies(settings.access.trusted_proxies),
            logbook=self._logbook,
            repeats=self._open_repeats,
        )
        control = create_control(parts, __version__, access_log=settings.access_log)
        return SecurityHeaders(control, tls=settings.has_tls)


def _gate(settings: Settings, provider: ProviderTokens, key_use: KeyUse) -> Gate:
    access = settings.access
    return Gate(
        TokenOwners(access.issuer, access.audience, provider),
        key_use.note,
        sessions=Sessions(
            Seal.under(Path(settings.home)),
            secure=settings.has_tls,
            public_url=access.public_url,
            origins=access.cors_origins,
        ),
        verify_session=SessionOwners(access.issuer, access.audience, ExternalUsers(settings.oidc)),
    )


def _loading(settings: Settings) -> Callable[[Path, str, int], Predictor]:
    """How the bundle in a folder becomes a predictor."""
    return functools.partial(
        load_predictor,
        allow_python=settings.allow_python,
        max_rows=settings.max_rows,
        python_timeout_s=settings.python_timeout_s,
        python_memory_mb=settings.python_memory_mb,
    )


def _employing(
    settings: Settings, journal: Journal | None, subjects: SubjectKey, telemetry: Telemetry
) -> Callable[[Predictor], Scribe | None]:
    """Who writes down what a predictor answers; nobody without a journal."""

    def employ(predictor: Predictor) -> Scribe | None:
        if journal is None:
            return None
        return Scribe(
            journal,
            described(predictor.model, predictor.version, predictor.digest, predictor.signature),
            disguise(predictor.signature, subjects),
            telemetry.add_unwritten if settings.journal.on_failure == "serve" else None,
        )

    return employ


def _changed(path: Path) -> int:
    """When a file was changed, in nanoseconds; 0 where it is not there."""
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0


def _journal(settings: Settings) -> Journal | None:
    journal = settings.journal
    if not journal.enabled:
        return None
    return Journal(
        Path(settings.home, JOURNAL_FOLDER),
        sync=Sync(journal.sync),
        segment_bytes=journal.segment_mb * 1024 * 1024,
        segment_s=journal.segment_s,
    )
