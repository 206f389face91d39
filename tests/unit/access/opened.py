"""Accounts for the tests, with hashes that cost next to nothing."""

from __future__ import annotations

from pathlib import Path

from garcom.access.accounts import Accounts
from garcom.access.passwords import Passwords
from garcom.storage.database import Database

PASSWORD = "correct horse battery"
CHEAP = {"passes": 1, "memory_kib": 8, "lanes": 1}


def open_accounts(home: Path) -> Accounts:
    return Accounts(Database.open(home), Passwords(**CHEAP))
