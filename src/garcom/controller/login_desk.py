"""Sessions of browsers: begun with a password or by a provider's word, ended at a logout."""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta

import msgspec

from garcom.access.browser_logins import Arrival, PasswordLogin, Session
from garcom.access.logins import Logins
from garcom.access.provider_tokens import ExternalUsers
from garcom.access.tokens import MAX_BYTES, SESSION, Issuer, Verifier
from garcom.controller.messages import Reply
from garcom.controller.provider import Provider, refused
from garcom.controller.token_desk import signing_keys
from garcom.errors import Forbidden, NotFound, Unauthenticated
from garcom.settings import Settings
from garcom.storage import access_state, tokens
from garcom.storage.audit import Actor, record
from garcom.storage.database import Database

logger = logging.getLogger("garcom.access")

_JSON = Reply()


class LoginDesk:
    """Begins and ends sessions; its methods run in threads. ``provider`` is None where none is set."""

    def __init__(self, settings: Settings, database: Database, logins: Logins, provider: Provider | None) -> None:
        access = settings.access
        self._database = database
        self._logins = logins
        self._provider = provider
        self._external = ExternalUsers(settings.oidc)
        self._issuer = Issuer(access.issuer, access.audience)
        self._lifetime = timedelta(hours=access.session_hours)
        self._keys = signing_keys(access, database)

    def log_in(self, body: bytes, address: str) -> tuple[Reply, bytes]:
        """A session for a name and a password, as JSON. Raises Unauthenticated and RateLimited."""
        login = msgspec.json.decode(body, type=PasswordLogin)
        user = self._logins.check(login.name, login.password, address)
        return _JSON, msgspec.json.encode(self._begun(f"user:{user}", address))

    def log_out(self, token: str, address: str) -> tuple[Reply, bytes]:
        """End a session; one that is not valid changes nothing."""
        now = datetime.now(UTC)
        with self._database.read() as connection:
            verifier = Verifier(tokens.public_keys(connection), self._issuer.name, self._issuer.audience, SESSION)
            revoked = tokens.revoked(connection, now)
        try:
            claims = verifier.verify(token, now)
        except Unauthenticated:
            return _JSON, b"{}"
        if not claims.is_in(revoked):
            with self._database.by(Actor(claims.sub, address)).write() as connection:
                tokens.revoke(connection, claims.jti, claims.expires_at)
                access_state.bump(connection)
                record(connection, "session.logout", claims.sub)
        return _JSON, b"{}"

    def depart(self, redirect_uri: str, next_path: str) -> tuple[Reply, bytes]:
        """Where a browser goes to log in at the provider, as JSON."""
        return _JSON, msgspec.json.encode(self._known_provider().departure(redirect_uri, next_path))

    def arrive(self, body: bytes, redirect_uri: str, address: str) -> tuple[Reply, bytes]:
        """A session for who came back from the provider, as JSON.

        Raises Unauthenticated, and Forbidden for somebody to whom no group gives a role.
        """
        found = self._known_provider().arrive(msgspec.json.decode(body, type=Arrival), redirect_uri)
        groups = self._external.groups(found.claims)
        try:
            name = self._external.name(found.claims)
        except Unauthenticated as error:
            raise refused(f"its ID token names nobody: {error}") from None
        if not self._external.grants(groups):
            logger.warning("login of somebody without a role", extra={"user": f"external:{name}"})
            raise Forbidden(
                "Expected a member of a group to which the setting oidc.roles gives a role, got one of none. Ask an "
                "administrator."
            )
        session = self._begun(f"external:{name}", address, groups)
        return _JSON, msgspec.json.encode(msgspec.structs.replace(session, next=found.next))

    def fetch_keys(self) -> tuple[Reply, bytes]:
        """Put the provider's keys as they are now into the run folder."""
        self._known_provider().fetch_keys()
        return _JSON, b"{}"

    def _begun(self, subject: str, address: str, groups: tuple[str, ...] = ()) -> Session:
        now = datetime.now(UTC)
        token, claims = self._issuer.issue(
            self._keys.signer(now), subject, self._lifetime, now, kind=SESSION, groups=groups
        )
        # A browser keeps no cookie of more than 4,096 bytes, its name and attributes included (RFC 6265 §6.1).
        if len(token) > MAX_BYTES - 256:
            raise Forbidden("Expected fewer groups of this user in oidc.roles: they do not fit into a cookie.")
        with self._database.by(Actor(subject, address)).write() as connection:
            record(connection, "session.login", subject, after={"groups": groups} if groups else None)
        return Session(token=token, seconds=claims.exp - claims.iat)

    def _known_provider(self) -> Provider:
        if self._provider is None:
            raise NotFound("Expected the settings oidc.issuer and oidc.client_id, which are not set.")
        return self._provider
