"""Names for people and for personal values that tell nothing without the installation's key."""

from __future__ import annotations

import hashlib
import hmac
import os
import unicodedata
from pathlib import Path

from garcom.errors import SettingsError
from garcom.storage.secret_file import secret

KEY_FILE = "subjects.key"
_KEY_BYTES = 32
#: 128 bits: two subjects share a pseudonym with a chance of one in 10^18 among 10^10.
_DIGITS = 32


class SubjectKey:
    """The key under which subjects are stored; whoever has not got it cannot even try names.

    It is made once for a home folder. Without it nobody can be found any more, neither to be told nor to be erased,
    so a backup of the home folder has to hold it.
    """

    def __init__(self, key: bytes) -> None:
        self._subjects = hmac.digest(key, b"subjects", "sha256")
        # Of its own, so that a hashed field that holds the subject's name does not give the pseudonym away.
        self._values = hmac.digest(key, b"values", "sha256")

    @classmethod
    def under(cls, home: Path) -> SubjectKey:
        """The key of a home folder, made if there is none; raises SettingsError where that cannot be."""
        key = secret(home, KEY_FILE, lambda: os.urandom(_KEY_BYTES))
        if len(key) != _KEY_BYTES:
            raise SettingsError(
                f"Expected a key of {_KEY_BYTES} bytes in {home / 'secrets' / KEY_FILE}, got {len(key)}. Put it back "
                "from a backup: with another key the subjects that are stored already cannot be found."
            )
        return cls(key)

    @staticmethod
    def is_under(home: Path) -> bool:
        """Whether a home folder has a key: without one, no subject was ever stored there."""
        return (home / "secrets" / KEY_FILE).is_file()

    def pseudonym(self, text: str) -> str:
        """What is stored in place of a subject: 32 hexadecimal digits, the same for the same text.

        Texts that look the same are the same, however their accents are encoded.
        """
        if not text.isascii():
            text = unicodedata.normalize("NFC", text)
        return _hash(self._subjects, text.encode("utf-8", "surrogatepass"))

    def hashed(self, data: bytes) -> str:
        """What is stored in place of a field's value, given in its canonical form."""
        return _hash(self._values, data)


def trail_name(pseudonym: str) -> str:
    """What the audit trail calls whom a pseudonym means.

    Nothing is ever taken out of the trail, and an erasure leaves the pseudonym nowhere: so the trail has a hash of it,
    which tells that two rows are about the same person, and is found again by whoever knows the name and the key.
    """
    return "subject:" + hashlib.sha256(f"garcom audit {pseudonym}".encode()).hexdigest()[:32]


def _hash(key: bytes, data: bytes) -> str:
    return hmac.digest(key, data, "sha256").hex()[:_DIGITS]
