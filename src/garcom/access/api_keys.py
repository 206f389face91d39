"""API keys: their shape, and the digest by which they are known.

A key is ``gk_``, eight characters, ``_``, and 43 characters that stand for 32 random bytes. What comes before the
second ``_`` is its prefix: it names the key, and is no secret. So much randomness needs no slow hash: of a key only
its SHA-256 is kept.
"""

from __future__ import annotations

import hashlib
import re
import secrets
import string
from typing import NamedTuple

_LETTERS = string.ascii_letters + string.digits
_PREFIX = r"gk_[A-Za-z0-9]{8}"
_KEY = re.compile(rf"{_PREFIX}_[A-Za-z0-9_-]{{43}}")
_KEY_PREFIX = re.compile(_PREFIX)


class NewKey(NamedTuple):
    """A key that was just made; its text is shown once and then forgotten."""

    text: str

    @property
    def prefix(self) -> str:
        """What may be shown of it."""
        return self.text[:11]

    def __repr__(self) -> str:
        return f"NewKey({self.prefix}…)"


def make_key() -> NewKey:
    """A key that nobody has had before."""
    prefix = "".join(secrets.choice(_LETTERS) for _ in range(8))
    return NewKey(f"gk_{prefix}_{secrets.token_urlsafe(32)}")


def digest(text: str) -> str:
    """The SHA-256 of a key's whole text, in hexadecimal."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def is_key(text: str) -> bool:
    """Whether a credential has the shape of an API key."""
    return _KEY.fullmatch(text) is not None


def is_prefix(text: str) -> bool:
    """Whether a text has the shape of a key's prefix."""
    return _KEY_PREFIX.fullmatch(text) is not None
