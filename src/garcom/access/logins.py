"""Logins by name and password, slowed where they fail: the one way for tokens and for the browser."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from garcom.access.slowdown import Slowdown
from garcom.errors import Unauthenticated

if TYPE_CHECKING:
    from garcom.access.accounts import Accounts
    from garcom.storage.database import Database

logger = logging.getLogger("garcom.access")


class Logins:
    """Who logs in; one per controller, because it remembers failures. Used by the controller only."""

    def __init__(self, database: Database, accounts: Accounts, slowdown: Slowdown) -> None:
        self._database = database
        self._accounts = accounts
        self._slowdown = slowdown

    def check(self, name: str, password: str, address: str) -> str:
        """The name of the user who has this name and password.

        Raises Unauthenticated, which does not tell what was wrong, and RateLimited after failures. Each failure is told
        in the audit trail; a name that no user has is not, because it may well be a password.
        """
        self._slowdown.begin(name, address)
        try:
            user = self._accounts.check_password(name, password).name
        except Unauthenticated:
            logger.warning("login refused", extra={"address": address})
            self._record_refusal(name, address)
            raise
        self._slowdown.succeeded(name, address)
        return user

    def _record_refusal(self, name: str, address: str) -> None:
        from garcom.storage.accounts import find_user
        from garcom.storage.audit import Actor, record

        with self._database.by(Actor("nobody", address)).write() as connection:
            # Known or not, the same is done, so that the time tells nothing.
            user = find_user(connection, name)
            record(connection, "token.refused", f"user:{user.name}" if user else "user:(unknown)")
