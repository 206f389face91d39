"""Passwords: which are taken, and what is kept of them (Argon2id, RFC 9106).

Imported by the controller and the command line only: no worker hashes.
"""

from __future__ import annotations

import functools
import secrets
import unicodedata

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from garcom.errors import InputError

#: The shortest password, and the longest: hashing must not become work that a stranger can ask for.
SHORTEST = 10
LONGEST = 1_000
#: Random bytes of a password that is made here.
_GENERATED_BYTES = 18
#: Long enough for the rule of length, and the first that are tried all the same.
_TRIED_FIRST = """
0123456789 1111111111 1234512345 1234567890 12345678910 123456789a 1q2w3e4r5t 1qaz2wsx3edc 9876543210 abc1234567
abcdefghij abcd123456 admin12345 admin123456 administrador administrator adminadmin asdfghjkl; changeme123
football123 iloveyou123 iloveyouiloveyou letmein123 letmein1234 p@ssw0rd123 passw0rd123 password00 password01
password10 password11 password12 password123 password1234 password12345 passwordpassword princesa123 qazwsxedcrfv
qwerty1234 qwerty12345 qwerty123456 qwertyqwerty qwertyuiop qwertyuiop123 secret1234 senha12345 senha123456
senhasenha superman123 trustno1trustno1 welcome123 welcome1234
"""
_COMMON = frozenset(_TRIED_FIRST.split())


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


def check_password(password: str, user: str) -> str:
    """The password, if a user may have it: of 10 to 1,000 characters, and none of those that are tried first.

    Otherwise raises InputError, which does not repeat it (NIST SP 800-63B §5.1.1.2: length and a list of common
    passwords, no rules about kinds of characters).
    """
    if not password.isprintable():  # what a terminal or a pipe adds, half surrogate pairs too
        raise InputError("Expected a password of printable characters, without line breaks and tabs.")
    normal = _normal(password[: LONGEST + 1])
    if not SHORTEST <= len(normal) <= LONGEST:
        raise InputError(
            f"Expected a password of {SHORTEST} to {LONGEST:,} characters, got one of {len(password):,}. "
            "Several words in a row make a good one."
        )
    folded = normal.casefold()
    if folded in _COMMON or len(set(folded)) < 3 or folded.strip("0123456789._@+-!") in (user.casefold(), "garcom"):
        raise InputError("Expected a password that is not among the first that anybody tries. Choose another.")
    return password


def generated_password() -> str:
    """A password that nobody has chosen: 24 characters, 144 random bits."""
    return secrets.token_urlsafe(_GENERATED_BYTES)


def _normal(password: str) -> str:
    # The same password typed on another keyboard or system may come in another Unicode form (NIST SP 800-63B).
    return unicodedata.normalize("NFKC", password)


def _bytes(password: str) -> bytes:
    # Half a surrogate pair, as JSON can bring one, is no text; it is no password of anybody's either.
    return _normal(password).encode("utf-8", "surrogatepass")
