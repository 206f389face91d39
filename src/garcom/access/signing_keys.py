"""The keys that sign tokens: made when they are first needed, replaced by the clock, retired when nothing needs them.

A key is known to the workers a moment after it was made, so it signs only when that moment is over, unless there is no
other. It verifies until the last token that it may have signed has expired; then it is retired, and its private half
deleted. Private halves are stored encrypted (AES key wrap, RFC 3394) under a secret of the home folder: who has a copy
of the database alone can sign nothing.
"""

from __future__ import annotations

import itertools
import secrets
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from garcom.access.tokens import SESSION, SigningKey, from_base64url, to_base64url
from garcom.errors import SettingsError
from garcom.storage.secret_file import secret

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from garcom.storage.database import Database
    from garcom.storage.tokens import KeyRow

#: In ``home/secrets``.
SECRET = "signing_keys.key"
_SECRET_BYTES = 32
#: After how long every worker knows a new key.
KNOWN_AFTER = timedelta(seconds=10)


class SigningKeys:
    """The keys of one installation.

    ``every`` is how long each signs; ``longest`` how long the longest token or session lives.
    """

    def __init__(
        self, database: Database, *, every: timedelta = timedelta(days=30), longest: timedelta = SESSION.longest
    ) -> None:
        self._database = database
        self._every = every
        self._longest = longest

    def prepare(self, now: datetime) -> None:
        """Make the first key, if there is none; processes that come at the same time make one."""
        from garcom.storage.tokens import living_keys

        with self._database.read() as connection:
            if living_keys(connection):
                return
        with self._database.write() as connection:
            if not living_keys(connection):
                self._make(connection, now)

    def signer(self, now: datetime) -> SigningKey:
        """The key that signs now."""
        from garcom.storage.tokens import living_keys, private_half

        self.prepare(now)
        with self._database.read() as connection:
            keys = living_keys(connection)
            known = [key for key in keys if key.created_at <= now - KNOWN_AFTER]
            kid = known[0].kid if known else keys[-1].kid
            return SigningKey(kid, self._unwrapped(private_half(connection, kid)))

    def rotate(self, now: datetime, *, end_all: bool = False) -> str:
        """Make a new key, which signs as soon as every worker knows it. Answers its kid.

        With ``end_all`` the others are retired at once, for when one of them may be known to somebody: every token and
        every session ends.
        """
        from garcom.storage.audit import record
        from garcom.storage.tokens import living_keys, retire_key

        with self._database.write() as connection:
            before = [key.kid for key in living_keys(connection)]
            if end_all:
                for kid in before:
                    retire_key(connection, kid, now)
            made = self._make(connection, now)
            record(
                connection, "signing_key.rotate", f"signing_key:{made}", before, [made] if end_all else [made, *before]
            )
        return made

    def keep(self, now: datetime) -> None:
        """The duty: replace a key that has signed for long enough, retire what nothing needs, forget old tokens."""
        from garcom.storage import access_state
        from garcom.storage.tokens import forget_expired, living_keys, retire_key

        with self._database.read() as connection:
            keys = living_keys(connection)
        if keys and keys[0].created_at <= now - self._every:
            self.rotate(now)
        with self._database.write() as connection:
            unneeded = self._unneeded(living_keys(connection), now)
            for key in unneeded:
                retire_key(connection, key.kid, now)
            if unneeded:
                access_state.bump(connection)
            forget_expired(connection, now)

    def _unneeded(self, keys: list[KeyRow], now: datetime) -> list[KeyRow]:
        """Those that the next one has replaced so long ago that all they have signed has expired."""
        ended = now - self._longest - KNOWN_AFTER
        return [key for newer, key in itertools.pairwise(keys) if newer.created_at < ended]

    def _make(self, connection: Connection, now: datetime) -> str:
        from cryptography.hazmat.primitives.keywrap import aes_key_wrap

        from garcom.storage import access_state
        from garcom.storage.tokens import add_key

        key = SigningKey.make()
        add_key(connection, key.kid, key.public, to_base64url(aes_key_wrap(self._secret(), key.private)), now)
        access_state.bump(connection)
        return key.kid

    def _unwrapped(self, private: str) -> bytes:
        from cryptography.hazmat.primitives.keywrap import InvalidUnwrap, aes_key_unwrap

        try:
            return aes_key_unwrap(self._secret(), from_base64url(private))
        except InvalidUnwrap:
            raise SettingsError(
                f"The key that signs tokens cannot be decrypted: secrets/{SECRET} in the home folder is not the one "
                "with which it was encrypted. Restore that file, or make new keys with `garcom token rotate-keys "
                "--end-all`."
            ) from None

    def _secret(self) -> bytes:
        return secret(self._database.home, SECRET, lambda: secrets.token_bytes(_SECRET_BYTES))
