"""The audit trail's witness: the newest row that was written, told outside of the database.

It is written after the commit and never goes back. One that lags behind is nothing bad (a process died in between);
one that knows a row which the database does not have tells that rows were deleted, or the database replaced. It lies
with the secrets: whoever can write there needs neither.
"""

from __future__ import annotations

import hashlib
import hmac
import logging
from pathlib import Path
from typing import NamedTuple

from garcom.errors import GarcomError, SettingsError
from garcom.storage.lock import locked
from garcom.storage.secret_file import drafted, give_to_owner

logger = logging.getLogger("garcom.audit")

FILE_NAME = "audit.head"


class Witness(NamedTuple):
    """The number and the hash of the newest row that is known to have been written."""

    number: int
    hash: str
    #: HMAC-SHA256 of both; empty before it is written.
    signature: str = ""

    def is_signed(self, key: bytes) -> bool:
        """Whether it was written by somebody who knows the secret."""
        return hmac.compare_digest(self.signature.encode(), self._sign(key).encode())

    def write(self, home: Path, key: bytes, *, accepting: bool = False) -> None:
        """Write it down, unless a newer row is known already; ``accepting`` forgets of which it knew.

        What fails is logged: the change that it follows has been made, and a witness may lag behind.
        """
        path = home / "secrets" / FILE_NAME
        try:
            lock = path.with_name(f"{FILE_NAME}.lock")
            with locked(lock):
                give_to_owner(lock)
                known = witness_of(home)
                if accepting or known is None or known.number < self.number:
                    with drafted(path, f"{self.number} {self.hash} {self._sign(key)}\n".encode()) as draft:
                        draft.replace(path)
        except (GarcomError, OSError) as error:
            logger.error("audit witness cannot be written", extra={"why": str(error)})

    def _sign(self, key: bytes) -> str:
        return hmac.new(key, f"head {self.number} {self.hash}".encode(), hashlib.sha256).hexdigest()


def witness_of(home: Path) -> Witness | None:
    """The witness under ``home``; None where there is none, and one that nobody signed for a file of other content.

    Raises SettingsError where it may not be read.
    """
    try:
        number, head, signature = (home / "secrets" / FILE_NAME).read_text("ascii").split()
        return Witness(int(number), head, signature)
    except FileNotFoundError:
        return None
    except ValueError:
        return Witness(0, "")
    except OSError as error:
        raise SettingsError(
            f"The audit trail's witness {home / 'secrets' / FILE_NAME} cannot be read ({error.strerror}). Check that "
            "it belongs to the user who runs Garçom."
        ) from error
