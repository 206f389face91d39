"""Tokens: asked for, exchanged, revoked. Answered by the controller, because workers have neither keys nor database."""

from __future__ import annotations

import hmac
from datetime import UTC, datetime, timedelta

import msgspec

from garcom.access import api_keys
from garcom.access.accounts import Accounts
from garcom.access.logins import Logins
from garcom.access.oauth import ErrorCode, GrantType, TokenGiven, TokenRefused, TokenRequest
from garcom.access.refresh_tokens import PREFIX, Refreshed, RefreshTokens
from garcom.access.signing_keys import SigningKeys
from garcom.access.tokens import ACCESS, SESSION, Issuer, Verifier
from garcom.controller.messages import Reply
from garcom.errors import Unauthenticated
from garcom.settings import AccessSettings
from garcom.storage import access_state, tokens
from garcom.storage.accounts import find_key
from garcom.storage.audit import CONTROLLER, Actor, record
from garcom.storage.database import Database

_JSON = Reply()
_decode = msgspec.json.Decoder(TokenRequest).decode


class TokenDesk:
    """Gives and takes tokens; its methods run in threads."""

    def __init__(self, settings: AccessSettings, database: Database, accounts: Accounts, logins: Logins) -> None:
        self._database = database
        self._accounts = accounts
        self._logins = logins
        self._issuer = Issuer(settings.issuer, settings.audience)
        self._lifetime = timedelta(minutes=settings.token_minutes)
        self._family_lifetime = timedelta(days=settings.refresh_days)
        self._keys = signing_keys(settings, database)

    def give(self, body: bytes, address: str) -> tuple[Reply, bytes]:
        """A token, or why there is none, as JSON. Raises RateLimited and other errors that are no answer of OAuth's."""
        request = _decode(body)
        now = datetime.now(UTC)
        try:
            return _JSON, msgspec.json.encode(self._given(request, address, now))
        except Unauthenticated as error:
            is_client = request.grant_type is GrantType.CLIENT_CREDENTIALS
            code = ErrorCode.INVALID_CLIENT if is_client else ErrorCode.INVALID_GRANT
            return _JSON, msgspec.json.encode(TokenRefused(error=code, error_description=str(error)))

    def revoke(self, token: str, address: str) -> tuple[Reply, bytes]:
        """End a token, and with a refresh token all that came from its login (RFC 7009 §2.1).

        One that is not valid changes nothing: it is over already.
        """
        database = self._database.by(Actor("nobody", address))
        now = datetime.now(UTC)
        if token.startswith(PREFIX):
            RefreshTokens(database, self._family_lifetime).revoke(token, now)
        else:
            self._revoke_access(database, token, now)
        return _JSON, b"{}"

    def _given(self, request: TokenRequest, address: str, now: datetime) -> TokenGiven:
        match request.grant_type:
            case GrantType.CLIENT_CREDENTIALS:
                return self._of_key(request.client_id, request.client_secret, now)
            case GrantType.PASSWORD:
                user = self._logins.check(request.username, request.password, address)
                refreshing = RefreshTokens(self._database.by(Actor(f"user:{user}", address)), self._family_lifetime)
                return self._of_user(refreshing.begin(user, now), now)
            case GrantType.REFRESH_TOKEN:
                refreshing = RefreshTokens(self._database.by(Actor("nobody", address)), self._family_lifetime)
                return self._of_user(refreshing.use(request.refresh_token, now), now)

    def _of_key(self, prefix: str, key: str, now: datetime) -> TokenGiven:
        """A token for a service: never longer than its API key is valid, and without a refresh token (§4.4.3)."""
        with self._database.read() as connection:
            found = find_key(connection, prefix)
        digest = api_keys.digest(key)
        is_right = hmac.compare_digest(digest, found.digest if found else "")
        if found is None or not is_right or found.revoked_at is not None:
            raise _no_key()
        left = self._lifetime if found.expires_at is None else min(self._lifetime, found.expires_at - now)
        if left < timedelta(seconds=1):
            raise _no_key()
        self._accounts.note_use({digest: now})
        return self._issued(f"key:{prefix}", left, now)

    def _of_user(self, refreshed: Refreshed, now: datetime) -> TokenGiven:
        given = self._issued(f"user:{refreshed.user}", self._lifetime, now, refreshed.family)
        return msgspec.structs.replace(given, refresh_token=refreshed.token)

    def _issued(self, subject: str, lifetime: timedelta, now: datetime, session: str = "") -> TokenGiven:
        text, claims = self._issuer.issue(self._keys.signer(now), subject, lifetime, now, session=session)
        return TokenGiven(access_token=text, token_type="Bearer", expires_in=claims.exp - claims.iat)

    def _revoke_access(self, database: Database, token: str, now: datetime) -> None:
        with database.read() as connection:
            verifier = Verifier(tokens.public_keys(connection), self._issuer.name, self._issuer.audience, ACCESS)
            revoked = tokens.revoked(connection, now)
        try:
            claims = verifier.verify(token, now)
        except Unauthenticated:
            return
        if claims.is_in(revoked):
            return
        with database.write() as connection:
            tokens.revoke(connection, claims.jti, claims.expires_at)
            access_state.bump(connection)
            record(connection, "token.revoke", claims.sub, after={"jti": claims.jti})


def signing_keys(settings: AccessSettings, database: Database) -> SigningKeys:
    """The keys that sign tokens, as the settings want them; what they do by the clock is told as the controller's."""
    longest = max(ACCESS.longest, min(SESSION.longest, timedelta(hours=settings.session_hours)))
    return SigningKeys(database.by(CONTROLLER), every=timedelta(days=settings.signing_key_days), longest=longest)


def _no_key() -> Unauthenticated:
    return Unauthenticated(
        "Expected the prefix of an API key as client_id and the whole key as client_secret, and one that is neither "
        "expired nor revoked; these are not."
    )
