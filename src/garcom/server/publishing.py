"""What the supervisor tells its workers: who may come in, and what answers."""

from __future__ import annotations

import time
from pathlib import Path

from garcom.access.listing import current_access_list, current_access_revision
from garcom.rollout.plan import TrafficPlan, current_plan, current_revision
from garcom.run_folder import ACCESS, PLAN, publish_json
from garcom.storage.database import Database

#: How often the database itself is asked, whatever its file says.
ASKED_EVERY_S = 1.5


class Publishing:
    """Puts the access list and the traffic plan into the run folder whenever they have changed.

    ``public`` says that others than this machine reach the server, so that everyone is asked who they are.
    """

    def __init__(self, database: Database, *, public: bool) -> None:
        self._database = database
        self._public = public
        self._changed_at: int | None = None
        self._ask_at = 0.0
        self._revisions: dict[str, int] = {}
        #: What was published last, and whether everyone may do everything.
        self.plan: TrafficPlan | None = None
        self.is_open = False

    def __call__(self, run_folder: Path) -> None:
        """Look whether something has changed: one ``stat``, and now and then two indexed reads."""
        changed_at, now = self._database.changed_at(), time.monotonic()
        if changed_at == self._changed_at and now < self._ask_at:
            return
        # First who may come in: workers wait for both.
        self._publish_access(run_folder / ACCESS)
        self._publish_plan(run_folder / PLAN)
        self._changed_at, self._ask_at = changed_at, now + ASKED_EVERY_S

    def _publish_access(self, path: Path) -> None:
        if self._revisions.get(ACCESS) == current_access_revision(self._database):
            return
        access = current_access_list(self._database, public=self._public)
        publish_json(path, access)
        self._revisions[ACCESS] = access.revision
        self.is_open = not access.required

    def _publish_plan(self, path: Path) -> None:
        if self._revisions.get(PLAN) == current_revision(self._database):
            return
        self.plan = current_plan(self._database)
        publish_json(path, self.plan)
        self._revisions[PLAN] = self.plan.revision
