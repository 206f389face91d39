"""Marks that only this installation can make: CSRF tokens, and what a browser brings back from a provider."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from pathlib import Path

from garcom.access.tokens import to_base64url
from garcom.storage.secret_file import secret

#: In ``home/secrets``.
SECRET = "browser.key"
_SECRET_BYTES = 32


class Seal:
    """HMAC-SHA256 (RFC 2104) under a secret of the home folder, a key of its own for each purpose."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    @classmethod
    def under(cls, home: Path) -> Seal:
        """The seal of an installation, made when it is first needed."""
        return cls(secret(home, SECRET, lambda: secrets.token_bytes(_SECRET_BYTES)))

    def mark(self, purpose: str, text: str) -> str:
        """The mark of a text for one purpose: 43 characters, base64url."""
        key = hmac.digest(self._key, purpose.encode(), hashlib.sha256)
        return to_base64url(hmac.digest(key, text.encode(), hashlib.sha256))

    def fits(self, mark: str, purpose: str, text: str) -> bool:
        """Whether the mark is that of the text, in a time that tells nothing."""
        return hmac.compare_digest(mark.encode(), self.mark(purpose, text).encode())
