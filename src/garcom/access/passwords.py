"""What is kept of passwords: Argon2id (RFC 9106).

Imported by the controller and the command line only: no worker hashes.
"""

from __future__ import annotations

import functools
import secrets
import unicodedata

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from garcom.access.password_rule import LONGEST


class Passwords:
    """Hashes passwords and verifies them.

    The parameters are the second that RFC 9106 §4 recommends (64 MiB, three passes, four lanes). A hash that was made
    with others still verifies, and is to be made anew.
    """

    def __init__(self, *, passes: int = 3, memory_kib: int = 65_536, lanes: int = 4) -> None:
        self._hasher = PasswordHasher(time_cost=passes, memory_cost=memory_kib, parallelism=lanes)

    def hash(self, password: str) -> str:
        """What is stored of a password."""
        return self._hasher.hash(_bytes(password))

    def verify(self, stored: str | None, password: str) -> bool:
        """Whether it is the password that was stored.

        Where nothing is stored, another hash is verified in its place: how long the answer takes does not tell
        whether there is such a user.
        """
        if len(password) > LONGEST:
            stored, password = None, ""
        try:
            self._hasher.verify(self._dummy if stored is None else stored, _bytes(password))
        except (VerificationError, InvalidHashError):
            return False
        return stored is not None

    def is_outdated(self, stored: str) -> bool:
        """Whether the hash was made with other parameters than are used now."""
        return self._hasher.check_needs_rehash(stored)

    @functools.cached_property
    def _dummy(self) -> str:
        return self._hasher.hash(secrets.token_hex())


def _bytes(password: str) -> bytes:
    # The same password typed on another keyboard may come in another Unicode form (NIST SP 800-63B §5.1.1.2). Half a
    # surrogate pair, as JSON can bring one, is no text; it is no password of anybody's either.
    return unicodedata.normalize("NFKC", password).encode("utf-8", "surrogatepass")
